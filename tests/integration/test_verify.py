"""/verify: the seed's three answers, letter by letter, and what a query may demand."""

import pytest

from support import jwt
from support.service import APP, RS, SVC, ok
from support.wire import basic

BODY_401 = b'{"detail": "Could not validate credentials"}'
BODY_403 = b'{"detail": "Access forbidden: Insufficient permissions"}'
IDENTITY = ("x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client")


@pytest.fixture(scope="module")
def alice(shared):
    return shared.tokens()["access_token"]


def identity(answer):
    return {name: answer.one(name) for name in IDENTITY}


def assert_unauthenticated(answer, description=None):
    """`description` None: no token was brought."""
    assert answer.status == 401 and answer.body == BODY_401, answer
    challenge = 'Bearer realm="tokend"'
    if description:
        challenge += f', error="invalid_token", error_description="{description}"'
    assert answer.one("www-authenticate") == challenge
    assert set(identity(answer).values()) == {""}


def assert_forbidden(answer, scope=None):
    assert answer.status == 403 and answer.body == BODY_403, answer
    challenge = 'Bearer realm="tokend", error="insufficient_scope"'
    if scope:
        challenge += f', scope="{scope}"'
    assert answer.one("www-authenticate") == challenge
    assert set(identity(answer).values()) == {""}


# ---- no token, bad token ----

@pytest.mark.parametrize("headers", [
    [], [("Authorization", basic(*RS))], [("Authorization", "Digest x")],
    [("Authorization", "Token x")],
    [("Authorization", "Bearerx y")],
], ids=str)
def test_no_token(shared, headers):
    assert_unauthenticated(shared.get("/verify", headers))
    assert_unauthenticated(shared.get("/verify?role=user", headers))


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer ä",
                                   "Bearer x",
                                   "Bearer a.b", "Bearer a.b.c.d", "bearer ..", "BEARER a.b.c"])
def test_a_malformed_token(shared, value):
    assert_unauthenticated(shared.get("/verify", [("Authorization", value)]), "malformed")


def test_a_refresh_token_is_no_access_token(shared):
    assert_unauthenticated(shared.verify(shared.tokens()["refresh_token"]), "malformed")


def test_a_token_in_the_query_counts_for_nothing(shared, alice):
    for target in (f"/verify?access_token={alice}", f"/verify?token={alice}"):
        assert shared.get(target).status == 400
    shared.secrets.add(alice)


def test_a_token_in_the_body_counts_for_nothing(shared, alice):
    body = f"access_token={alice}".encode()
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    assert_unauthenticated(shared.request("POST", "/verify", headers, body))


def test_two_credentials_are_400(shared, alice):
    twice = [("Authorization", f"Bearer {alice}")] * 2
    answer = shared.get("/verify", twice)
    assert answer.status == 400 and answer.json == {"detail": "Two credentials"}
    assert answer.one("www-authenticate") == 'Bearer realm="tokend", error="invalid_request"'
    mixed = [("Authorization", f"Bearer {alice}"), ("Authorization", basic(*RS))]
    assert shared.get("/verify", mixed).status == 400


# ---- a good one ----

def test_a_good_token_as_it_stands(shared, alice):
    answer = shared.verify(alice)
    claims = jwt.claims(alice)
    assert ok(answer) == {
        "active": True, "sub": "u-alice", "user_id": "u-alice", "username": "alice", "role": "user",
        "roles": ["user"], "scope": "read write", "client_id": "default", "exp": claims["exp"],
        "iat": claims["iat"], "sid": claims["sid"], "jti": claims["jti"],
        "iss": shared.issuer, "aud": shared.issuer,
    }
    assert answer.body.startswith(b'{"active":true') or answer.body.startswith(b'{"active": true')
    assert identity(answer) == {
        "x-auth-subject": "u-alice", "x-auth-user": "alice", "x-auth-roles": "user",
        "x-auth-scope": "read write", "x-auth-client": "default",
    }
    assert not answer.has("www-authenticate")


