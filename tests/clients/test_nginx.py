"""nginx with api/proxies/nginx.conf: Debian's nginx, auth_request."""

import pytest

from peers import nginx
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
