"""Keys change while services verify by themselves, each library with a cache of its own kind."""

import jwt as pyjwt
import pytest

from peers.node import Program, Thrown
from support.jwt import header
from support.wait import wait_until

JWKS = "/.well-known/jwks.json"


def jwks_uri(service):
    return service.issuer + JWKS


def kid_of(token):
    return header(token)["kid"]


def token_of(service):
    return service.tokens()["access_token"]


def refused(program, action, **given):
    """The code of the library's error."""
    with pytest.raises(Thrown) as refusal:
        program.do(action, **given)
    return refusal.value.code


class Jose:
    """createRemoteJWKSet: keeps the set for ten minutes; asks for an unknown kid, not too often."""

    def __init__(self, program, service, **options):
        program.do("open", jwks_uri=jwks_uri(service), **options)
        self.program = program
        self.demands = {"issuer": service.issuer, "audience": service.issuer,
                        "algorithms": ["EdDSA"]}

    def verify(self, token):
        return self.program.do("verify", token=token, **self.demands)["payload"]["sub"]

    def refuses(self, token):
        return refused(self.program, "verify", token=token, **self.demands)

    def fetches(self):
        return self.program.do("fetches")


@pytest.fixture
def on_jose():
    with Program("jose", set()) as program:
        yield lambda service, **options: Jose(program, service, **options)


def test_jose_finds_a_new_key_when_it_meets_it(service, on_jose):
    jose = on_jose(service, cooldownDuration=0)
    assert jose.verify(token_of(service)) == "u-alice" and jose.fetches() == 1
    service.cli("key", "rotate", "--now")
    assert jose.verify(token_of(service)) == "u-alice" and jose.fetches() == 2
    assert jose.verify(token_of(service)) == "u-alice" and jose.fetches() == 2


def test_jose_does_not_ask_again_at_once(service, on_jose):
    """Whoever makes kids up cannot make verifiers ask. A key that signs at once is missed
    meanwhile, which is why keys do not."""
    jose = on_jose(service)
    jose.verify(token_of(service))
    service.cli("key", "rotate", "--now")
    assert jose.refuses(token_of(service)) == "ERR_JWKS_NO_MATCHING_KEY" and jose.fetches() == 1
    jose.program.do("reload")
    assert jose.verify(token_of(service)) == "u-alice" and jose.fetches() == 2


def test_jose_misses_nothing_when_keys_change_by_schedule(fleet, on_jose):
    """Its cooldown is shorter than a new key waits, as the defaults have it (30 s; 330 s)."""
    service = fleet.serve({"keys.jwks_max_age_s": 1, "keys.publish_margin_s": 1})
    jose = on_jose(service, cooldownDuration=1000)
    first = kid_of(token_of(service))
    jose.verify(token_of(service))
    service.cli("key", "rotate")

    def has_changed():
        token = token_of(service)
        assert jose.verify(token) == "u-alice"
        return kid_of(token) != first

    wait_until(has_changed, "another key signs", 30)
    # The one before goes on verifying.
    assert first in jose.program.do("kids")


def test_jose_refuses_a_revoked_key_once_it_has_asked(service, on_jose):
    """Until then it takes its tokens: whoever cannot wait asks /introspect or /verify."""
    jose = on_jose(service)
    token = token_of(service)
    jose.verify(token)
    service.cli("key", "revoke", kid_of(token))
    assert not service.is_active(token)
    assert jose.verify(token) == "u-alice"
    jose.program.do("reload")
    assert jose.refuses(token) == "ERR_JWKS_NO_MATCHING_KEY"
    assert jose.verify(token_of(service)) == "u-alice"


def test_nobody_else_can_check_what_a_shared_secret_signs(fleet, on_jose):
    service = fleet.serve({"signing.algorithm": "HS256"}, empty=True)
    service.cli("user", "add", "carol", stdin="the password of carol\n")
    token = service.tokens("carol", "the password of carol")["access_token"]
    jose = on_jose(service)
    jose.demands["algorithms"] = ["HS256"]
    assert jose.refuses(token) == "ERR_JOSE_NOT_SUPPORTED"


# ---- oauth4webapi: keeps the set for five minutes, asks for an unknown kid after one ----

@pytest.fixture
def resource(service):
    with Program("oauth4webapi", service.secrets) as program:
        yield program, {"issuer": service.issuer, "audience": service.issuer,
                        "jwks_uri": jwks_uri(service), "algorithms": ["EdDSA"]}


def test_oauth4webapi_finds_a_new_key(service, resource):
    program, given = resource
    before = service.get(JWKS).json
    service.cli("key", "rotate", "--now")
    token = token_of(service)
    told = program.do("check", token=token, jwks=before, age_s=61, **given)
    assert told["fetches"] == 1 and kid_of(token) in told["kids"]
    assert refused(program, "check", token=token, jwks=before, age_s=50,
                   **given) == "OAUTH_KEY_SELECTION_FAILED"


def test_oauth4webapi_refuses_a_revoked_key_once_it_has_asked(service, resource):
    program, given = resource
    before, token = service.get(JWKS).json, token_of(service)
    service.cli("key", "revoke", kid_of(token))
    told = program.do("check", token=token, jwks=before, age_s=290, **given)
    assert told["fetches"] == 0
    assert refused(program, "check", token=token, jwks=before, age_s=301,
                   **given) == "OAUTH_KEY_SELECTION_FAILED"


# ---- fast-jwt with get-jwks ----

def test_fast_jwt_finds_a_new_key(service):
    with Program("fast_jwt", service.secrets) as program:
        program.do("open", issuer=service.issuer, audience=service.issuer, algorithm="EdDSA",
                   pem="node")
        assert program.do("verify", token=token_of(service))["sub"] == "u-alice"
        service.cli("key", "rotate", "--now")
        assert program.do("verify", token=token_of(service))["sub"] == "u-alice"


# ---- PyJWT ----

def by_pyjwt(client, service, token):
    key = client.get_signing_key_from_jwt(token).key
    return pyjwt.decode(token, key, algorithms=["EdDSA"], audience=service.issuer,
                        issuer=service.issuer)["sub"]


def test_pyjwt_finds_a_new_key(service):
    client = pyjwt.PyJWKClient(jwks_uri(service))
    assert by_pyjwt(client, service, token_of(service)) == "u-alice"
    service.cli("key", "rotate", "--now")
    assert by_pyjwt(client, service, token_of(service)) == "u-alice"


def test_pyjwt_refuses_a_revoked_key_once_it_has_asked(service):
    """Told to keep the set, and not each key of it for good, as it does unless told."""
    client = pyjwt.PyJWKClient(jwks_uri(service), cache_keys=False)
    token = token_of(service)
    by_pyjwt(client, service, token)
    service.cli("key", "revoke", kid_of(token))
    client.get_jwk_set(refresh=True)
    with pytest.raises(pyjwt.PyJWKClientError):
        by_pyjwt(client, service, token)
    assert by_pyjwt(client, service, token_of(service)) == "u-alice"
