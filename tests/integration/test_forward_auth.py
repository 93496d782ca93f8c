"""/verify/nginx, /verify/forwarded and /verify/envoy/…: who may ask, what is read and answered.

The proxies themselves are in tests/clients; here is what they could do wrong."""

import re
import socket
import time

import pytest

from support import jwt, wire
from support.fleet import fleet_in
from support.service import APP, FORGER, RS, ok
from support.wire import basic

BODY_401 = b'{"detail": "Could not validate credentials"}'
BODY_403 = b'{"detail": "Access forbidden: Insufficient permissions"}'
IDENTITY = ("x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client")

POLICY = """
default: deny
rules:
  - match: {path: /public/**}
    allow: [{anyone: true}]
  - match: {methods: [GET, PUT], path: /users/{owner}/**}
    allow: [{owner: true}, {roles: [support]}]
  - match: {path: /reports/*}
    allow: [{roles: [user], scopes: [read]}]
    cache_s: 5
  - match: {path: /held/public}
    allow: [{anyone: true}]
    cache_s: 300
  - match: {path: /held/{owner}}
    allow: [{owner: true}]
    cache_s: 300
  - match: {methods: [POST], path: /orders}
    allow: [{scopes: [write]}]
  - match: {path: /vault}
    allow: [{scopes: [vault:open, vault:read]}]
  - match: {path: /app}
    allow: [{client: [app]}]
  - match: {path: /closed}
    allow: []
  - match: {path: /any}
    allow: [{roles: [user, admin]}]
"""

# The URL, and its headers for the method, the target and the host.
DIALECTS = {
    "nginx": ("X-Original-Method", "X-Original-URI", "X-Original-Host"),
    "forwarded": ("X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"),
}
BY_HEADERS = pytest.mark.parametrize("dialect", list(DIALECTS))
ALL = pytest.mark.parametrize("dialect", [*DIALECTS, "envoy"])


def question(dialect, method, uri, query=""):
    """Method, target and headers of a proxy's question."""
    if dialect == "envoy":
        return method, "/verify/envoy" + uri, []
    names = DIALECTS[dialect]
    return "GET", f"/verify/{dialect}{query}", [(names[0], method), (names[1], uri)]


def bearer(token):
    return [("Authorization", f"Bearer {token}")] if token is not None else []


def ask(service, dialect, method, uri, token=None, headers=(), query="", body=None):
    own_method, target, own = question(dialect, method, uri, query)
    service.secrets.update([token] if token else [])
    return service.request(own_method, target, [*own, *bearer(token), *headers], body)


def identity(answer):
    return [answer.one(name) for name in IDENTITY]


def assert_denied(answer, scope=None):
    assert answer.status == 403 and answer.body == BODY_403, answer
    challenge = 'Bearer realm="tokend", error="insufficient_scope"'
    assert answer.one("www-authenticate") == challenge + (f', scope="{scope}"' if scope else "")
    assert identity(answer) == [""] * 5


def assert_unauthenticated(answer, description=None):
    assert answer.status == 401 and answer.body == BODY_401, answer
    challenge = 'Bearer realm="tokend"'
    if description:
        challenge += f', error="invalid_token", error_description="{description}"'
    assert answer.one("www-authenticate") == challenge
    assert identity(answer) == [""] * 5


def assert_nobody(answer):
    assert ok(answer) == {"active": False}
    assert identity(answer) == [""] * 5


def assert_alice(answer):
    assert ok(answer)["sub"] == "u-alice" and answer.json["active"] is True
    assert identity(answer) == ["u-alice", "alice", "user", "read write", "default"]
    assert not answer.has("www-authenticate")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture(scope="module")
def asked(stocked, policy, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("asked")) as fleet:
        yield fleet.serve({"policy.file": policy, "forward_auth.trusted_peers": "127.0.0.1"})


@pytest.fixture(scope="module")
def alice(asked):
    return asked.tokens()["access_token"]


def forged(service, **more):
    """A token that the service's own key has signed, with claims that no command would take."""
    header = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}
    return jwt.hs256(jwt.unb64(FORGER["k"]), header,
                     jwt.claims(service.tokens()["access_token"]) | more)