def test_the_scheme_has_no_case_and_post_and_head_do_too(shared, alice):
    for scheme in ("bearer", "BEARER", "bEaReR"):
        ok(shared.get("/verify", [("Authorization", f"{scheme} {alice}")]))
    assert shared.verify(alice, method="POST").status == 200
    answer = shared.verify(alice, method="HEAD")
    assert answer.status == 200 and answer.one("x-auth-subject") == "u-alice"


def test_a_clients_own_token(shared):
    answer = shared.verify(shared.client_token(SVC)["access_token"])
    assert ok(answer)["sub"] == "client:svc"
    assert identity(answer) == {
        "x-auth-subject": "client:svc", "x-auth-user": "", "x-auth-roles": "",
        "x-auth-scope": "introspect", "x-auth-client": "svc",
    }


def test_several_roles_are_parted_by_commas(shared):
    answer = shared.verify(shared.tokens("bob")["access_token"])
    assert answer.one("x-auth-roles") == "user,support"
    assert ok(answer)["roles"] == ["user", "support"]


def test_identity_headers_are_never_the_requests_own(shared, alice):
    spoofed = [(name, "root") for name in IDENTITY] + [("X-Forwarded-User", "root")]
    answer = shared.verify(alice, headers=spoofed)
    assert answer.one("x-auth-subject") == "u-alice" and answer.one("x-auth-user") == "alice"
    assert_unauthenticated(shared.get("/verify", spoofed))


@pytest.mark.parametrize("name, header", [
    ("Élan vital", "%C3%89lan%20vital"),
    ("100%, sure", "100%25,%20sure"),
    ("日本", "%E6%97%A5%E6%9C%AC"),
])
def test_what_no_header_may_hold_is_percent_encoded(shared, name, header):
    shared.cli("user", "add", name, stdin="the password of somebody\n")
    token = shared.tokens(name, "the password of somebody")["access_token"]
    answer = shared.verify(token)
    assert answer.one("x-auth-user") == header and ok(answer)["username"] == name


# ---- demands ----

ALLOWED = ["", "?", "?owner=u-alice", "?role=user", "?role=admin&role=user", "?scope=read",
           "?scope=write+read", "?scope=read%20write", "?owner=u-alice&role=user&scope=read"]
FORBIDDEN = ["?owner=u-bob", "?owner=alice", "?owner=U-ALICE", "?role=admin", "?role=User",
             "?role=admin&role=support", "?role=use", "?owner=u-bob&role=user",
             "?owner=u-alice&role=admin",
             "?aud=https://elsewhere"]
FORBIDDEN_SCOPE = [("?scope=admin", "admin"), ("?scope=read+admin", "read admin"),
                   ("?scope=READ", "READ"),
                   ("?owner=u-alice&scope=more", "more")]
SENSELESS = ["?owner=", "?role=", "?scope=", "?aud=", "?owner=u-alice&owner=u-alice",
             "?scope=read&scope=read",
             "?aud=a&aud=b", "?unknown=1", "?owner=u-alice&x", "?OWNER=u-alice", "?owner=%zz",
             "?owner=%00",
             "?owner=%ff", "?scope=read++write", "?scope=+read", "?role=user&role=", "?scope=a%22b",
             "?" + "&".join(f"role=r{i}" for i in range(40))]


@pytest.mark.parametrize("query", ALLOWED)
def test_a_demand_that_is_met(shared, alice, query):
    assert ok(shared.verify(alice, query))["sub"] == "u-alice"


def test_the_audience_that_the_token_has(shared, alice):
    ok(shared.verify(alice, f"?aud={shared.issuer}"))


@pytest.mark.parametrize("query", FORBIDDEN)
def test_a_demand_that_is_not_met(shared, alice, query):
    assert_forbidden(shared.verify(alice, query))


