"""What the RFCs demand of the whole service and no other file is about: see tests/spec."""

import base64

import pytest

from support.service import APP, PASSWORDS, RS, oauth_error, ok, refusal
from support.wire import basic, encode

METADATA = "/.well-known/oauth-authorization-server"
ALICE = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}
FORMS = {
    "/token": ALICE,
    "/refresh": {"refresh_token": "tkr_no"},
    "/introspect": {"token": "nothing"},
    "/revoke": {"token": "nothing"},
}
# What authenticates nobody: (more of the form, the Authorization header).
NOBODY = {
    "a secret in the form": ({"client_id": RS[0], "client_secret": "no secret of rs"}, None),
    "no secret": ({"client_id": RS[0]}, None),
    "an unknown client": ({"client_id": "unknown"}, None),
    "Basic": ({}, basic(RS[0], "no secret of rs")),
    "Basic that is none": ({}, "Basic " + base64.b64encode(b"no colon").decode()),
    "another scheme": ({}, "Digest username=rs"),
}


# ---- challenges ----

@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("row", NOBODY)
def test_a_401_always_says_how_to_authenticate(shared, path, row):
    more, header = NOBODY[row]
    headers = [("Authorization", header)] if header else []
    answer = oauth_error(shared.post(path, FORMS[path] | more, headers=headers), 401,
                         "invalid_client")
    assert answer.one("www-authenticate") == 'Basic realm="tokend", charset="UTF-8"'


def test_who_names_no_client_may_not_introspect_and_is_told_how(shared):
    answer = oauth_error(shared.post("/introspect", {"token": "x"}), 401, "invalid_client")
    assert answer.one("www-authenticate").startswith("Basic ")


def test_a_bearer_token_that_does_not_do_is_challenged(shared):
    token = shared.tokens()["access_token"]
    told = 'Bearer realm="tokend", error="%s"'
    for caller, status, word in (("x", 401, "invalid_token"), (token, 403, "insufficient_scope")):
        answer = shared.post("/introspect", {"token": "x"}, bearer=caller)
        oauth_error(answer, status, word)
        assert answer.one("www-authenticate") == told % word


# ---- what the query holds is not read ----

@pytest.mark.parametrize("path", FORMS)
def test_no_parameter_is_taken_from_the_query(shared, path):
    answer = shared.post(f"{path}?{encode(FORMS[path])}", {}, basic=RS)
    oauth_error(answer, 400, "invalid_request")


def test_no_secret_is_taken_from_the_query(shared):
    query = encode({"client_id": RS[0], "client_secret": RS[1]})
    form = {"grant_type": "client_credentials"}
    assert ok(shared.post("/token", form, basic=RS))
    # It is the default client that asks, and that one may not.
    oauth_error(shared.post(f"/token?{query}", form), 400, "unauthorized_client")


# ---- metadata ----

@pytest.mark.parametrize("issuer", ["https://id.example/a/tenant", "https://id.example/a/tenant/"])
def test_the_path_of_the_issuer_stands_behind_the_well_known_one(fleet, issuer):
    service = fleet.serve({"issuer": issuer})
    told = ok(service.get(METADATA + "/a/tenant"))
    assert told == ok(service.get(METADATA)) and told["issuer"] == issuer
    assert told["token_endpoint"] == "https://id.example/a/tenant/token"
    for path in ("/", "/a", "/a/tenant/", "/a/tenant/b", "/A/tenant", "//a/tenant"):
        assert service.get(METADATA + path).status == 404


def test_an_issuer_without_path_has_nothing_behind_the_well_known_one(shared):
    assert shared.get(METADATA).status == 200
    for path in ("/", "/tenant", "/" + shared.issuer):
        assert shared.get(METADATA + path).status == 404


@pytest.mark.parametrize("issuer", ["the-issuer/a", "urn:example:a", "ftp://id.example/a"])
def test_an_issuer_that_is_no_url_has_no_metadata(fleet, issuer):
    """Its URLs would be none; tokens name it all the same."""
    service = fleet.serve({"issuer": issuer})
    for path in ("", "/a"):
        assert service.get(METADATA + path).status == 404
    assert ok(service.verify(service.tokens()["access_token"]))["iss"] == issuer


def test_metadata_hold_no_empty_list_but_the_one_that_is_required(shared):
    told = shared.get(METADATA).json
    assert [name for name, value in told.items() if value in ("", [], None)] == [
        "response_types_supported"]


def test_an_issuer_with_a_query_is_refused(fleet):
    service = fleet.make({"issuer": "https://id.example/?tenant=a"})
    assert "issuer: may have no query" in refusal(service.try_cli("config", "check"))


# ---- answers about tokens ----

def test_no_answer_about_a_token_is_kept(shared):
    pair = shared.tokens(client=RS)
    for answer in (shared.post("/introspect", {"token": pair["access_token"]}, basic=RS),
                   shared.post("/introspect", {"token": pair["refresh_token"]}, basic=RS),
                   shared.post("/introspect", {"token": "x"}, basic=RS),
                   shared.verify(pair["access_token"]), shared.verify("x"), shared.verify()):
        assert answer.one("cache-control") == "no-store"


# ---- one token is not another ----

def test_a_refresh_token_is_bound_to_scope_and_client_through_its_whole_chain(shared):
    token = shared.tokens(scope="read", client=APP)["refresh_token"]
    for _ in range(3):
        oauth_error(shared.refresh(token, client=APP, scope="write"), 400, "invalid_scope")
        oauth_error(shared.refresh(token, client=RS), 400, "invalid_grant")
        got = ok(shared.refresh(token, client=APP))
        assert got["scope"] == "read"
        token = got["refresh_token"]


def test_an_access_token_is_no_refresh_token_and_no_secret(shared):
    token = shared.tokens(client=APP)["access_token"]
    oauth_error(shared.refresh(token, client=APP), 400, "invalid_grant")
    oauth_error(shared.post("/revoke", {"token": token}, basic=(APP[0], token)), 401,
                "invalid_client")
    assert shared.is_active(token)