# ---- who may ask ----

@pytest.mark.parametrize("peers", ["", "10.0.0.0/8", "127.0.0.2,10.0.0.0/8,::1", "unix",
                                   "128.0.0.0/1"])
def test_who_is_not_trusted_is_denied_everything(fleet, policy, peers):
    service = fleet.serve({"policy.file": policy, "forward_auth.trusted_peers": peers})
    token = service.tokens()["access_token"]
    for dialect in (*DIALECTS, "envoy"):
        for credentials in (token, None, "bad"):
            for uri in ("/public/x", "/users/u-alice/x"):
                assert_denied(ask(service, dialect, "GET", uri, credentials))
        claims_to_be = [("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")]
        assert_denied(ask(service, dialect, "GET", "/public/x", token, claims_to_be))
    ok(service.verify(token))  # for which nobody has to be trusted


@pytest.mark.parametrize("peers", ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "10.0.0.0/8 127.0.0.1",
                                   "::1,127.0.0.1/32", "::ffff:127.0.0.1"])
def test_who_is_trusted_may_ask(fleet, policy, peers):
    service = fleet.serve({"policy.file": policy, "forward_auth.trusted_peers": peers})
    token = service.tokens()["access_token"]
    for dialect in (*DIALECTS, "envoy"):
        assert_alice(ask(service, dialect, "GET", "/users/u-alice/x", token))
        assert_nobody(ask(service, dialect, "GET", "/public/x"))


def test_trust_goes_by_the_address_that_connects(asked):
    """127.0.0.2 is not 127.0.0.1."""
    method, target, headers = question("nginx", "GET", "/public/x")
    with socket.socket() as peer:
        peer.bind(("127.0.0.2", 0))
        peer.connect(("127.0.0.1", asked.port))
        peer.sendall(wire.request_bytes(method, target, headers + [("Connection", "close")]))
        assert peer.makefile("rb").readline().startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("peers", ["localhost", "10.0.0.1/8", "127.0.0.1:80", "300.0.0.1"])
def test_peers_that_are_no_addresses_are_refused(fleet, peers):
    service = fleet.make({"forward_auth.trusted_peers": peers})
    assert "forward_auth.trusted_peers" in service.refused("serve")


def test_without_a_policy_nobody_may_do_anything(fleet):
    service = fleet.serve({"forward_auth.trusted_peers": "127.0.0.1"})
    token = service.tokens()["access_token"]
    for dialect in (*DIALECTS, "envoy"):
        for credentials in (token, None):
            assert_denied(ask(service, dialect, "GET", "/public/x", credentials))
        assert_unauthenticated(ask(service, dialect, "GET", "/public/x", "bad"), "malformed")


# ---- each URL has its own headers ----

@BY_HEADERS
def test_a_dialect_reads_its_own_headers_and_needs_each_once(asked, alice, dialect):
    method_name, uri_name, _ = DIALECTS[dialect]
    method, uri = (method_name, "GET"), (uri_name, "/public/x")

    def answer(*headers):
        return asked.get(f"/verify/{dialect}", [*headers, *bearer(alice)])

    assert_alice(answer(method, uri))
    assert_alice(answer((uri_name.upper(), "/public/x"), (method_name.lower(), "GET")))
    for headers in ([], [method], [uri], [method, method, uri], [method, uri, uri],
                    [method, uri, (uri_name, "/users/u-bob")],
                    [method, (method_name, "POST"), uri],
                    [method, uri, (uri_name.lower(), "/public/x")],
                    [(method_name, ""), (uri_name, "")], [method, (uri_name, "")]):
        assert_denied(answer(*headers))


