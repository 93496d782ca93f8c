"""Apache with api/proxies/apache.conf: Debian's libapache2-mod-oauth2 introspects, Apache decides.

The rules are those of policy.yaml in Apache's words: the walk is the same, but for what it says.
"""

import pytest

from peers.program import path_of
from peers.site import named, site
from peers.walk import Walk

SECRET = "the-secret-of-apache-0123456789abcdef"
MODULES = ("mpm_event", "authn_core", "authz_core", "authz_host", "headers", "proxy", "proxy_http",
           "setenvif", "oauth2")
# As root it wants somebody to become; as anybody else it does not mind.
MAIN = """
ServerRoot %(home)s
ServerName localhost
PidFile %(home)s/pid
ErrorLog /dev/stderr
DefaultRuntimeDir %(home)s
User nobody
Group nogroup
ProxyTimeout 5
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 16
%(modules)s
Listen 127.0.0.1:%(port)d
<VirtualHost 127.0.0.1:%(port)d>
%(snippet)s
</VirtualHost>
"""


def prepare(place, home):
    place.service.cli("client", "add", "apache", "--grant", "client_credentials",
                      "--scope", "introspect", "--secret-stdin", stdin=SECRET + "\n")
    snippet = place.snippet("apache.conf")
    assert "client_secret=SECRET" in snippet
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                        for name in MODULES)
    text = MAIN % {"home": home, "port": place.port, "modules": modules,
                   "snippet": snippet.replace("=SECRET", "=" + SECRET)}
    (home / "apache.conf").write_text(text)
    return [path_of("apache2"), "-D", "FOREGROUND", "-f", home / "apache.conf"]


@pytest.fixture(scope="module")
def proxied(stocked, tmp_path_factory):
    with site(stocked, tmp_path_factory.mktemp("apache"), prepare) as place:
        yield place


class TestApache(Walk):
    nobody = [""]
    # The module says the same of every token that it has no good word about.
    down = 401
    two_credentials = 401
    gives_the_reason = False
    asks_always = False

    def test_names_go_through_as_they_are(self, proxied):
        name, password = "Élan vital, 100%", "the password of somebody"
        proxied.service.cli("user", "add", name, stdin=password + "\n")
        token = proxied.service.tokens(name, password)["access_token"]
        proxied.service.cli("user", "roles", name, "--role", "support")
        self.unauthenticated(proxied.stops("GET", "/users/u-alice", token), None)
        got = proxied.reaches("GET", "/users/u-alice",
                              proxied.service.tokens(name, password)["access_token"])
        assert [value.encode("latin-1").decode() for value in named(got, "X-Auth-User")] == [name]

    @pytest.mark.long
    def test_while_tokend_hangs_nobody_passes(self, proxied):
        """The module waits 15 s, and no option says otherwise."""
        super().test_while_tokend_hangs_nobody_passes(proxied)
