"""What every proxy must do: one class of tests, and one file per proxy.

A test file has the fixture `proxied` (see peers/site.py) and a class that says how its proxy
differs. What counts is what the application hears: what must not pass may fail in several ways.
"""

import signal
import time

import pytest

from support import jwt
from support.service import APP, FORGER, ok
from support.wait import at_once
from support.wire import request_bytes

from .site import named, site

BODY_401 = b'{"detail": "Could not validate credentials"}'
BODY_403 = b'{"detail": "Access forbidden: Insufficient permissions"}'
ALICE = {"X-Auth-Subject": ["u-alice"], "X-Auth-User": ["alice"], "X-Auth-Roles": ["user"],
         "X-Auth-Scope": ["read write"], "X-Auth-Client": ["default"]}
# Applications that read headers as variables (CGI, WSGI) take all of these for the same.
SPELLINGS = ("X-Auth-%s", "x-auth-%s", "X_Auth_%s", "X-Auth_%s", "X_Auth-%s", "X_AUTH_%s")
NAMES = ("Subject", "User", "Roles", "Scope", "Client")
# Who believes any of these lets a client write its own question.
MISLEADING = [
    ("X-Original-URI", "/public/logo.png"), ("X-Original-URL", "/public/logo.png"),
    ("X-Original-Method", "POST"), ("X-Original-Host", "elsewhere"), ("X-Rewrite-URL", "/public/x"),
    ("X-Forwarded-Uri", "/public/logo.png"), ("X-Forwarded-Method", "POST"),
    ("X-Forwarded-Host", "x"),
    ("X-Forwarded-Prefix", "/public"), ("X-Forwarded-For", "127.0.0.1"),
    ("X-Http-Method-Override", "POST"),
    ("Forwarded", "for=127.0.0.1;host=x;proto=https"),
]
# Somebody's path to something of bob's, for alice: servers read such paths in more than one way.
CROOKED = [
    "/users/u-alice/../u-bob/orders", "/users/u-alice/%2e%2e/u-bob/orders",
    "/users/u-alice/.%2E/u-bob",
    "/users/u-alice/%252e%252e/u-bob/orders", "/users/u-alice%2f..%2fu-bob/orders",
    "/users/u-alice/..%2fu-bob/orders", "/users/u-alice/..%252fu-bob",
    "/users/u-alice/..;/u-bob/orders",
    "/users/u-alice/..%3b/u-bob", "/users/u-alice/..%5cu-bob", "/users/u-alice/..\\u-bob",
    "//users/u-bob/orders", "/users//u-bob/orders", "/./users/u-bob", "/users/./u-bob",
    "/public/../users/u-bob", "/public/%2e%2e/users/u-bob", "/public/..%2fusers%2fu-bob",
    "/public/..;/users/u-bob", "/public/;/../../users/u-bob", "/public%2f..%2fusers%2fu-bob",
    "/public/..%5c..%5cusers/u-bob", "/public/%252e%252e/users/u-bob", "/public\\..\\users\\u-bob",
    "/users/u-bob;a=b/orders", "/users;x/u-bob", "/users/u%2dbob/orders", "/%75sers/u-bob",
    "/users/u-bob%00", "/users/u-bob%0d%0aX-Auth-Subject:%20u-bob", "/users/u-alice%00/../u-bob",
    "/public/%c0%ae%c0%ae/users/u-bob", "/public/%", "/public/%2", "/public/%zz/../users/u-bob",
    "/Public/logo.png", "/users/u-bob/public/", "/users/U-ALICE", "/users/", "/",
    "/users/u-bob?/users/u-alice", "/users/u-bob?/public/x", "/users/u-bob#/public/x",
    "/public#/../users/u-bob",
    "http://tokend.test/users/u-bob", "http://tokend.test//public/../users/u-bob", "users/u-alice",
    "*",
]

STRAIGHT = ["/users/u-alice/a%20b", "/users/u-alice/%C3%A9t%C3%A9", "/users/u-alice/",
            "/public/~a/b+c,d=e@f:g",
            "/public/x?y=/../%2e%2e/%252f;z//&owner=u-bob", "/public/x?"]


def expired(service):
    """Good in all else: by a key that the service knows."""
    claims = jwt.claims(service.tokens()["access_token"])
    header = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}
    assert ok(service.verify(jwt.hs256(jwt.unb64(FORGER["k"]), header, claims)))
    claims |= {"iat": int(time.time()) - 900, "exp": int(time.time()) - 1}
    return jwt.hs256(jwt.unb64(FORGER["k"]), header, claims)