@BY_HEADERS
def test_other_families_count_for_nothing(asked, alice, dialect):
    other = next(name for name in DIALECTS if name != dialect)
    _, _, open_door = question(other, "GET", "/public/x")
    _, _, closed_door = question(other, "GET", "/closed")
    more = [("X-Envoy-Original-Path", "/public/x"), ("X-Original-URL", "/public/x"),
            ("X-Rewrite-URL", "/public/x"), ("X-Forwarded-Prefix", "/public"),
            ("X-HTTP-Method-Override", "POST"), ("Forwarded", "for=127.0.0.1;host=x")]
    assert_denied(asked.get(f"/verify/{dialect}", open_door + more + bearer(alice)))
    assert_denied(ask(asked, dialect, "GET", "/closed", alice, open_door + more))
    assert_alice(ask(asked, dialect, "GET", "/users/u-alice/x", alice, closed_door + more))
    for _, _, door in (question(name, "GET", "/public/x") for name in DIALECTS):
        assert_denied(ask(asked, "envoy", "GET", "/closed", alice, door + more))
    for _, _, door in (question(name, "GET", "/closed") for name in DIALECTS):
        assert_alice(ask(asked, "envoy", "GET", "/public/x", alice, door + more))


def test_dialects_are_not_mixed(asked, alice):
    """One of these and one of those is no question."""
    for method, uri in (("X-Original-Method", "X-Forwarded-Uri"),
                        ("X-Forwarded-Method", "X-Original-URI")):
        for dialect in DIALECTS:
            assert_denied(asked.get(f"/verify/{dialect}", [(method, "GET"), (uri, "/public/x"),
                                                           *bearer(alice)]))


@BY_HEADERS
@pytest.mark.parametrize("query", ["?owner=u-alice", "?owner=u-bob", "?role=nobody", "?scope=none",
                                   "?x=y&x=y", "?", "?uri=/closed", "?%zz"])
def test_the_query_is_never_a_demand(asked, alice, dialect, query):
    assert_alice(ask(asked, dialect, "GET", "/users/u-alice/x", alice, query=query))
    assert_denied(ask(asked, dialect, "GET", "/users/u-bob/x", alice, query=query))
    assert_denied(ask(asked, dialect, "GET", "/closed", alice, query=query))


@ALL
@pytest.mark.parametrize("query", ["?owner=u-alice", "?role=user", "?a=/../../closed", "?%zz", "?",
                                   "?/public/x", "?x=%2e%2e/%252f;y//\\", "?a?b"])
def test_the_applications_query_is_no_part_of_the_path(asked, alice, dialect, query):
    assert_alice(ask(asked, dialect, "GET", "/users/u-alice/x" + query, alice))
    assert_denied(ask(asked, dialect, "GET", "/users/u-bob/x" + query, alice))


@pytest.mark.parametrize("target", ["/verify/", "/verify/nginx/", "/verify/nginx/public/x",
                                    "/verify/forwarded/", "/verify/Nginx", "/verify/envoy",
                                    "/verify/apache", "/verify//nginx", "/verify/./nginx",
                                    "/verify/%6eginx"])
def test_there_is_no_other_url(asked, alice, target):
    headers = [row for name in DIALECTS for row in question(name, "GET", "/public/x")[2]]
    assert asked.get(target, headers + bearer(alice)).status == 404


# ---- who is it? ----

@ALL
def test_no_token(asked, dialect):
    assert_nobody(ask(asked, dialect, "GET", "/public/x"))
    for uri in ("/users/u-alice", "/closed", "/nowhere"):
        assert_unauthenticated(ask(asked, dialect, "GET", uri))
    for value in (basic(*RS), "Digest x", "Bearerx y"):
        headers = [("Authorization", value)]
        assert_nobody(ask(asked, dialect, "GET", "/public/x", headers=headers))
        assert_unauthenticated(ask(asked, dialect, "GET", "/users/u-alice", headers=headers))


@ALL
def test_a_bad_token_is_401_even_where_anyone_may_go(asked, alice, dialect):
    broken = alice[:-4] + ("AAAA" if not alice.endswith("AAAA") else "BBBB")
    expired = forged(asked, exp=int(time.time()) - 1)
    for token, word in (("", "malformed"), ("x", "malformed"), ("a.b.c", "malformed"),
                        (broken, "invalid"), (expired, "expired")):
        for uri in ("/public/x", "/users/u-alice", "/closed", "/nowhere", "/public/../closed"):
            assert_unauthenticated(ask(asked, dialect, "GET", uri, token), word)


