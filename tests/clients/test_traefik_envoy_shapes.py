"""What Traefik and Envoy send, sent by hand straight to tokend.

Neither is in Debian 12, so neither runs here. The shapes are those of their documentation:
Traefik's ForwardAuth asks GET with the X-Forwarded-* of the request and a copy of its headers;
Envoy's ext_authz asks with the request's own method and its path behind `path_prefix`,
Content-Length 0, and of its headers Authorization alone.
"""

import pytest

from peers.site import OPTIONS
from support.fleet import fleet_in
from support.wire import Wire, exchange, request_bytes

IDENTITY = ("x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client")


@pytest.fixture(scope="module")
def asked(stocked, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("asked")) as fleet:
        yield fleet.serve(OPTIONS)


def bearer(token):
    return [("Authorization", f"Bearer {token}")] if token else []


def traefik(service, method, uri, token=None, headers=()):
    given = [("User-Agent", "curl/8"), ("Accept", "*/*"), ("Cookie", "a=b"), *bearer(token),
             *headers,
             ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Host", "site.example"),
             ("X-Forwarded-Method", method), ("X-Forwarded-Port", "443"),
             ("X-Forwarded-Proto", "https"), ("X-Forwarded-Server", "traefik"),
             ("X-Forwarded-Uri", uri), ("X-Real-Ip", "192.0.2.1"), ("Accept-Encoding", "gzip")]
    return service.get("/verify/forwarded", given)


def envoy(service, method, uri, token=None, headers=()):
    return service.request(method, "/verify/envoy" + uri,
                           bearer(token) + list(headers) + [("X-Envoy-Internal", "true")], b"")


SHAPES = pytest.mark.parametrize("ask", [traefik, envoy])


@SHAPES
def test_who_may(asked, ask):
    alice, bob = (asked.tokens(name)["access_token"] for name in ("alice", "bob"))
    for method, uri, token in (("GET", "/users/u-alice/orders?page=2", alice),
                               ("PUT", "/users/u-alice", alice),
                               ("GET", "/users/u-alice", bob), ("POST", "/orders", alice)):
        answer = ask(asked, method, uri, token)
        assert answer.status == 200, answer
        assert answer.one("x-auth-user") == ("bob" if token == bob else "alice")
    nobody = ask(asked, "GET", "/public/logo.png")
    assert nobody.status == 200 and nobody.json == {"active": False}
    assert [nobody.one(name) for name in IDENTITY] == [""] * 5


@SHAPES
def test_who_may_not(asked, ask):
    alice, bob = (asked.tokens(name)["access_token"] for name in ("alice", "bob"))
    for method, uri, token, status in (
            ("GET", "/users/u-bob", alice, 403), ("DELETE", "/users/u-alice", alice, 403),
            ("GET", "/reports/q3", alice, 403), ("POST", "/orders", bob, 403),
            ("get", "/users/u-alice", alice, 403),
            ("GET", "/elsewhere", alice, 403), ("GET", "/users/u-alice", None, 401),
            ("GET", "/users/u-alice", "x", 401), ("GET", "/public/x", "x", 401)):
        answer = ask(asked, method, uri, token)
        # Envoy's request is the request itself: a method that is none may be refused as such.
        refused = ask is envoy and method == "get" and answer.status >= 400
        assert answer.status == status or refused, answer
        if status == 401:
            assert answer.one("www-authenticate").startswith('Bearer realm="tokend"')


@SHAPES
@pytest.mark.parametrize("uri", [
    "/users/u-alice/../u-bob", "/users/u-alice/%2e%2e/u-bob", "/users/u-alice/%252e%252e/u-bob",
    "//users/u-bob",
    "/users/u-alice/..;/u-bob", "/users/u-alice%2f..%2fu-bob", "/public/..%2fusers/u-bob",
    "/public/..%5cx/../users",
    "/users/u-bob;x", "/users/u-bob%00", "/users/u-bob?owner=u-alice", "/users/u-bob?role=user",
])
def test_crooked_paths(asked, ask, uri):
    assert ask(asked, "GET", uri, asked.tokens()["access_token"]).status >= 400


@SHAPES
def test_other_families_of_headers_count_for_nothing(asked, ask):
    token = asked.tokens()["access_token"]
    headers = [("X-Original-URI", "/public/x"), ("X-Original-Method", "GET"),
               ("Forwarded", "for=127.0.0.1"),
               ("X-Envoy-Original-Path", "/public/x"), ("X-Auth-Subject", "u-bob")]
    assert ask(asked, "GET", "/users/u-bob", token, headers).status == 403
    answer = ask(asked, "GET", "/users/u-alice", token, headers)
    assert answer.status == 200 and answer.one("x-auth-subject") == "u-alice"


def test_traefik_with_a_header_twice_or_none(asked):
    token = asked.tokens()["access_token"]
    for name, value in (("X-Forwarded-Uri", "/users/u-alice"), ("X-Forwarded-Method", "GET"),
                        ("x-forwarded-uri", "/public/x")):
        assert traefik(asked, "GET", "/users/u-alice", token, [(name, value)]).status == 403
    for left in ([("X-Forwarded-Uri", "/users/u-alice")], [("X-Forwarded-Method", "GET")], []):
        assert asked.get("/verify/forwarded", bearer(token) + left).status == 403


def test_envoy_reads_no_forwarded_header(asked):
    token = asked.tokens()["access_token"]
    headers = [("X-Forwarded-Uri", "/users/u-alice"), ("X-Forwarded-Method", "GET")]
    assert envoy(asked, "GET", "/users/u-bob", token, headers).status == 403
    assert envoy(asked, "DELETE", "/users/u-alice", token, headers).status == 403


def test_envoy_allows_on_200_only_and_gets_it_for_every_method(asked):
    token = asked.tokens()["access_token"]
    for method in ("GET", "HEAD", "PUT"):
        with Wire(asked.port) as wire:
            wire.send(request_bytes(method, "/verify/envoy/users/u-alice", bearer(token), b""))
            assert wire.answer(to=method).status == 200


@SHAPES
def test_no_policy_or_no_trust_is_no_access(fleet, ask):
    for options in ({"policy.file": OPTIONS["policy.file"]},
                    {"forward_auth.trusted_peers": "127.0.0.1"},
                    OPTIONS | {"forward_auth.trusted_peers": "127.0.0.2,10.0.0.0/8"}):
        service = fleet.serve(options)
        token = service.tokens()["access_token"]
        assert ask(service, "GET", "/users/u-alice", token).status == 403
        assert ask(service, "GET", "/public/logo.png").status == 403


def test_a_proxy_may_keep_what_the_rule_says(asked):
    """For so many seconds, for this bearer alone, and never what was refused."""
    def cache(token, uri="/reports/q3"):
        answer = exchange(asked.port, "GET", "/verify/envoy" + uri, bearer(token))
        return answer.status, answer.one("cache-control"), answer.all("vary")

    boss, alice = (asked.tokens(name)["access_token"] for name in ("boss", "alice"))
    assert cache(boss) == (200, "private, max-age=5", ["Authorization"])
    assert cache(alice)[:2] == (403, "no-store")
    assert cache(alice, "/users/u-alice")[:2] == (200, "no-store")
