"""Authlib's OAuth 2.0 client over httpx, and what it thinks of our metadata."""

import asyncio

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.starlette_client import OAuth
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from support.service import APP, PASSWORDS, RS, SVC
from support.wait import limit


METADATA = "/.well-known/oauth-authorization-server"
METHODS = pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
# Authlib puts a secret into Basic as it is, where RFC 6749 has it form-encoded first.
AWKWARD = ("awkward", "a:b c&d=e/f?g\"h\\i;0123456789-0123456789")


def client_of(service, who, **more):
    options = {"token_endpoint": service.issuer + "/token", "trust_env": False,
               "timeout": limit(10)}
    return OAuth2Client(*who, **(options | more))


def login(client, url, **more):
    return client.fetch_token(url, username="alice", password=PASSWORDS["alice"], **more)


@METHODS
def test_a_login_and_the_use_of_its_token(shared, method):
    with client_of(shared, APP, token_endpoint_auth_method=method, scope="read") as client:
        token = login(client, shared.issuer + "/token")
        assert token["token_type"] == "Bearer" and token["scope"] == "read"
        mine = client.get(shared.issuer + "/verify?owner=u-alice&scope=read")
        assert mine.json()["sub"] == "u-alice"
        assert client.get(shared.issuer + "/verify?role=admin").status_code == 403


def test_a_client_without_a_secret(shared):
    with client_of(shared, ("default",), token_endpoint_auth_method="none") as client:
        login(client, shared.issuer + "/token")
        assert client.get(shared.issuer + "/verify").json()["client_id"] == "default"


def test_a_wrong_login(shared):
    with client_of(shared, APP) as client, pytest.raises(OAuthError) as refusal:
        client.fetch_token(shared.issuer + "/token", username="alice", password="wrong")
    assert refusal.value.error == "invalid_grant" and refusal.value.description
    with client_of(shared, (APP[0], "wrong")) as client, pytest.raises(OAuthError) as refusal:
        login(client, shared.issuer + "/token")
    assert refusal.value.error == "invalid_client"


@METHODS
def test_a_refresh(shared, method):
    with client_of(shared, APP, token_endpoint_auth_method=method) as client:
        first = dict(login(client, shared.issuer + "/token"))
        second = client.refresh_token(shared.issuer + "/token",
                                      refresh_token=first["refresh_token"])
        assert second["refresh_token"] != first["refresh_token"]
        assert second["access_token"] != first["access_token"]
        assert client.get(shared.issuer + "/verify").status_code == 200


def test_a_refresh_by_itself_when_the_token_is_old(shared):
    kept = []
    with client_of(shared, APP, update_token=lambda token, **_: kept.append(token)) as client:
        first = dict(login(client, shared.issuer + "/token"))
        client.token = first | {"expires_at": 1}
        assert client.get(shared.issuer + "/verify").json()["sub"] == "u-alice"
        assert len(kept) == 1 and kept[0]["refresh_token"] != first["refresh_token"]


@METHODS
def test_a_clients_own_token(shared, method):
    with client_of(shared, SVC, token_endpoint_auth_method=method) as client:
        client.fetch_token(shared.issuer + "/token", grant_type="client_credentials")
        assert client.get(shared.issuer + "/verify").json()["sub"] == "client:svc"


@METHODS
def test_introspection_and_revocation(shared, method):
    with (client_of(shared, APP, token_endpoint_auth_method=method,
                    revocation_endpoint_auth_method=method) as client,
          client_of(shared, RS, token_endpoint_auth_method=method) as resource):
        token = dict(login(client, shared.issuer + "/token"))

        def active(value, hint):
            answer = resource.introspect_token(shared.issuer + "/introspect", token=value,
                                               token_type_hint=hint)
            return answer.json()["active"]

        def revoke(value, hint):
            answer = client.revoke_token(shared.issuer + "/revoke", token=value,
                                         token_type_hint=hint)
            assert answer.status_code == 200

        assert active(token["access_token"], "access_token")
        assert active(token["access_token"], "refresh_token")
        revoke(token["access_token"], "access_token")
        assert not active(token["access_token"], "access_token")
        token = dict(client.refresh_token(shared.issuer + "/token",
                                          refresh_token=token["refresh_token"]))
        revoke(token["refresh_token"], "refresh_token")
        assert not active(token["access_token"], "access_token")
        with pytest.raises(OAuthError) as refusal:
            client.refresh_token(shared.issuer + "/token", refresh_token=token["refresh_token"])
        assert refusal.value.error == "invalid_grant"


@METHODS
def test_a_secret_that_is_not_encoded(service, method):
    service.cli("client", "add", AWKWARD[0], "--secret-stdin", "--grant", "client_credentials",
                "--scope", "read", stdin=AWKWARD[1] + "\n")
    with client_of(service, AWKWARD, token_endpoint_auth_method=method) as client:
        client.fetch_token(service.issuer + "/token", grant_type="client_credentials")
        assert client.get(service.issuer + "/verify").json()["client_id"] == AWKWARD[0]


# ---- metadata: the library accepts https alone ----

@pytest.fixture
def discovered(tls):
    with client_of(tls, APP, verify=str(tls.ca)) as client:
        answer = client.request("GET", tls.issuer + METADATA, withhold_token=True)
        assert answer.status_code == 200
        yield client, tls.issuer, answer.json()


def test_metadata(discovered):
    _, base, told = discovered
    metadata = AuthorizationServerMetadata(told)
    refused = []
    for name in metadata.REGISTRY_KEYS:
        try:
            getattr(metadata, "validate_" + name)()
        except ValueError as error:
            refused.append(str(error))
    assert told["issuer"] == base
    # RFC 8414 demands a list. It is empty, since there is no authorization endpoint, and that
    # Authlib takes for none.
    assert refused == ['"response_types_supported" is required']
    assert told["response_types_supported"] == []


def test_a_login_where_the_metadata_says(discovered):
    client, base, told = discovered
    login(client, told["token_endpoint"])
    keys = client.get(told["jwks_uri"]).json()["keys"]
    assert keys and client.get(base + "/verify").json()["sub"] == "u-alice"


def test_an_application_that_is_told_the_metadata_alone(shared):
    """Authlib's integration for Starlette and FastAPI: it finds the endpoints by itself."""
    registry = OAuth()
    registry.register("tokend", client_id=APP[0], client_secret=APP[1],
                      server_metadata_url=shared.issuer + METADATA,
                      client_kwargs={"scope": "read", "trust_env": False})

    async def use():
        token = await registry.tokend.fetch_access_token(
            grant_type="password", username="alice", password=PASSWORDS["alice"])
        return token, await registry.tokend.get(shared.issuer + "/verify?scope=read", token=token)

    token, answer = asyncio.run(use())
    assert token["scope"] == "read" and answer.json()["sub"] == "u-alice"