@ALL
def test_what_is_revoked_is_so_at_once(asked, dialect):
    pair = asked.tokens("bob", client=APP)
    ok(ask(asked, dialect, "GET", "/users/u-bob", pair["access_token"]))
    ok(asked.revoke(pair["refresh_token"], client=APP))
    for uri in ("/users/u-bob", "/public/x"):
        assert_unauthenticated(ask(asked, dialect, "GET", uri, pair["access_token"]), "revoked")


@ALL
def test_two_credentials_are_400(asked, alice, dialect):
    for more in (bearer(alice), bearer("bad"), [("Authorization", basic(*RS))]):
        answer = ask(asked, dialect, "GET", "/public/x", alice, more)
        assert answer.status == 400 and set(answer.json) == {"detail"}, answer


@ALL
def test_who_may_what(asked, alice, dialect):
    bob, boss = (asked.tokens(name)["access_token"] for name in ("bob", "boss"))
    app = asked.tokens(client=APP)["access_token"]
    for method, uri, token in (
            ("GET", "/users/u-alice", alice), ("GET", "/users/u-alice/", alice),
            ("PUT", "/users/u-alice/a/b", alice), ("GET", "/users/u-alice/x", bob),
            ("GET", "/users/u-alice/x", boss), ("GET", "/any", boss), ("PATCH", "/any", alice),
            ("GET", "/reports/q3", alice), ("POST", "/orders", alice), ("GET", "/app", app)):
        assert ok(ask(asked, dialect, method, uri, token, body=b""))["active"] is True
    for method, uri, token, scope in (
            ("GET", "/users/u-bob", alice, None), ("POST", "/users/u-alice", alice, None),
            ("GET", "/users", alice, None), ("GET", "/users/", alice, None),
            ("GET", "/reports/", alice, None), ("GET", "/reports/q3/x", alice, None),
            ("GET", "/reports/q3", boss, None), ("GET", "/orders", alice, None),
            ("POST", "/orders/", alice, None), ("POST", "/orders", bob, "write"),
            ("GET", "/vault", alice, "vault:open vault:read"), ("GET", "/app", alice, None),
            ("GET", "/closed", boss, None), ("GET", "/", boss, None),
            ("GET", "/Public/x", alice, None), ("GET", "/users/U-alice", alice, None)):
        assert_denied(ask(asked, dialect, method, uri, token, body=b""), scope)


@BY_HEADERS
def test_get_covers_head_and_methods_have_their_case(asked, alice, dialect):
    assert_alice(ask(asked, dialect, "HEAD", "/users/u-alice", alice))
    for method in ("get", "Get", "head", "put", "POST", "DELETE", "GET ,PUT", "GETX", "GE", "TRACE",
                   "GET POST", "*"):
        assert_denied(ask(asked, dialect, method, "/users/u-alice", alice))
    assert_denied(ask(asked, dialect, "HEAD", "/orders", alice))
    assert_denied(ask(asked, dialect, "post", "/orders", alice))
    # Where a rule names no method, all are meant.
    for method in ("get", "PROPFIND", "HEAD"):
        assert_alice(ask(asked, dialect, method, "/any", alice))


@BY_HEADERS
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH",
                                    "BREW"])
def test_the_method_of_the_question_is_not_the_method_in_question(asked, alice, dialect, method):
    _, target, headers = question(dialect, "GET", "/users/u-alice")
    answer = asked.request(method, target, headers + bearer(alice), b"")
    assert answer.status == 200 and answer.one("x-auth-subject") == "u-alice"
    _, target, headers = question(dialect, "DELETE", "/users/u-alice")
    assert asked.request(method, target, headers + bearer(alice), b"").status == 403


# ---- the identity ----

@ALL
def test_identity_headers_are_never_the_requests(asked, alice, dialect):
    spoofed = [(name, "u-root") for name in IDENTITY] + [("X-Auth-Roles", "admin"),
                                                         ("x_auth_subject", "u-root")]
    assert_alice(ask(asked, dialect, "GET", "/users/u-alice", alice, spoofed))
    assert_nobody(ask(asked, dialect, "GET", "/public/x", None, spoofed))
    assert_denied(ask(asked, dialect, "GET", "/closed", alice, spoofed))
    assert_unauthenticated(ask(asked, dialect, "GET", "/closed", None, spoofed))