class Walk:
    """The policy is api/proxies/policy.yaml, or the same in the proxy's own words."""

    nobody = []  # what an application gets in X-Auth-Subject when nobody has logged in
    down = 503  # to who asks while tokend is down
    two_credentials = 400
    gives_the_reason = True  # in its challenge
    asks_always = True  # even where anyone may go

    @staticmethod
    def alice(proxied):
        return proxied.service.tokens()["access_token"]

    @staticmethod
    def token(proxied, name):
        return proxied.service.tokens(name)["access_token"]

    def unauthenticated(self, answer, word):
        assert answer.status == 401, answer
        challenge = answer.one("www-authenticate")
        assert challenge.startswith("Bearer "), answer
        if word and self.gives_the_reason:
            assert f'error_description="{word}"' in challenge, answer

    def forbidden(self, answer):
        assert answer.status == 403, answer

    # ---- who may ----

    def test_owners_are_allowed_and_named(self, proxied):
        got = proxied.reaches("GET", "/users/u-alice/orders?page=2", self.alice(proxied))
        assert (got["method"], got["target"]) == ("GET", "/users/u-alice/orders?page=2")
        assert {name: named(got, name) for name in ALICE} == ALICE

    def test_roles_are_allowed(self, proxied):
        got = proxied.reaches("GET", "/users/u-alice/orders", self.token(proxied, "bob"))
        assert named(got, "X-Auth-Roles") == ["user,support"]
        got = proxied.reaches("GET", "/reports/q3", self.token(proxied, "boss"))
        assert named(got, "X-Auth-User") == ["boss"]
        proxied.reaches("GET", "/users/u-alice", self.token(proxied, "boss"))

    def test_anyone_is_allowed_where_anyone_is(self, proxied):
        got = proxied.reaches("GET", "/public/logo.png")
        assert named(got, "X-Auth-Subject") == self.nobody

    def test_head_and_put_go_where_get_goes_or_not(self, proxied):
        token = self.alice(proxied)
        assert proxied.reaches("HEAD", "/users/u-alice", token)["method"] == "HEAD"
        got = proxied.reaches("PUT", "/users/u-alice/name", token, body=b"Alice")
        assert got["body"] == "Alice"
        self.forbidden(proxied.stops("DELETE", "/users/u-alice", token))
        self.forbidden(proxied.stops("HEAD", "/users/u-bob", token))

    def test_a_body_goes_through_and_decides_nothing(self, proxied):
        token = self.alice(proxied)
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        body = b"role=admin&owner=u-bob&access_token=x" * 2000
        assert proxied.reaches("POST", "/orders", token, form, body)["body"] == body.decode()
        self.forbidden(proxied.stops("POST", "/orders", self.token(proxied, "bob"), form, body))
        self.unauthenticated(proxied.stops("POST", "/orders", None, form, body), None)

    def test_a_chunked_body_goes_through(self, proxied):
        headers = [("Authorization", f"Bearer {self.alice(proxied)}"),
                   ("Transfer-Encoding", "chunked")]
        data = request_bytes("POST", "/orders", headers) + b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
        assert proxied.send(data, "POST").status == 200
        assert proxied.application.requests[-1]["body"] == "helloyou"

    # ---- who may not ----

    def test_somebody_elses_is_forbidden(self, proxied):
        self.forbidden(proxied.stops("GET", "/users/u-bob/orders", self.alice(proxied)))

    def test_a_missing_role_is_forbidden(self, proxied):
        self.forbidden(proxied.stops("GET", "/reports/q3", self.alice(proxied)))

    def test_what_no_rule_names_is_forbidden(self, proxied):
        self.forbidden(proxied.stops("GET", "/elsewhere", self.token(proxied, "boss")))

    def test_no_token(self, proxied):
        self.unauthenticated(proxied.stops("GET", "/users/u-alice"), None)
        basic = [("Authorization", "Basic YWxpY2U6eA==")]
        self.unauthenticated(proxied.stops("GET", "/users/u-alice", headers=basic), None)

    def test_a_token_anywhere_else_is_no_token(self, proxied):
        token = self.alice(proxied)
        self.unauthenticated(proxied.stops("GET", f"/users/u-alice?access_token={token}"), None)
        cookie = [("Cookie", f"access_token={token}")]
        self.unauthenticated(proxied.stops("GET", "/users/u-alice", headers=cookie), None)

    def test_a_bad_token(self, proxied):
        for token, word in (("x", "malformed"), (self.alice(proxied)[:-8] + "AAAAAAAA", "invalid"),
                            (proxied.service.tokens()["refresh_token"], "malformed"),
                            (expired(proxied.service), "expired")):
            self.unauthenticated(proxied.stops("GET", "/users/u-alice", token), word)

    def test_revoked_is_revoked_at_once(self, proxied):
        token = proxied.service.tokens(client=APP)["access_token"]
        proxied.reaches("GET", "/users/u-alice", token)
        ok(proxied.service.revoke(token, client=APP))
        self.unauthenticated(proxied.stops("GET", "/users/u-alice", token), "revoked")

    def test_two_credentials_are_none(self, proxied):
        mine, bobs = self.alice(proxied), self.token(proxied, "bob")
        for headers in ([("Authorization", f"Bearer {bobs}")], [("Authorization", "Basic x")]):
            answer = proxied.stops("GET", "/users/u-alice", mine, headers)
            assert answer.status == self.two_credentials, answer

    # ---- who says to be somebody else, or to want something else ----

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_nobody_names_themselves(self, proxied, spelling):
        forged = [(spelling % name, "u-root") for name in NAMES]
        for arguments in (("GET", "/users/u-alice", self.alice(proxied)),
                          ("GET", "/public/x", None)):
            answer = proxied.ask(*arguments, headers=forged)
            if answer.status == 200:
                got = proxied.application.requests[-1]
                assert "u-root" not in [value for _, value in got["headers"]], got
            else:
                self.forbidden(answer)

    @pytest.mark.parametrize("name", ["X-Auth-Subject", "X-Forwarded-Uri", "X-Original-URI",
                                      "Authorization",
                                      "X-Forwarded-Method"])
    def test_no_header_can_be_taken_off(self, proxied, name):
        """Connection: what it names belongs to one hop, and some proxies take it off late."""
        off = [("Connection", f"close, {name}")]
        proxied.stops("GET", "/users/u-bob", self.alice(proxied), off)
        for target, token in (("/users/u-alice", self.alice(proxied)), ("/public/x", None)):
            if proxied.ask("GET", target, token, off).status == 200:
                subject = named(proxied.application.requests[-1], "X-Auth-Subject")
                assert subject == (["u-alice"] if token else self.nobody)

    def test_no_client_writes_the_question(self, proxied):
        token = self.alice(proxied)
        for header in MISLEADING:
            for headers in ([header], [header, header]):
                self.forbidden(proxied.stops("GET", "/users/u-bob", token, headers))
                proxied.reaches("GET", "/users/u-alice", token, headers)
                self.unauthenticated(proxied.stops("GET", "/users/u-alice", None, headers), None)
        self.forbidden(proxied.stops("GET", "/users/u-bob", token, MISLEADING))

    @pytest.mark.parametrize("query", ["owner=u-alice", "role=user", "owner=u-alice&role=user", "?",
                                       "x=%zz",
                                       "/../public/x", "scope=read"])
    def test_a_query_demands_nothing(self, proxied, query):
        token = self.alice(proxied)
        self.forbidden(proxied.stops("GET", f"/users/u-bob?{query}", token))
        self.unauthenticated(proxied.stops("GET", f"/users/u-alice?{query}"), None)
        got = proxied.reaches("GET", f"/users/u-alice?owner=u-bob&role=none&{query}", token)
        assert got["target"] == f"/users/u-alice?owner=u-bob&role=none&{query}"

    @pytest.mark.parametrize("target", CROOKED)
    def test_no_crooked_path_leads_to_somebody_elses(self, proxied, target):
        for token in (self.alice(proxied), None):
            proxied.stops("GET", target, token)

    @pytest.mark.parametrize("target", STRAIGHT)
    def test_what_was_judged_is_what_the_application_hears(self, proxied, target):
        assert proxied.reaches("GET", target, self.alice(proxied))["target"] == target

    @pytest.mark.parametrize("method", ["get", "Get", "gET", "delete", "PROPFIND", "GETS", "TRACE"])
    def test_no_other_method_is_taken_for_get(self, proxied, method):
        proxied.stops(method, "/users/u-alice", self.alice(proxied))

    def test_connections_that_stay_open_carry_nothing_over(self, proxied):
        """A request that was let through says nothing about the next one on its connection."""
        good = request_bytes("GET", "/users/u-alice",
                             [("Authorization", f"Bearer {self.alice(proxied)}")])
        bad = request_bytes("GET", "/users/u-alice", [("Connection", "close")])
        before = len(proxied.application.requests)
        proxied.send(good + bad)
        proxied.send(bad + good)
        assert len(proxied.application.requests) == before + 1

    # ---- when tokend cannot be asked ----

    def test_while_tokend_hangs_nobody_passes(self, proxied):
        token = self.alice(proxied)
        proxied.service.halt()
        try:
            answer = proxied.stops("GET", "/users/u-alice", token)
        finally:
            proxied.service.signal(signal.SIGCONT)
        assert answer.status >= 500 or answer.status == 401, answer
        proxied.reaches("GET", "/users/u-alice", token)

    def test_while_tokend_is_down_nobody_passes(self, proxied):
        token = self.alice(proxied)
        proxied.service.stop()
        try:
            paths = ["/users/u-alice", "/users/u-bob"] + ["/public/x"] * self.asks_always
            jobs = [lambda path=path: proxied.ask("GET", path, token) for path in paths]
            answers = proxied.unheard(lambda: at_once(*jobs))
            assert {answer.status for answer in answers} == {self.down}
        finally:
            proxied.service.start()
        proxied.reaches("GET", "/users/u-alice", token)


