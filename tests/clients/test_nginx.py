"""nginx with api/proxies/nginx.conf: Debian's nginx, auth_request."""

import pytest

from peers.program import path_of
from peers.site import site
from peers.walk import PolicyWalk, walk_hosts

MAIN = """
daemon off; master_process off; worker_processes 1;
pid %(home)s/pid; error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %(home)s/body; proxy_temp_path %(home)s/proxy;
    fastcgi_temp_path %(home)s/f; uwsgi_temp_path %(home)s/u; scgi_temp_path %(home)s/s;
    server {
        listen 127.0.0.1:%(port)d;
%(snippet)s
    }
}
"""


def prepare(place, home):
    text = MAIN % {"home": home, "port": place.port, "snippet": place.snippet("nginx.conf")}
    (home / "nginx.conf").write_text(text)
    return [path_of("nginx"), "-p", home, "-e", "stderr", "-c", home / "nginx.conf"]


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
