"""Our access tokens, checked with our JWKS by the libraries of services, in every algorithm.

What a library does not know is asserted too: it must refuse.
"""

import json

import authlib.jose
import authlib.jose.errors
import jose.exceptions
import jose.jwt
import jwcrypto.common
import jwcrypto.jwk
import jwcrypto.jwt
import jwt as pyjwt
import pytest

from peers.node import Program, Thrown
from support.fleet import fleet_in
from support.jwt import header

ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
              "PS512"]
UNKNOWN_TO_PYTHON_JOSE = {"EdDSA", "PS256", "PS384", "PS512"}
# get-jwks, by which fast-jwt is told its key, makes no PEM of it.
UNKNOWN_TO_GET_JWKS = {"EdDSA"}
PASSWORD = "the password of somebody"
ELSEWHERE = "https://elsewhere"


class Issued:
    def __init__(self, algorithm, service):
        service.cli("init")
        service.cli("user", "add", "carol", "--id", "u-carol", "--role", "user",
                    stdin=PASSWORD + "\n")
        service.start()
        self.service = service
        self.algorithm = algorithm
        self.issuer = service.issuer
        self.token = service.tokens("carol", PASSWORD)["access_token"]
        self.jwks_uri = service.issuer + "/.well-known/jwks.json"
        self.jwks = service.get("/.well-known/jwks.json").json

    def broken(self):
        head, payload, signature = self.token.split(".")
        return f"{head}.{payload}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}"


@pytest.fixture(scope="module", params=ALGORITHMS)
def issued(request, tmp_path_factory):
    with fleet_in(None, tmp_path_factory.mktemp(request.param)) as fleet:
        yield Issued(request.param, fleet.make({"signing.algorithm": request.param}, empty=True))


def test_the_token_and_the_keys_agree(issued):
    told = header(issued.token)
    assert told["alg"] == issued.algorithm and told["typ"] == "at+jwt"
    key, = (key for key in issued.jwks["keys"] if key["kid"] == told["kid"])
    assert key["alg"] == issued.algorithm and key["use"] == "sig"


# ---- PyJWT ----

def by_pyjwt(issued, token, **more):
    client = pyjwt.PyJWKClient(issued.jwks_uri)
    key = client.get_signing_key_from_jwt(token).key
    options = {"algorithms": [issued.algorithm], "audience": issued.issuer, "issuer": issued.issuer,
               "options": {"require": ["exp", "iat", "sub", "aud", "iss", "jti"]}}
    return pyjwt.decode(token, key, **(options | more))


def test_pyjwt(issued):
    assert by_pyjwt(issued, issued.token)["sub"] == "u-carol"
    with pytest.raises(pyjwt.InvalidSignatureError):
        by_pyjwt(issued, issued.broken())
    with pytest.raises(pyjwt.InvalidAudienceError):
        by_pyjwt(issued, issued.token, audience=ELSEWHERE)
    with pytest.raises(pyjwt.InvalidIssuerError):
        by_pyjwt(issued, issued.token, issuer=ELSEWHERE)
    with pytest.raises(pyjwt.InvalidAlgorithmError):
        by_pyjwt(issued, issued.token, algorithms=["HS256"])


# ---- python-jose ----

def by_python_jose(issued, token, **more):
    options = {"algorithms": [issued.algorithm], "audience": issued.issuer, "issuer": issued.issuer}
    return jose.jwt.decode(token, issued.jwks, **(options | more))


def test_python_jose(issued):
    if issued.algorithm in UNKNOWN_TO_PYTHON_JOSE:
        with pytest.raises(jose.exceptions.JOSEError):
            by_python_jose(issued, issued.token)
        return
    assert by_python_jose(issued, issued.token)["sub"] == "u-carol"
    for token, more in ((issued.broken(), {}), (issued.token, {"audience": ELSEWHERE}),
                        (issued.token, {"issuer": ELSEWHERE}),
                        (issued.token, {"algorithms": ["HS256"]})):
        with pytest.raises(jose.exceptions.JWTError):
            by_python_jose(issued, token, **more)


# ---- Authlib ----

def by_authlib(issued, token, **more):
    keys = authlib.jose.JsonWebKey.import_key_set(issued.jwks)
    demands = {"iss": {"essential": True, "value": issued.issuer}, "exp": {"essential": True},
               "aud": {"essential": True, "value": issued.issuer}}
    reader = authlib.jose.JsonWebToken([issued.algorithm])
    claims = reader.decode(token, keys, claims_options=demands | more)
    claims.validate()
    return claims


def test_authlib(issued):
    assert by_authlib(issued, issued.token)["sub"] == "u-carol"
    with pytest.raises(authlib.jose.errors.BadSignatureError):
        by_authlib(issued, issued.broken())
    for name in ("iss", "aud"):
        with pytest.raises(authlib.jose.errors.InvalidClaimError):
            by_authlib(issued, issued.token, **{name: {"value": ELSEWHERE}})