@ALL
def test_identity_headers_are_percent_encoded(asked, dialect):
    token = forged(asked, sub='a b%,\u00e9"\\\u2028', username="Zo\u00eb \U0001f600, %41:;=",
                   roles=["user", "x:y"], scope="read a%b")
    answer = ask(asked, dialect, "GET", "/any", token)
    assert ok(answer)["sub"] == 'a b%,\u00e9"\\\u2028'
    assert identity(answer) == ['a%20b%25,%C3%A9"\\%E2%80%A8',
                                "Zo%C3%AB%20%F0%9F%98%80,%20%2541:;=", "user,x:y",
                                "read a%25b", "default"]


@pytest.mark.parametrize("claim", ["sub", "username", "scope", "client_id"])
@pytest.mark.parametrize("letter", ["\r\nX-Auth-Subject: u-root", "\0", "\x7f", "\x85"], ids=ascii)
def test_control_letters_never_reach_a_header(asked, claim, letter):
    token = forged(asked, **{claim: "a" + letter})
    assert_unauthenticated(ask(asked, "nginx", "GET", "/public/x", token), "malformed")


def test_who_has_nothing_has_empty_headers(asked):
    token = forged(asked, roles=[], scope="", username="")
    answer = ask(asked, "nginx", "GET", "/users/u-alice", token)
    assert ok(answer)["roles"] == []
    assert identity(answer) == ["u-alice", "", "", "", "default"]


# ---- how long a proxy may remember ----

def max_age(answer):
    found = re.fullmatch(r"private, max-age=(\d+)", answer.one("cache-control"))
    assert found and answer.one("vary") == "Authorization", answer
    return int(found[1])


@ALL
def test_only_a_200_of_a_rule_that_says_so_may_be_kept(asked, alice, dialect):
    assert max_age(ask(asked, dialect, "GET", "/reports/q3", alice)) == 5
    assert max_age(ask(asked, dialect, "GET", "/held/u-alice", alice)) == 300
    assert max_age(ask(asked, dialect, "GET", "/held/public")) == 300
    for uri, token, status in (("/held/u-bob", alice, 403), ("/reports/q3", None, 401),
                               ("/held/public", "bad", 401), ("/users/u-alice", alice, 200),
                               ("/public/x", None, 200)):
        answer = ask(asked, dialect, "GET", uri, token)
        assert answer.status == status and answer.one("cache-control") == "no-store", answer


@ALL
def test_no_longer_than_the_token_lives(asked, dialect):
    token = forged(asked, exp=int(time.time()) + 60)
    assert 1 <= max_age(ask(asked, dialect, "GET", "/held/u-alice", token)) <= 60
    assert 1 <= max_age(ask(asked, dialect, "GET", "/held/public", token)) <= 60


# ---- crooked paths ----

# Ways to what is bob's, or closed, for alice: servers read such paths in more than one way.
CROOKED = [
    "/users/u-alice/../u-bob", "/users/u-alice/%2e%2e/u-bob", "/users/u-alice/.%2E/u-bob",
    "/users/u-alice/%2e./u-bob", "/users/u-alice/..;/u-bob", "/users/u-alice/..;x=y/u-bob",
    "/users/u-alice/..%3b/u-bob", "/users/u-alice/%2e%2e%3b/u-bob",
    "/users/u-alice/..%2fu-bob", "/users/u-alice%2f..%2fu-bob", "/users/u-alice%2F..%2Fu-bob",
    "/users/u-alice/%252e%252e/u-bob", "/users/u-alice/..%252fu-bob",
    "/users/u-alice%252f..%252fu-bob",
    "/users/u-alice/%25252e%25252e/u-bob", "/users/u-alice/%%32%65%%32%65/u-bob",
    "/users/u-alice/..%5cu-bob", "/users/u-alice/%2e%2e%5cu-bob", "/users/u-alice%5c..%5cu-bob",
    "/users/u-alice/%c0%ae%c0%ae/u-bob", "/users/u-alice/%e0%80%ae%e0%80%ae/u-bob",
    "/users/u-alice/..%c0%afu-bob", "/users/u-alice/%uff0e%uff0e/u-bob",
    "/users/u-alice%00/../u-bob", "/users/u-bob%00", "/users/u-alice%00", "/public/x%00",
    "/users/u-alice%0a", "/users/u-alice%0d%0aX:y", "/users/u-alice%7f", "/users/u-alice%80",
    "/users/u-bob;u-alice", "/users/;u-alice/u-bob", "/users/u-alice;/../u-bob",
    "/users//u-bob", "//users/u-bob", "/users/./u-bob", "/users/x/../u-bob",
    "/users/%75-bob", "/users/u-bob%2f", "/users/u-bob/.", "/users/u-bob/x/..",
    "/public/../closed", "/public/%2e%2e/closed", "/public/..%2fclosed", "/public/..%5cclosed",
    "/public/..;/closed", "/public/x/../../closed", "/public%2f..%2fclosed", "/public/.%2e/closed",
    "/public;/../closed", "/./closed", "//closed", "/closed/", "/closed;x", "/closed%20", "/Closed",
    "/%63losed", "/closed%3b", "/closed/.", "/closed/x/..", "/;/closed", "/%2e/closed",
    "/public/../users/u-bob", "/..", "/../..", "/../public/x", "/public/../../public/x",
    "/public/%", "/public/%2", "/public/%zz", "/public/%2g", "/public/%-1",
    "/public\\..\\closed", "/users/u-alice/..\\u-bob", "/public/..\\closed",
    "/public#/../closed", "/public/x#", "/users/u-bob#/users/u-alice",
]


