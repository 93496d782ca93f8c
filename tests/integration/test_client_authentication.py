"""Which client is calling, at every endpoint that asks."""

import base64

import pytest

from support import jwt
from support.service import APP, PASSWORDS, RS, SVC, oauth_error, ok
from support.wait import at_once
from support.wire import basic

ALICE = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}
WRONG = "a-secret-that-is-not-the-right-one-0123456789"
ENDPOINTS = [
    ("/token", ALICE),
    ("/token", {"grant_type": "client_credentials"}),
    ("/token", {"grant_type": "refresh_token", "refresh_token": "tkr_no"}),
    ("/refresh", {"refresh_token": "tkr_no"}),
    ("/introspect", {"token": "nothing"}),
    ("/revoke", {"token": "nothing"}),
]
each_endpoint = pytest.mark.parametrize("path, form", ENDPOINTS,
                                        ids=[path + " " + form.get("grant_type", "") for path,
                                             form in ENDPOINTS])


@each_endpoint
def test_a_wrong_secret_by_basic_is_401_with_a_challenge(shared, path, form):
    for client in ((RS[0], WRONG), ("unknown-client", WRONG), (RS[0], ""), ("default", WRONG),
                   ("", WRONG)):
        answer = oauth_error(shared.post(path, form, basic=client), 401, "invalid_client")
        assert answer.one("www-authenticate").startswith("Basic realm=")


@each_endpoint
def test_a_wrong_secret_by_post_is_401_and_never_the_default_client(shared, path, form):
    for more in ({"client_id": RS[0], "client_secret": WRONG}, {"client_id": RS[0]},
                 {"client_id": "unknown-client"},
                 {"client_secret": WRONG}, {"client_id": "default", "client_secret": WRONG}):
        oauth_error(shared.post(path, form | more), 401, "invalid_client")


@each_endpoint
def test_two_methods_at_once_are_invalid_request(shared, path, form):
    twice = form | {"client_id": RS[0], "client_secret": RS[1]}
    oauth_error(shared.post(path, twice, basic=RS), 400, "invalid_request")


def test_two_authorization_headers_are_invalid_request(shared):
    headers = [("Authorization", basic(*RS)), ("Authorization", basic(*RS))]
    oauth_error(shared.post("/introspect", {"token": "x"}, headers=headers), 400, "invalid_request")


def test_a_client_id_beside_basic_must_be_the_same(shared):
    ok(shared.post("/token", ALICE | {"client_id": APP[0]}, basic=APP))
    oauth_error(shared.post("/token", ALICE | {"client_id": RS[0]}, basic=APP), 400,
                "invalid_request")


@pytest.mark.parametrize("value", [
    "Basic", "Basic ", "Basic !!!", "Basic " + base64.b64encode(b"no colon").decode(),
    "Basic " + base64.b64encode(b"rs:\x00").decode(), "Basic "
    + base64.b64encode(b"rs:%zz").decode(),
    "Digest username=rs", "Negotiate abc",
])
def test_a_header_that_authenticates_nobody(shared, value):
    oauth_error(shared.post("/token", ALICE, headers=[("Authorization", value)]), 401,
                "invalid_client")


def test_basic_and_post_both_work_and_the_scheme_has_no_case(shared):
    form = {"grant_type": "client_credentials"}
    ok(shared.post("/token", form, basic=RS))
    ok(shared.post("/token", form | {"client_id": RS[0], "client_secret": RS[1]}))
    ok(shared.post("/token", form, headers=[("Authorization",
                                             basic(*RS).replace("Basic", "bASIC"))]))


def test_basic_halves_are_form_decoded(service):
    secret = "all of :/?#[]@!$&'()*+,;=%25 and ä umlaut"
    service.cli("client", "add", "odd:name", "--secret-stdin", "--grant", "client_credentials",
                stdin=secret + "\n")
    ok(service.post("/token", {"grant_type": "client_credentials"}, basic=("odd:name", secret)))


def test_the_default_client_can_be_turned_off(fleet):
    service = fleet.serve({"login.default_client": ""})
    oauth_error(service.login(), 401, "invalid_client")
    nobody = [("Authorization", "Basic " + base64.b64encode(b":").decode())]
    oauth_error(service.post("/token", ALICE, headers=nobody), 401, "invalid_client")
    ok(service.post("/token",
                    ALICE | {"client_id": "default"}))  # named, it is a client like any other
    ok(service.login(client=APP))