# ---- jwcrypto ----

def by_jwcrypto(issued, token, algorithms=None, **more):
    keys = jwcrypto.jwk.JWKSet.from_json(json.dumps(issued.jwks))
    demands = {"iss": issued.issuer, "aud": issued.issuer, "exp": None, "sub": None}
    checked = jwcrypto.jwt.JWT(jwt=token, key=keys, algs=algorithms or [issued.algorithm],
                               check_claims=demands | more)
    return json.loads(checked.claims)


def test_jwcrypto(issued):
    assert by_jwcrypto(issued, issued.token)["sub"] == "u-carol"
    for token, more in ((issued.broken(), {}), (issued.token, {"aud": ELSEWHERE}),
                        (issued.token, {"iss": ELSEWHERE}),
                        (issued.token, {"algorithms": ["HS256"]})):
        with pytest.raises((jwcrypto.common.JWException, ValueError)):
            by_jwcrypto(issued, token, **more)


# ---- on node: what a program takes, and with which code it refuses ----

def assert_refused(code, program, action, **given):
    with pytest.raises(Thrown) as refusal:
        program.do(action, **given)
    assert refusal.value.code == code, refusal


@pytest.fixture(scope="module")
def on_jose():
    with Program("jose", set()) as program:
        yield program


def test_jose(issued, on_jose):
    on_jose.do("open", jwks_uri=issued.jwks_uri)
    given = {"token": issued.token, "issuer": issued.issuer, "audience": issued.issuer,
             "algorithms": [issued.algorithm]}
    told = on_jose.do("verify", **given)
    assert told["payload"]["sub"] == "u-carol" and told["header"]["alg"] == issued.algorithm
    claim = "ERR_JWT_CLAIM_VALIDATION_FAILED"
    for code, more in (("ERR_JWS_SIGNATURE_VERIFICATION_FAILED", {"token": issued.broken()}),
                       (claim, {"audience": ELSEWHERE}), (claim, {"issuer": ELSEWHERE}),
                       (claim, {"typ": "JWT"}), ("ERR_JOSE_ALG_NOT_ALLOWED",
                                                 {"algorithms": ["HS256"]})):
        assert_refused(code, on_jose, "verify", **(given | more))
    assert on_jose.do("fetches") == 1


@pytest.fixture(scope="module")
def on_oauth4webapi():
    with Program("oauth4webapi", set()) as program:
        yield program


def test_oauth4webapi_reads_an_access_token_of_rfc_9068(issued, on_oauth4webapi):
    given = {"token": issued.token, "issuer": issued.issuer, "audience": issued.issuer,
             "jwks_uri": issued.jwks_uri, "algorithms": [issued.algorithm]}
    told = on_oauth4webapi.do("check", **given)
    assert told["claims"]["sub"] == "u-carol" and told["kids"] == [header(issued.token)["kid"]]
    for code, more in (("OAUTH_INVALID_RESPONSE", {"token": issued.broken()}),
                       ("OAUTH_JWT_CLAIM_COMPARISON_FAILED", {"audience": ELSEWHERE}),
                       ("OAUTH_JWT_CLAIM_COMPARISON_FAILED", {"issuer": ELSEWHERE}),
                       ("OAUTH_INVALID_RESPONSE", {"algorithms": ["HS256"]})):
        assert_refused(code, on_oauth4webapi, "check", **(given | more))


@pytest.fixture(scope="module")
def on_fast_jwt():
    with Program("fast_jwt", set()) as program:
        yield program


@pytest.mark.parametrize("pem", ["get-jwks", "node"])
def test_fast_jwt(issued, on_fast_jwt, pem):
    def verify(token=issued.token, **more):
        given = {"issuer": issued.issuer, "audience": issued.issuer, "algorithm": issued.algorithm,
                 "pem": pem}
        on_fast_jwt.do("open", **(given | more))
        return on_fast_jwt.do("verify", token=token)

    if pem == "get-jwks" and issued.algorithm in UNKNOWN_TO_GET_JWKS:
        with pytest.raises(Thrown) as refusal:
            verify()
        assert refusal.value.code == "FAST_JWT_KEY_FETCHING_ERROR", refusal
        return
    assert verify()["sub"] == "u-carol"
    for code, more in (("FAST_JWT_INVALID_SIGNATURE", {"token": issued.broken()}),
                       ("FAST_JWT_INVALID_CLAIM_VALUE", {"audience": ELSEWHERE}),
                       ("FAST_JWT_INVALID_KEY", {"algorithm": "HS256"})):
        with pytest.raises(Thrown) as refusal:
            verify(**more)
        assert refusal.value.code == code, refusal
