"""nginx with api/proxies/nginx.conf: Debian's nginx, auth_request."""

import contextlib
import re

import pytest

from peers import nginx
from peers.relay import relay
from peers.site import site
from peers.walk import PolicyWalk, walk_hosts


def prepare(place, home):
    return nginx.command(home, place.port, place.snippet("nginx.conf"))


@pytest.fixture(scope="module")
def proxied(stocked, tmp_path_factory):
    with site(stocked, tmp_path_factory.mktemp("nginx"), prepare) as place:
        yield place


class TestNginx(PolicyWalk):
    # nginx sends no header whose value is empty, and answers 500 when there is no answer.
    nobody = []
    down = 500

    def test_the_question_itself_cannot_be_asked_from_outside(self, proxied):
        token = self.alice(proxied)
        for target in ("/_tokend", "/%5ftokend", "//_tokend", "/public/../_tokend"):
            assert proxied.stops("GET", target, token).status == 404


def test_policies_that_name_hosts(stocked, tmp_path):
    walk_hosts(stocked, tmp_path, prepare)


def test_connections_to_tokend_are_kept(stocked, tmp_path):
    """An answer with a body to auth_request made nginx close the connection, and open one for each check."""
    with contextlib.ExitStack() as stack:
        wire = []

        def prepare_kept(place, home):
            wire.append(stack.enter_context(relay(place.service.port)))
            snippet = place.snippet("nginx.conf")
            upstream, = re.findall(r"# +(upstream tokend .*)", snippet)
            named = snippet.replace(f"http://127.0.0.1:{place.service.port}/verify",
                                    "http://tokend/verify")
            assert named.count("http://tokend/verify") > snippet.count("http://tokend/verify")
            here = upstream.replace(str(place.service.port), str(wire[0].port))
            return nginx.command(home, place.port, named, here)

        with site(stocked, tmp_path, prepare_kept) as place:
            token = place.service.tokens()["access_token"]
            for _ in range(20):
                place.reaches("GET", "/public/page", token)
                assert place.stops("GET", "/nobody/may", token).status == 403
            assert wire[0].calls == 1
