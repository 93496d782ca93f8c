"""POST /token with grant_type=password: what a person and their client get."""

import base64
import sqlite3

import pytest

from support import jwt, wire
from support.service import APP, PASSWORDS, RS, oauth_error, ok
from support.wait import wait_until

ALICE = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}


# ---- refusals ----

@pytest.mark.parametrize("form, missing", [
    ({"grant_type": "password"}, "username"),
    ({"grant_type": "password", "username": "alice"}, "password"),
    ({"grant_type": "password", "password": PASSWORDS["alice"]}, "username"),
    ({"grant_type": "password", "username": "", "password": PASSWORDS["alice"]}, "username"),
    ({"grant_type": "password", "username": "alice", "password": ""}, "password"),
    ({"grant_type": "refresh_token"}, "refresh_token"),
    ({"username": "alice", "password": PASSWORDS["alice"]}, "grant_type"),
    ({"grant_type": "", "username": "alice", "password": PASSWORDS["alice"]}, "grant_type"),
    ({}, "grant_type"),
], ids=lambda x: x if isinstance(x, str) else "+".join(x) or "nothing")
def test_a_missing_parameter_is_named(shared, form, missing):
    answer = oauth_error(shared.post("/token", form), 400, "invalid_request")
    assert answer.json["error_description"] == f"{missing} is missing"


@pytest.mark.parametrize("path, missing", [("/refresh", "refresh_token"), ("/introspect", "token"),
                                           ("/revoke", "token")])
def test_a_missing_token_is_named(shared, path, missing):
    answer = shared.post(path, {}, headers=[("Authorization", wire.basic(*RS))])
    oauth_error(answer, 400, "invalid_request")
    assert answer.json["error_description"] == f"{missing} is missing"


@pytest.mark.parametrize("name", ["grant_type", "username", "password", "scope", "client_id"])
def test_a_repeated_parameter_is_invalid_request_even_when_it_says_the_same(shared, name):
    form = dict(ALICE, scope="read", client_id="default")
    oauth_error(shared.post("/token", list(form.items()) + [(name, form[name])]), 400,
                "invalid_request")


def test_an_unknown_parameter_is_ignored_and_an_empty_one_absent(shared):
    answer = ok(shared.post("/token", dict(ALICE, scope="", client_id="", client_secret="",
                                           extra="x")))
    assert answer["scope"] == "read write"


@pytest.mark.parametrize("grant", ["authorization_code", "Password", "password ", "urn:x",
                                   "implicit"])
def test_a_grant_that_is_not_offered(shared, grant):
    oauth_error(shared.post("/token", dict(ALICE, grant_type=grant)), 400, "unsupported_grant_type")


def test_a_wrong_login_says_the_same_whyever(shared):
    shared.cli("user", "add", "gone", stdin="the password of gone\n")
    shared.cli("user", "disable", "gone")
    answers = [
        shared.login("alice", "not alice's password"),
        shared.login("nobody-of-this-name", "whatever it may be"),
        shared.login("gone", "the password of gone"),
        shared.login("alice\x01", "not alice's password"),
        shared.login(" alice", PASSWORDS["alice"]),
    ]
    for answer in answers:
        oauth_error(answer, 400, "invalid_grant")
        assert answer.body == answers[0].body
        assert not answer.has("www-authenticate")
        assert [name for name, _ in answer.headers] == [name for name, _ in answers[0].headers]


@pytest.mark.parametrize("body", [
    b"grant_type=password&username=alice&password=%zz",
    b"grant_type=password&username=alice&password=%4",
    b"grant_type=password&username=alice&password=a%00b",
    b"grant_type=password&username=alice&password=%ff%fe",
    b"grant_type=password&username=\xff&password=x",
    b"&".join(b"p%d=1" % i for i in range(200)),
])
def test_a_form_that_cannot_be_read(shared, body):
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    oauth_error(shared.request("POST", "/token", headers, body), 400, "invalid_request")