@pytest.mark.parametrize("query, scope", FORBIDDEN_SCOPE)
def test_a_missing_scope_is_named(shared, alice, query, scope):
    assert_forbidden(shared.verify(alice, query), scope)


@pytest.mark.parametrize("query", SENSELESS)
def test_a_demand_that_makes_no_sense_allows_nobody(shared, alice, query):
    boss = shared.tokens("boss")["access_token"]
    for token in (alice, boss, None):
        answer = shared.verify(token, query)
        assert answer.status == 400 and set(answer.json) == {"detail"}, answer


@pytest.mark.parametrize("query, says", [
    ("?rolle=user", "A parameter is unknown: owner, role, scope and aud are known"),
    ("?owner=", "A parameter is empty"),
    ("?role=user&role=", "A parameter is empty"),
    ("?owner=a&owner=a", "A parameter is given too often"),
    ("?owner=%zz", "The query is malformed"),
    ("?scope=a%22b", "scope is malformed"),
])
def test_a_demand_that_makes_no_sense_says_why(shared, alice, query, says):
    assert shared.verify(alice, query).json == {"detail": says}


@pytest.mark.parametrize("query", ALLOWED + FORBIDDEN)
def test_a_bad_token_is_401_whatever_the_demand(shared, alice, query):
    broken = alice[:-4] + ("AAAA" if not alice.endswith("AAAA") else "BBBB")
    assert_unauthenticated(shared.verify(broken, query), "invalid")
    assert_unauthenticated(shared.verify(None, query))


def test_the_role_of_the_override_owns_everything_and_no_more(shared):
    boss = shared.tokens("boss")["access_token"]
    ok(shared.verify(boss, "?owner=u-alice"))
    ok(shared.verify(boss, "?owner=nobody-at-all&role=admin"))
    assert_forbidden(shared.verify(boss, "?owner=u-alice&role=user"))


def test_the_override_can_be_another_role_or_none(fleet):
    service = fleet.serve({"policy.owner_override_roles": "support"})
    ok(service.verify(service.tokens("bob")["access_token"], "?owner=u-alice"))
    assert_forbidden(service.verify(service.tokens("boss")["access_token"], "?owner=u-alice"))


def test_forwarded_headers_are_never_the_demand(shared, alice):
    headers = [("X-Original-URI", "/x?owner=u-bob"), ("X-Forwarded-Uri", "/verify?role=admin"),
               ("X-Original-Method", "DELETE"), ("X-Forwarded-For", "10.0.0.1")]
    ok(shared.verify(alice, headers=headers))
    assert_forbidden(shared.verify(alice, "?owner=u-bob", headers=headers))


def test_a_client_owns_nothing_of_a_users(shared):
    token = shared.client_token(RS)["access_token"]
    assert_forbidden(shared.verify(token, "?owner=rs"))
    ok(shared.verify(token, "?owner=client:rs"))


# ---- what has been taken back ----

def test_revoked_is_the_word_for_all_of_them(service):
    by_token, by_session, by_user = (service.tokens(client=APP) for _ in range(3))
    ok(service.revoke(by_token["access_token"], client=APP))
    ok(service.revoke(by_session["refresh_token"], client=APP))
    assert_unauthenticated(service.verify(by_token["access_token"]), "revoked")
    assert_unauthenticated(service.verify(by_session["access_token"]), "revoked")
    ok(service.verify(by_user["access_token"]))
    service.cli("user", "logout", "alice")
    assert_unauthenticated(service.verify(by_user["access_token"]), "revoked")


def test_changed_rights_take_effect_at_once(service):
    pair = service.tokens()
    service.cli("user", "roles", "alice", "--role", "guest")
    assert_unauthenticated(service.verify(pair["access_token"]), "revoked")
    renewed = ok(service.refresh(pair["refresh_token"]))["access_token"]
    ok(service.verify(renewed, "?role=guest"))
    assert_forbidden(service.verify(renewed, "?role=user"))
