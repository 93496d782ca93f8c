"""POST /introspect: who may ask, and what they are told."""

import pytest

from support import jwt
from support.service import APP, PASSWORDS, RS, SVC, oauth_error, ok
from support.wait import wait_until

INACTIVE = b'{"active":false}'


def ask(service, token, basic=SVC, **more):
    answer = service.post("/introspect", {"token": token} | more, basic=basic)
    assert answer.status == 200, answer
    return answer


# ---- who may ask ----

def test_nobody_and_public_clients_may_not(shared):
    for form in ({"token": "x"}, {"token": "x", "client_id": "default"}):
        oauth_error(shared.post("/introspect", form), 401, "invalid_client")


def test_a_client_without_the_scope_may_not(shared):
    answer = shared.post("/introspect", {"token": "x"}, basic=APP)
    oauth_error(answer, 403, "insufficient_scope")


def test_the_secret_may_come_by_post(shared):
    form = {"token": "x", "client_id": SVC[0], "client_secret": SVC[1]}
    assert shared.post("/introspect", form).body == INACTIVE


def test_a_clients_own_bearer_token_opens_it(shared):
    caller = shared.client_token(SVC)["access_token"]
    token = shared.tokens()["access_token"]
    assert ok(shared.post("/introspect", {"token": token}, bearer=caller))["username"] == "alice"


def test_a_persons_token_and_one_without_the_scope_do_not(shared):
    token = shared.tokens()["access_token"]
    narrow = shared.client_token(RS, scope="read")["access_token"]
    for caller in (token, narrow):
        answer = shared.post("/introspect", {"token": token}, bearer=caller)
        oauth_error(answer, 403, "insufficient_scope")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer nonsense", "Bearer a b",
                                   "bearer x.y.z"])
def test_a_bad_bearer_token_of_the_caller_is_401(shared, value):
    answer = shared.post("/introspect", {"token": "x"}, headers=[("Authorization", value)])
    oauth_error(answer, 401, "invalid_token")


def test_a_bearer_token_beside_a_secret_is_two_methods(shared):
    caller = shared.client_token(SVC)["access_token"]
    form = {"token": "x", "client_id": SVC[0], "client_secret": SVC[1]}
    oauth_error(shared.post("/introspect", form, bearer=caller), 400, "invalid_request")


@pytest.mark.parametrize("form", [{}, {"token": ""}, [("token", "a"), ("token", "b")],
                                  [("token", "a"), ("minimal", "1"), ("minimal", "1")]])
def test_a_missing_or_repeated_token_is_invalid_request(shared, form):
    oauth_error(shared.post("/introspect", form, basic=SVC), 400, "invalid_request")


# ---- access tokens ----

def test_what_an_access_token_says(shared):
    token = shared.tokens()["access_token"]
    claims = jwt.claims(token)
    told = ask(shared, token).json
    assert told == {
        "active": True, "token_type": "Bearer", "token_use": "access", "scope": "read write",
        "client_id": "default", "username": "alice", "sub": "u-alice", "user_id": "u-alice",
        "roles": ["user"], "role": "user", "aud": shared.issuer, "iss": shared.issuer,
        "exp": claims["exp"], "iat": claims["iat"], "jti": claims["jti"], "sid": claims["sid"],
    }


def test_what_a_clients_own_token_says(shared):
    told = ask(shared, shared.client_token(RS, scope="read")["access_token"]).json
    assert (told["active"], told["sub"], told["client_id"],
            told["scope"]) == (True, "client:rs", "rs", "read")
    assert told["roles"] == [] and not {"username", "user_id", "sid", "role"} & set(told)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_a_hint_changes_nothing(shared, hint):
    pair = shared.tokens(client=RS)
    assert ask(shared, pair["access_token"], token_type_hint=hint).json["token_use"] == "access"
    assert ask(shared, pair["refresh_token"], RS,
               token_type_hint=hint).json["token_use"] == "refresh"


def test_minimal_says_no_more_than_active(shared):
    pair = shared.tokens(client=RS)
    for token in pair["access_token"], pair["refresh_token"]:
        assert ask(shared, token, RS, minimal="1").body == b'{"active":true}'
    assert ask(shared, "nonsense", minimal="1").body == INACTIVE
    assert len(ask(shared, pair["access_token"], minimal="0").json) > 1


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "tkr_x", "ä", "a" * 9000, "\u0001",
                                   "null"])
def test_what_is_no_token_is_inactive(shared, token):
    assert ask(shared, token).body == INACTIVE


def test_an_expired_token_is_inactive(fleet):
    service = fleet.serve({"access_token.ttl_s": 1})
    token = service.tokens()["access_token"]
    wait_until(lambda: ask(service, token).body == INACTIVE, "the token has expired")
    answer = service.verify(token)
    assert answer.status == 401 and 'error_description="expired"' in answer.one("www-authenticate")


# ---- refresh tokens ----

def test_a_refresh_token_is_told_only_to_its_own_client(shared):
    token = shared.tokens(client=RS)["refresh_token"]
    told = ask(shared, token, RS).json
    assert set(told) == {"active", "token_use", "scope", "client_id", "username", "sub", "sid",
                         "exp", "iat"}
    assert (told["token_use"], told["username"], told["sub"]) == ("refresh", "alice", "u-alice")
    assert told["client_id"] == "rs" and told["scope"] == "read write"
    assert told["exp"] > told["iat"]
    assert ask(shared, token, SVC).body == INACTIVE


def test_a_refresh_token_that_has_a_successor_is_inactive(shared):
    first = shared.tokens(client=RS)["refresh_token"]
    second = ok(shared.refresh(first, client=RS))["refresh_token"]
    assert ask(shared, first, RS).body == INACTIVE
    assert ask(shared, second, RS).json["active"]


def test_asking_advances_nothing(shared):
    token = shared.tokens(client=RS)["refresh_token"]
    answers = [ask(shared, token, RS).body for _ in range(3)]
    assert len(set(answers)) == 1
    ok(shared.refresh(token, client=RS))


def test_a_refresh_token_of_a_dead_session_is_inactive(service):
    pairs = [service.tokens(name, PASSWORDS[name], client=RS) for name in ("alice", "bob", "boss")]
    ok(service.revoke(pairs[0]["refresh_token"], client=RS))
    service.cli("user", "logout", "bob")
    service.cli("user", "disable", "boss")
    for pair in pairs:
        assert ask(service, pair["refresh_token"], RS).body == INACTIVE
        assert ask(service, pair["access_token"], RS).body == INACTIVE


def test_the_three_places_that_check_agree(service):
    pair = service.tokens(client=RS)
    for token in pair["access_token"], pair["refresh_token"]:
        assert service.cli("token", "check", "--json", stdin=token + "\n")["active"] is True
    service.cli("user", "logout", "alice")
    for token, reason in ((pair["access_token"], "epoch"), (pair["refresh_token"], "ended")):
        done = service.try_cli("token", "check", "--json", stdin=token + "\n")
        assert done.returncode == 1
        assert f'"reason":"{reason}"' in done.stdout.decode().replace(" ", "")
    assert not service.is_active(pair["access_token"])