def test_a_password_beyond_its_limit_is_refused_and_not_cut(shared):
    longest = "p" * 1024
    shared.cli("user", "add", "long", stdin=longest + "\n")
    ok(shared.login("long", longest))
    oauth_error(shared.login("long", longest[:-1]), 400, "invalid_grant")
    oauth_error(shared.login("long", longest + "p"), 400, "invalid_request")


def test_errors_repeat_nothing_of_the_request(shared):
    marker = "zebra-zebra"
    for form in (dict(ALICE, grant_type=marker), dict(ALICE, username=marker),
                 dict(ALICE, scope=marker), dict(ALICE, client_id=marker),
                 {"grant_type": "refresh_token", "refresh_token": marker}):
        answer = shared.post("/token", form)
        assert answer.status in (400, 401)
        assert marker not in str(answer.headers) and marker.encode() not in answer.body


# ---- what a good login gives ----

def test_the_answer_and_the_claims(shared):
    answer = shared.login()
    got = ok(answer)
    assert set(got) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 600, "read write")
    assert answer.one("pragma") == "no-cache" and answer.one("cache-control") == "no-store"
    assert got["refresh_token"].startswith("tkr_")

    header, claims = jwt.header(got["access_token"]), jwt.claims(got["access_token"])
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert claims["exp"] - claims["iat"] == 600
    assert all(isinstance(claims[name], int) for name in ("exp", "iat", "epoch"))
    assert claims.pop("jti") and claims.pop("sid")
    for name in ("exp", "iat", "epoch"):
        del claims[name]
    assert claims == {
        "iss": shared.issuer, "aud": shared.issuer, "sub": "u-alice", "user_id": "u-alice",
        "username": "alice", "client_id": "default", "scope": "read write",
        "roles": ["user"], "role": "user",
    }


def test_every_login_is_a_session_of_its_own(shared):
    tokens = [jwt.claims(shared.tokens()["access_token"]) for _ in range(4)]
    assert len({claims["sid"] for claims in tokens}) == 4
    assert len({claims["jti"] for claims in tokens}) == 4


def test_without_roles_there_is_no_role_and_without_rights_an_empty_scope(shared):
    shared.cli("user", "add", "plain", stdin="the password of plain\n")
    got = shared.tokens("plain", "the password of plain")
    claims = jwt.claims(got["access_token"])
    assert got["scope"] == "" and claims["scope"] == ""
    assert claims["roles"] == [] and "role" not in claims


def test_the_claims_of_the_seed_can_be_left_out(fleet):
    service = fleet.serve({"access_token.seed_claims": "false",
                           "access_token.audience": "https://api"})
    token = service.tokens()["access_token"]
    claims = jwt.claims(token)
    assert "role" not in claims and "user_id" not in claims
    assert claims["roles"] == ["user"] and claims["aud"] == "https://api"
    told = ok(service.verify(token))
    assert told["user_id"] == "u-alice" and told["role"] == "user" and told["aud"] == "https://api"


@pytest.mark.parametrize("asked, client, granted", [
    (None, None, "read write"),
    ("read", None, "read"),
    ("write read", None, "write read"),
    ("read admin", None, "read"),
    ("read", APP, "read"),
    ("read introspect", RS, "read"),
])
def test_scopes_are_what_user_and_client_both_allow(shared, asked, client, granted):
    assert set(shared.tokens(scope=asked, client=client)["scope"].split()) == set(granted.split())


@pytest.mark.parametrize("asked", ["admin", "READ", "read  write", " read", "read read", 'a"b',
                                   "läsen"])
def test_scopes_of_which_nothing_is_allowed_or_which_are_none(shared, asked):
    oauth_error(shared.login(scope=asked), 400, "invalid_scope")


def test_names_are_compared_as_people_read_them(shared):
    shared.cli("user", "add", "Élan", "--id", "u-elan", stdin="pässwörd of elan\n")
    for name in ("Élan", "élan", "ÉLAN", "E\u0301lan"):
        assert jwt.claims(shared.tokens(name,
                                        "pässwörd of elan")["access_token"])["sub"] == "u-elan"
    # Passwords are normalised, not folded.
    ok(shared.login("élan", "pa\u0308sswo\u0308rd of elan"))
    oauth_error(shared.login("élan", "Pässwörd of elan"), 400, "invalid_grant")