@ALL
@pytest.mark.parametrize("uri", CROOKED)
def test_crooked_paths_lead_nowhere(asked, alice, dialect, uri):
    if dialect == "envoy" and ("\\" in uri or "#" in uri):
        assert ask(asked, dialect, "GET", uri, alice).status in (400, 403)
        return
    assert_denied(ask(asked, dialect, "GET", uri, alice))
    assert_unauthenticated(ask(asked, dialect, "GET", uri))


# And back: a strict reader takes them for alice's, who reads them as they stand does not.
BACK = [
    "/users/u-bob/../u-alice", "/users/u-bob/%2e%2e/u-alice", "/users/u-bob/..%2fu-alice",
    "/users/u-bob%2f..%2fu-alice", "/users/u-bob/..;/u-alice", "/users/u-bob/..%5cu-alice",
    "/closed/../public/x", "/closed/%2e%2e/public/x", "/closed/..;x/public/x", "/x/../any",
    "//public/x", "/./public/x", "/public;x/y", "/;x/public/y", "/%70ublic/x", "/%61ny", "/any;x",
    "/users/u-alice;x/y", "/users//u-alice", "/users/;/u-alice", "/users%2fu-alice", "/%2fany",
    "/reports/x/..%2fq3", "/reports//q3", "/held/./public", "/held/public%3bx",
]


@ALL
@pytest.mark.parametrize("uri", BACK)
def test_what_could_be_somebody_elses_is_nobodys(asked, alice, dialect, uri):
    assert_denied(ask(asked, dialect, "GET", uri, alice))
    assert_unauthenticated(ask(asked, dialect, "GET", uri))


@BY_HEADERS
@pytest.mark.parametrize("uri", ["users/u-alice", "*", "", "?", "?/public/x", "/public/x\tx",
                                 "http://tokend.test/public/x", "https://x/users/u-alice",
                                 "//tokend.test/public/x", "public/x", "\\public\\x", ":/public/x",
                                 "/public/\xff", "/public/\xc3"])
def test_what_is_no_path_is_denied(asked, alice, dialect, uri):
    assert_denied(ask(asked, dialect, "GET", uri, alice))


@BY_HEADERS
@pytest.mark.parametrize("uri", ["/public/\0", "/public/x\0/../closed", "/public/\x01",
                                 "/public/\x7f"], ids=ascii)
def test_raw_control_letters_are_not_http(asked, alice, dialect, uri):
    own_method, target, own = question(dialect, "GET", uri)
    answer = wire.exchange(asked.port, own_method, target, own + bearer(alice))
    assert answer.status in (400, 403)