class PolicyWalk(Walk):
    """Proxies that ask /verify."""

    def test_a_bad_token_is_bad_even_where_anyone_may_go(self, proxied):
        self.unauthenticated(proxied.stops("GET", "/public/logo.png", "x"), "malformed")

    def test_names_that_no_header_may_hold_are_encoded(self, proxied):
        name, password = "Élan vital, 100%", "the password of somebody"
        proxied.service.cli("user", "add", name, stdin=password + "\n")
        token = proxied.service.tokens(name, password)["access_token"]
        got = proxied.reaches("GET", "/public/logo.png", token)
        assert named(got, "X-Auth-User") == ["%C3%89lan%20vital,%20100%25"]

    def test_a_proxy_that_is_not_trusted_passes_nobody(self, proxied):
        """Its address is taken off the list."""
        token = self.alice(proxied)
        proxied.service.options["forward_auth.trusted_peers"] = "127.0.0.2"
        try:
            proxied.service.restart()
            self.forbidden(proxied.stops("GET", "/users/u-alice", token))
            self.forbidden(proxied.stops("GET", "/public/logo.png"))
        finally:
            proxied.service.options["forward_auth.trusted_peers"] = "127.0.0.1"
            proxied.service.restart()


class RelayingWalk(PolicyWalk):
    """Proxies that give tokend's answer to the client, to the letter."""

    def unauthenticated(self, answer, word):
        super().unauthenticated(answer, word)
        assert answer.body in (BODY_401, b""), answer
        assert 'realm="tokend"' in answer.one("www-authenticate")

    def forbidden(self, answer):
        super().forbidden(answer)
        assert answer.body in (BODY_403, b""), answer
        assert 'error="insufficient_scope"' in answer.one("www-authenticate")


# ---- policies that name hosts ----

HOSTS = """
rules:
  - match: {path: /**, host: admin.test}
    allow: []
  - match: {path: /**, host: site.test}
    allow: [{anyone: true}]
"""


def walk_hosts(stocked, folder, prepare):
    """The host is the one that the application hears, and no header but Host says it."""
    policy = folder / "hosts.yaml"
    policy.write_text(HOSTS)
    with site(stocked, folder, prepare, {"policy.file": policy}) as place:
        def ask(host, target="/x", more=""):
            head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"
            return place.send(head.encode())

        for host in ("site.test", "SITE.test", "site.test:8000"):
            assert ask(host).status == 200, host
        for host in ("admin.test", "ADMIN.test:8000", "other.test", "site.test.other"):
            assert place.unheard(lambda host=host: ask(host)).status == 401, host
        for name in ("X-Forwarded-Host", "X-Original-Host", "Host"):
            told = place.unheard(lambda name=name: ask("admin.test", more=f"{name}: site.test\r\n"))
            assert told.status in (400, 401), name
        assert place.unheard(lambda: ask("site.test", "http://admin.test/x")).status in (400, 401)