def test_a_client_without_the_refresh_grant_gets_no_refresh_token(shared):
    shared.cli("client", "add", "short", "--public", "--grant", "password", "--all-scopes")
    got = ok(shared.post("/token", dict(ALICE, client_id="short")))
    assert set(got) == {"access_token", "token_type", "expires_in", "scope"}


def test_a_password_typed_into_the_name_field_is_not_logged(service):
    oauth_error(service.login("my secret pass phrase", "x"), 400, "invalid_grant")
    service.secrets.add("my secret pass phrase")
    wait_until(lambda: '"login_failed"' in service.log(), "the refusal is logged")


def test_a_hash_of_another_cost_is_renewed_by_a_login(fleet):
    service = fleet.serve({"argon2.m_kib": 64, "argon2.t": 2})

    def costs():
        with sqlite3.connect(f"file:{service.data}/tokend.db?mode=ro", uri=True) as database:
            rows = dict(database.execute("SELECT username, phc FROM users"))
        database.close()
        return {name: phc.split("$")[3] for name, phc in rows.items()}

    oauth_error(service.login("alice", "not alice's password"), 400, "invalid_grant")
    ok(service.login())
    wait_until(lambda: costs()["alice"] == "m=64,t=2,p=1", "the new hash is stored")
    assert costs()["bob"] == "m=8,t=1,p=1"
    ok(service.login())
    ok(service.login("bob"))


# ---- as FastAPI's users know it ----

def test_the_error_of_fastapi(fleet):
    service = fleet.serve({"login.error_style": "fastapi"})
    for answer in (service.login("alice", "not alice's password"),
                   service.login("nobody", "whatever")):
        assert answer.status == 401
        assert answer.body == b'{"detail": "Incorrect username or password"}'
        assert answer.one("www-authenticate") == "Bearer"
    oauth_error(service.refresh("tkr_" + "x" * 79), 400, "invalid_grant")


def test_fastapi_needs_no_grant_type(fleet):
    service = fleet.serve({"login.error_style": "fastapi"})
    form = {"username": "alice", "password": PASSWORDS["alice"]}
    assert jwt.claims(ok(service.post("/token", form))["access_token"])["username"] == "alice"
    assert service.post("/token", dict(form, password="not alice's password")).status == 401
    for lacking in ({"username": "alice"}, {"password": "x"}, {"refresh_token": "x"}):
        oauth_error(service.post("/token", lacking), 400, "invalid_request")


def test_the_form_of_fastapi_and_swagger(shared):
    # OAuth2PasswordRequestForm as Swagger UI fills it in when it is given no client.
    nobody = "Basic " + base64.b64encode(b":").decode()
    answer = shared.post("/token", dict(ALICE, scope="", client_id="", client_secret=""),
                         headers=[("Authorization", nobody), ("Origin", "http://localhost:8000")])
    token = ok(answer)["access_token"]
    assert jwt.claims(token)["client_id"] == "default"
    assert ok(shared.verify(token))["username"] == "alice"


@pytest.mark.parametrize("content_type, status", [
    ("application/x-www-form-urlencoded", 200),
    ("application/x-www-form-urlencoded; charset=utf-8", 200),
    ("APPLICATION/X-WWW-FORM-URLENCODED;charset=UTF-8", 200),
    ("application/json", 415),
    ("multipart/form-data; boundary=x", 415),
    ("application/x-www-form-urlencodedx", 415),
    ("", 415),
])
def test_only_forms_are_read(shared, content_type, status):
    body = wire.encode(ALICE).encode()
    answer = shared.request("POST", "/token", [("Content-Type", content_type)], body)
    assert answer.status == status
    if status == 415:
        assert set(answer.json) == {"detail"}
