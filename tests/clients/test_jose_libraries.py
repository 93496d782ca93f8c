"""Our access tokens, checked with our JWKS by the libraries of services, in every algorithm.

What Debian's version of a library does not know is asserted too: it must refuse.
"""

import authlib.jose
import authlib.jose.errors
import jose.exceptions
import jose.jwt
import jwt as pyjwt
import pytest

from support.fleet import fleet_in
from support.jwt import header

ALGORITHMS = ["EdDSA", "ES256", "RS256", "PS256"]
UNKNOWN_TO_PYTHON_JOSE = {"EdDSA", "PS256"}
PASSWORD = "the password of somebody"


class Issued:
    def __init__(self, algorithm, service):
        service.cli("init")
        service.cli("user", "add", "carol", "--id", "u-carol", "--role", "user",
                    stdin=PASSWORD + "\n")
        service.start()
        self.algorithm = algorithm
        self.issuer = service.issuer
        self.token = service.tokens("carol", PASSWORD)["access_token"]
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
    client = pyjwt.PyJWKClient(issued.issuer + "/.well-known/jwks.json")
    key = client.get_signing_key_from_jwt(token).key
    options = {"algorithms": [issued.algorithm], "audience": issued.issuer, "issuer": issued.issuer,
               "options": {"require": ["exp", "iat", "sub", "aud", "iss", "jti"]}}
    return pyjwt.decode(token, key, **(options | more))


def test_pyjwt(issued):
    assert by_pyjwt(issued, issued.token)["sub"] == "u-carol"
    with pytest.raises(pyjwt.InvalidSignatureError):
        by_pyjwt(issued, issued.broken())
    with pytest.raises(pyjwt.InvalidAudienceError):
        by_pyjwt(issued, issued.token, audience="https://elsewhere")
    with pytest.raises(pyjwt.InvalidIssuerError):
        by_pyjwt(issued, issued.token, issuer="https://elsewhere")
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
    for token, more in ((issued.broken(), {}), (issued.token, {"audience": "https://elsewhere"}),
                        (issued.token, {"issuer": "https://elsewhere"}),
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
            by_authlib(issued, issued.token, **{name: {"value": "https://elsewhere"}})