@ALL
@pytest.mark.parametrize("uri", [
    "/users/u-alice/a%20b", "/users/u-alice/%C3%A9t%C3%A9", "/users/u-alice//x",
    "/users/u-alice/./x", "/users/u-alice/x/../y", "/users/u-alice/x;y=z", "/users/u-alice/a%2fb",
    "/users/%75-alice/x", "/users/u-alice/~a+b,c=d@e:f!$&'()*", "/users/u-alice/100%25",
    "/users/u-alice/...", "/users/u-alice/..x", "/users/u-alice/%3Cscript%3E", "/users/u-alice//",
])
def test_straight_paths_are_not_held_for_crooked_ones(asked, alice, dialect, uri):
    """Read in every way they are alice's."""
    assert_alice(ask(asked, dialect, "GET", uri, alice))


@ALL
def test_a_path_has_an_end(asked, alice, dialect):
    start = "/users/u-alice/"
    assert_alice(ask(asked, dialect, "GET", start + "x" * (4096 - len(start)), alice))
    assert_alice(ask(asked, dialect, "GET", "/users/u-alice" + "/x" * 62, alice))
    for uri in (start + "x" * (4097 - len(start)), "/users/u-alice" + "/x" * 63,
                "/public" + "/x" * 2000, "/public/" + "%41" * 1400, "/" * 4000,
                "/public/" + "../" * 1000):
        assert_denied(ask(asked, dialect, "GET", uri, alice))
    assert ask(asked, dialect, "GET", "/public/" + "x" * 200000, alice).status in (400, 403, 413)


# ---- hosts ----

HOSTS = """
rules:
  - match: {path: /**, host: admin.example.com}
    allow: [{roles: [admin]}]
  - match: {path: /**, host: "*.example.com"}
    allow: [{roles: [user]}]
  - match: {path: /status}
    allow: [{anyone: true}]
"""