def test_another_default_client_can_be_chosen(fleet):
    service = fleet.make({"login.default_client": "web"})
    service.cli("client", "add", "web", "--public", "--grant", "password", "--scope", "read")
    service.start()
    assert jwt.claims(service.tokens()["access_token"])["client_id"] == "web"


@pytest.mark.parametrize("client, form", [
    (APP, {"grant_type": "client_credentials"}),
    (SVC, ALICE),
    (SVC, {"grant_type": "refresh_token", "refresh_token": "tkr_no"}),
    (None, {"grant_type": "client_credentials"}),
])
def test_a_grant_that_the_client_may_not_use(shared, client, form):
    oauth_error(shared.post("/token", form, basic=client), 400, "unauthorized_client")


def test_refresh_needs_the_refresh_grant(shared):
    oauth_error(shared.refresh("tkr_no", client=SVC), 400, "unauthorized_client")


# ---- client_credentials ----

def test_a_clients_own_token(shared):
    answer = shared.post("/token", {"grant_type": "client_credentials"}, basic=RS)
    got = ok(answer)
    assert set(got) == {"access_token", "token_type", "expires_in", "scope"}  # SPEC rfc6749#4.4.3
    assert set(got["scope"].split()) == {"read", "write", "introspect"}
    claims = jwt.claims(got["access_token"])
    assert claims["sub"] == "client:rs" and claims["client_id"] == "rs"
    assert not {"username", "user_id", "sid", "role"} & set(claims)
    told = ok(shared.verify(got["access_token"]))
    assert told["sub"] == "client:rs" and "user_id" not in told and "username" not in told


@pytest.mark.parametrize("asked, granted", [("read", "read"), ("read nothing", "read"),
                                            ("nothing", None)])
def test_a_clients_scopes(shared, asked, granted):
    answer = shared.post("/token", {"grant_type": "client_credentials", "scope": asked}, basic=RS)
    if granted:
        assert ok(answer)["scope"] == granted
    else:
        oauth_error(answer, 400, "invalid_scope")


# ---- secrets change, clients go ----

def test_a_removed_client_takes_all_its_sessions_along(service):
    """More than are told to the loops at one time."""
    logins = at_once(*[lambda: [service.tokens(client=APP) for _ in range(75)]] * 4)
    pairs = [pair for several in logins for pair in several]
    service.cli("client", "remove", "app")
    service.cli("client", "add", "app", "--secret-stdin", "--grant", "password,refresh_token",
                "--scope", "read write", stdin=APP[1] + "\n")
    assert not any(service.introspect(pair["access_token"])["active"] for pair in pairs)


def test_a_new_secret_stands_beside_the_old_one_until_it_is_the_only_one(service):
    def works(secret):
        return service.post("/token", {"grant_type": "client_credentials"},
                            basic=(SVC[0], secret)).status == 200

    second = service.cli("client", "secret", "svc", "--json")["client_secret"]
    assert works(SVC[1]) and works(second)
    third = service.cli("client", "secret", "svc", "--json")["client_secret"]
    assert not works(SVC[1]) and works(second) and works(third)
    only = service.cli("client", "secret", "svc", "--only", "--json")["client_secret"]
    assert not works(second) and not works(third) and works(only)


def test_a_removed_client_is_unknown_at_once_and_so_are_its_tokens(service):
    own = service.client_token(SVC)["access_token"]
    person = service.tokens(client=APP)
    assert service.is_active(own) and service.is_active(person["access_token"])
    service.cli("client", "remove", "svc")
    service.cli("client", "remove", "app")
    oauth_error(service.post("/token", {"grant_type": "client_credentials"}, basic=SVC), 401,
                "invalid_client")
    assert not service.is_active(own) and not service.is_active(person["access_token"])
    # Who comes back under the same name does not bring them back to life.
    service.cli("client", "add", "app", "--secret-stdin", "--grant", "password,refresh_token",
                "--scope", "read write",
                stdin=APP[1] + "\n")
    assert not service.is_active(person["access_token"])
    oauth_error(service.refresh(person["refresh_token"], client=APP), 400, "invalid_grant")
