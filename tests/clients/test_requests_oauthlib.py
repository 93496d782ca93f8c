"""requests-oauthlib, on which many older applications stand.

It takes other scopes than it asked for as an error, and http only when the environment allows it.
"""

import pytest
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
from oauthlib.oauth2.rfc6749 import errors
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from support.service import APP, PASSWORDS, SVC


@pytest.fixture(autouse=True)
def trusted(tls, monkeypatch):
    """By all that requests does, some of which asks no session."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.ca))
    monkeypatch.setenv("NO_PROXY", "*")


def login(session, service, password=PASSWORDS["alice"], client=APP, **more):
    return session.fetch_token(service.issuer + "/token", username="alice", password=password,
                               client_id=client[0], client_secret=client[1], **more)


@pytest.fixture
def alice(tls):
    client = LegacyApplicationClient(APP[0], scope=["read"])
    with OAuth2Session(client=client, scope=["read"]) as session:
        yield session


@pytest.mark.parametrize("in_the_form", [True, False])
def test_a_login_and_the_use_of_its_token(tls, alice, in_the_form):
    token = login(alice, tls, include_client_id=in_the_form)
    assert token["token_type"] == "Bearer" and token.scope == "read" and not token.scope_changed
    assert alice.get(tls.issuer + "/verify?scope=read").json()["sub"] == "u-alice"


def test_a_wrong_login(tls, alice):
    with pytest.raises(errors.InvalidGrantError) as refusal:
        login(alice, tls, password="wrong")
    assert refusal.value.description and refusal.value.status_code == 400
    with pytest.raises(errors.InvalidClientError):
        login(alice, tls, client=(APP[0], "wrong"))


def test_a_refresh_by_itself_when_the_token_is_old(tls):
    kept = []
    mine = {"client_id": APP[0], "client_secret": APP[1]}
    with OAuth2Session(client=LegacyApplicationClient(APP[0], scope=["read"]), scope=["read"],
                       auto_refresh_url=tls.issuer + "/token", auto_refresh_kwargs=mine,
                       token_updater=kept.append) as session:
        first = dict(login(session, tls))
        session.token = first | {"expires_in": -1, "expires_at": 1}
        answer = session.get(tls.issuer + "/verify")
        assert answer.json()["sub"] == "u-alice"
        assert len(kept) == 1 and kept[0]["refresh_token"] != first["refresh_token"]


def test_a_clients_own_token(tls):
    with OAuth2Session(client=BackendApplicationClient(SVC[0])) as session:
        session.fetch_token(tls.issuer + "/token", auth=HTTPBasicAuth(*SVC))
        assert session.get(tls.issuer + "/verify").json()["sub"] == "client:svc"