@pytest.fixture(scope="module")
def hosted(stocked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosted")
    path = folder / "policy.yaml"
    path.write_text(HOSTS)
    with fleet_in(stocked, folder) as fleet:
        yield fleet.serve({"policy.file": path, "forward_auth.trusted_peers": "127.0.0.1"})


def ask_host(service, dialect, uri, hosts, token=None):
    """`hosts`: as often as the header stands there."""
    if dialect != "envoy":
        names = DIALECTS[dialect]
        return ask(service, dialect, "GET", uri, token, [(names[2], host) for host in hosts])
    lines = [f"GET /verify/envoy{uri} HTTP/1.1", *(f"Host: {host}" for host in hosts)]
    lines += [f"{name}: {value}" for name, value in bearer(token)]
    with wire.Wire(service.port) as connection:
        connection.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        return connection.answer()


@ALL
def test_rules_of_a_host(hosted, dialect):
    token, boss = (hosted.tokens(name)["access_token"] for name in ("alice", "boss"))
    for host in ("admin.example.com", "ADMIN.Example.COM", "admin.example.com:8443",
                 "admin.example.com:", "admin.example.com.", "admin.example.com.:80"):
        assert ok(ask_host(hosted, dialect, "/x", [host], boss))["sub"] == "u-boss"
        assert_denied(ask_host(hosted, dialect, "/status", [host], token))
        assert_unauthenticated(ask_host(hosted, dialect, "/status", [host]))
    for host in ("www.example.com", "a.b.example.com:80", "WWW.EXAMPLE.COM"):
        assert_alice(ask_host(hosted, dialect, "/x", [host], token))
        assert_denied(ask_host(hosted, dialect, "/x", [host], boss))
    for host in ("example.com", "example.org", "adminXexample.com", "evil-example.com", "[::1]:80",
                 "127.0.0.1:8080", "admin.example.com.evil.org"):
        assert_nobody(ask_host(hosted, dialect, "/status", [host]))
        assert_denied(ask_host(hosted, dialect, "/x", [host], token))


@BY_HEADERS
@pytest.mark.parametrize("hosts", [[], [""], ["www.example.com"] * 2,
                                   ["www.example.com", "example.org"],
                                   [":80"], ["x" * 300], ["www.example.com, example.org"],
                                   ["user@www.example.com"], ["www.example.com/x"], ["."]], ids=str)
def test_a_host_that_is_not_known_opens_nothing(hosted, dialect, hosts):
    token = hosted.tokens()["access_token"]
    for uri in ("/status", "/x"):
        assert_denied(ask_host(hosted, dialect, uri, hosts, token))


def test_each_dialect_has_its_own_host(hosted):
    """None of the other families', and not the Host that the question itself came with."""
    token = hosted.tokens()["access_token"]
    all_hosts = [("X-Original-Host", "www.example.com"), ("X-Forwarded-Host", "www.example.com"),
                 ("X-Host", "www.example.com"), ("Forwarded", "host=www.example.com")]
    for dialect in (*DIALECTS, "envoy"):
        own = DIALECTS[dialect][2] if dialect in DIALECTS else None
        others = [row for row in all_hosts if row[0] != own]
        assert_denied(ask(hosted, dialect, "GET", "/x", token, others))


def test_without_rules_of_hosts_no_host_is_needed(asked, alice):
    for hosts in ([], [""], ["a", "b"]):
        assert_alice(ask_host(asked, "nginx", "/users/u-alice", hosts, alice))


# ---- Envoy asks with the request itself ----

def test_envoys_question_is_the_request(asked, alice):
    for method, uri, status in (
            ("GET", "/users/u-alice", 200), ("PUT", "/users/u-alice", 200),
            ("DELETE", "/users/u-alice", 403), ("POST", "/orders", 200), ("GET", "/orders", 403),
            ("PATCH", "/any", 200), ("OPTIONS", "/any", 200), ("OPTIONS", "/orders", 403),
            ("PROPFIND", "/any", 200), ("get", "/any", 200), ("get", "/users/u-alice", 403),
            ("HEAD", "/users/u-alice", 200), ("HEAD", "/orders", 403)):
        answer = asked.request(method, "/verify/envoy" + uri, bearer(alice), b"")
        assert answer.status == status, (method, uri, answer)
        assert answer.one("x-auth-subject") == ("u-alice" if status == 200 else "")
    assert_denied(asked.get("/verify/envoy/", bearer(alice)))


def test_a_preflight_is_a_request_like_any_other(asked, alice):
    headers = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET")]
    answer = asked.request("OPTIONS", "/verify/envoy/orders", headers + bearer(alice), b"")
    assert_denied(answer)
    assert not answer.has("access-control-allow-origin")


@pytest.mark.parametrize("headers, body", [
    ([("Content-Length", "5")], b"hello"),
    ([("Content-Length", "14"), ("Content-Type", "application/x-www-form-urlencoded")],
     b"owner=u-alice&"),
], ids=str)
def test_a_body_is_read_over(asked, alice, headers, body):
    request = wire.request_bytes("POST", "/verify/envoy/orders", headers + bearer(alice))
    with wire.Wire(asked.port) as connection:
        for _ in range(2):  # the second shows that nothing of the first one's body was left
            connection.send(request + body)
            assert_alice(connection.answer("POST"))


def test_a_body_without_an_end_in_sight_is_refused(asked, alice):
    answer = asked.request("POST", "/verify/envoy/orders", bearer(alice), b"x" * 20000)
    assert answer.status == 413
    headers = [("Transfer-Encoding", "chunked"), *bearer(alice)]
    with wire.Wire(asked.port) as connection:
        connection.send(wire.request_bytes("POST", "/verify/envoy/orders", headers)
                        + b"5\r\nhello\r\n0\r\n\r\n")
        assert connection.answer("POST").status == 411


def test_an_absolute_target_names_the_question_not_the_path(asked, alice):
    for target in ("http://tokend.test/verify/envoy/public/x", "http://other/verify/envoy/public/x",
                   "http://tokend.test/public/x"):
        assert asked.get(target, bearer(alice)).status in (400, 404)


# ---- many at once ----

def test_a_thousand_questions_on_one_connection(asked, alice):
    with wire.Wire(asked.port) as connection:
        for i in range(200):
            for uri, status in (("/users/u-alice", 200), (f"/users/u-{i}", 403), ("/public/x", 200),
                                ("/users/u-alice/%2e%2e/u-bob", 403), ("/orders", 403)):
                _, target, headers = question("forwarded", "GET", uri)
                connection.send(wire.request_bytes("GET", target, headers + bearer(alice)))
                assert connection.answer().status == status
