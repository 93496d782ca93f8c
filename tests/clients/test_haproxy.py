"""HAProxy with api/proxies/haproxy.cfg and tokend.lua: Debian's haproxy, which has Lua."""

import pytest

from peers.program import path_of
from peers.site import site
from peers.walk import RelayingWalk, walk_hosts

LUA = "/etc/haproxy/tokend.lua"


def write(place, home, lua):
    (home / "tokend.lua").write_text(lua)
    text = place.snippet("haproxy.cfg")
    assert LUA in text
    (home / "haproxy.cfg").write_text(text.replace(LUA, str(home / "tokend.lua")))
    return [path_of("haproxy"), "-db", "-f", home / "haproxy.cfg"]


def prepare(place, home):
    return write(place, home, place.snippet("tokend.lua"))


@pytest.fixture(scope="module")
def proxied(stocked, tmp_path_factory):
    with site(stocked, tmp_path_factory.mktemp("haproxy"), prepare) as place:
        yield place


class TestHaproxy(RelayingWalk):
    nobody = [""]
    down = 503


def test_policies_that_name_hosts(stocked, tmp_path):
    walk_hosts(stocked, tmp_path, prepare)


# ---- what is not there, or fails, lets nobody pass ----

FAILURES = {
    "before the question": ("local function question(txn)",
                            "local function question(txn) error('no')"),
    "in the middle of the identity": ('"x-auth-roles", "x-auth-scope"', '"x-auth-roles", {}'),
    "after the answer": ("    -- Last,", "    error('no')\n    -- Last,"),
    "in the address": ("/verify/forwarded", "/nothing/there"),
}


@pytest.mark.parametrize("old, new", FAILURES.values(), ids=FAILURES)
def test_a_failing_script_fails_closed(stocked, tmp_path, old, new):
    def broken(place, home):
        lua = place.snippet("tokend.lua")
        assert old in lua
        return write(place, home, lua.replace(old, new))

    with site(stocked, tmp_path, broken) as place:
        token = place.service.tokens()["access_token"]
        assert place.stops("GET", "/users/u-alice", token).status == 503
        assert place.stops("GET", "/public/logo.png").status == 503
