"""Caddy with api/proxies/Caddyfile: Debian's caddy, forward_auth."""

import pytest

from peers.program import path_of
from peers.site import site
from peers.walk import RelayingWalk, walk_hosts

MAIN = """
{
    admin off
    auto_https off
    storage file_system %(home)s
}
http://:%(port)d {
    bind 127.0.0.1
%(snippet)s
}
"""


def prepare(place, home):
    text = MAIN % {"home": home, "port": place.port, "snippet": place.snippet("Caddyfile")}
    (home / "Caddyfile").write_text(text)
    # It keeps what it was told last, for a restart that shall do the same.
    return ["env", f"XDG_CONFIG_HOME={home}", f"XDG_DATA_HOME={home}", path_of("caddy"), "run",
            "--config", home / "Caddyfile", "--adapter", "caddyfile"]


@pytest.fixture(scope="module")
def proxied(stocked, tmp_path_factory):
    with site(stocked, tmp_path_factory.mktemp("caddy"), prepare) as place:
        yield place


class TestCaddy(RelayingWalk):
    nobody = [""]
    down = 502


def test_policies_that_name_hosts(stocked, tmp_path):
    walk_hosts(stocked, tmp_path, prepare)
