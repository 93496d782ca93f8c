"""What makes an access token good: a table of what does not.

The tokens are forged with the secret of an imported key, so that what is refused is refused for the
one thing that is wrong with it. A control token by the same hand is accepted.
"""

import json

import pytest

from support import jwt
from support.service import FORGER, PASSWORDS, SVC, ok

KEY = jwt.unb64(FORGER["k"])
HEADER = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}


@pytest.fixture(scope="module")
def claims(shared):
    """Of a living session, so that nothing but the change of a row can be to blame."""
    return jwt.claims(shared.tokens()["access_token"])


def without(members, *names):
    return {name: value for name, value in members.items() if name not in names}


def refused(service, token, word):
    """/introspect, /verify and the operator's check refuse it; `word` is what /verify tells."""
    assert service.introspect(token, SVC) == {"active": False}
    answer = service.verify(token)
    assert answer.status == 401, answer
    assert f'error_description="{word}"' in answer.one("www-authenticate"), answer
    assert service.admin("POST", "/admin/token/check", {"token": token}).json["active"] is False


def accepted(service, token):
    told = service.introspect(token, SVC)
    assert told["active"] is True and ok(service.verify(token))["sub"] == told["sub"]
    return told


def test_the_control_is_accepted(shared, claims):
    assert accepted(shared, jwt.hs256(KEY, HEADER, claims))["username"] == "alice"


# ---- the header ----

BAD_HEADERS = {
    "alg none": (HEADER | {"alg": "none"}, "invalid"),
    "alg None": (HEADER | {"alg": "None"}, "invalid"),
    "alg of another key": (HEADER | {"alg": "EdDSA"}, "invalid"),
    "alg HS384": (HEADER | {"alg": "HS384"}, "invalid"),
    "alg in small letters": (HEADER | {"alg": "hs256"}, "invalid"),
    "alg empty": (HEADER | {"alg": ""}, "invalid"),
    "alg a number": (HEADER | {"alg": 256}, "malformed"),
    "alg a list": (HEADER | {"alg": ["HS256"]}, "malformed"),
    "alg absent": (without(HEADER, "alg"), "malformed"),
    "kid absent": (without(HEADER, "kid"), "invalid"),
    "kid unknown": (HEADER | {"kid": "another"}, "invalid"),
    "kid with a tail": (HEADER | {"kid": "forger\u0000"}, "malformed"),
    "kid longer": (HEADER | {"kid": "forgerforger"}, "invalid"),
    "kid a path": (HEADER | {"kid": "../../../../dev/null"}, "invalid"),
    "kid SQL": (HEADER | {"kid": "x' UNION SELECT 'forger"}, "invalid"),
    "kid a number": (HEADER | {"kid": 1}, "malformed"),
    "typ JWT": (HEADER | {"typ": "JWT"}, "invalid"),
    "typ of introspection": (HEADER | {"typ": "token-introspection+jwt"}, "invalid"),
    "typ with a tail": (HEADER | {"typ": "at+jwtx"}, "invalid"),
    "typ absent": (without(HEADER, "typ"), "invalid"),
    "typ a number": (HEADER | {"typ": 1}, "malformed"),
    "crit": (HEADER | {"crit": ["exp"]}, "malformed"),
    "crit empty": (HEADER | {"crit": []}, "malformed"),
    "b64 false": (HEADER | {"b64": False, "crit": ["b64"]}, "malformed"),
    "duplicate alg": ('{"alg":"HS256","typ":"at+jwt","kid":"forger","alg":"HS256"}', "malformed"),
    "duplicate kid, escaped": ('{"alg":"HS256","typ":"at+jwt","kid":"forger","k\\u0069d":"x"}',
                               "malformed"),
    "a list": ("[]", "malformed"),
    "a string": ('"HS256"', "malformed"),
    "empty": ("", "malformed"),
    "two values": (json.dumps(HEADER) + "{}", "malformed"),
    "a comma too many": ('{"alg":"HS256","typ":"at+jwt","kid":"forger",}', "malformed"),
    "not UTF-8": ('{"alg":"HS256","typ":"at+jwt","kid":"forger","x":"\udcff"}', "malformed"),
    "deep": ('{"alg":"HS256","typ":"at+jwt","kid":"forger","x":' + "[" * 500 + "]" * 500 + "}",
             "malformed"),
}


@pytest.mark.parametrize("row", BAD_HEADERS)
def test_a_bad_header(shared, claims, row):
    header, word = BAD_HEADERS[row]
    refused(shared, jwt.hs256(KEY, header, claims), word)


@pytest.mark.parametrize("more", [
    {"jwk": {"kty": "oct", "k": "AAAA"}}, {"jku": "https://evil.example/keys"},
    {"x5u": "https://evil.example/"},
    {"x5c": ["AAAA"]}, {"x5t": "AAAA"}, {"cty": "JWT"}, {"unknown": {"a": [1, {"b": None}]}},
], ids=str)
def test_what_a_header_says_about_keys_is_ignored(shared, claims, more):
    accepted(shared, jwt.hs256(KEY, HEADER | more, claims))


@pytest.mark.parametrize("more", [
    {"jwk": {"kty": "oct", "k": jwt.b64(b"a key of their own which they bring along")}},
    {"jku": "https://evil.example/keys"},
])
def test_a_key_that_comes_with_the_token_opens_nothing(shared, claims, more):
    header = HEADER | more
    refused(shared, jwt.hs256(b"a key of their own which they bring along", header, claims),
            "invalid")


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "at+JWT", "application/at+jwt",
                                 "Application/AT+jwt"])
def test_typ_in_any_case_and_with_its_prefix(shared, claims, typ):
    accepted(shared, jwt.hs256(KEY, HEADER | {"typ": typ}, claims))


# ---- the signature ----

def test_the_public_key_is_no_hmac_secret(shared, claims):
    jwk = shared.get("/.well-known/jwks.json").json["keys"][0]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": jwk["kid"]}
    for secret in (jwt.unb64(jwk["x"]), jwk["x"].encode(), json.dumps(jwk).encode()):
        refused(shared, jwt.hs256(secret, header, claims), "invalid")


def test_alg_none_without_a_signature(shared, claims):
    for alg in ("none", "None", "NONE", "nOnE"):
        token = jwt.hs256(KEY, HEADER | {"alg": alg}, claims).rsplit(".", 1)[0] + "."
        assert shared.introspect(token, SVC) == {"active": False}
        assert shared.verify(token).status == 401


def test_every_bit_of_a_real_token_counts(shared):
    token = shared.tokens()["access_token"]
    header, payload, signature = token.split(".")
    for i in range(0, len(signature), 7):
        other = "A" if signature[i] != "A" else "B"
        changed = signature[:i] + other + signature[i + 1:]
        refused(shared, f"{header}.{payload}.{changed}", "invalid")
    other = shared.tokens()["access_token"].split(".")
    refused(shared, f"{header}.{other[1]}.{signature}", "invalid")
    refused(shared, f"{header}.{payload}.{other[2]}", "invalid")
    refused(shared, f"{header}.{payload}.{signature[:-2]}", "invalid")
    refused(shared, f"{header}.{payload}.", "malformed")


@pytest.mark.parametrize("change", [
    lambda t: t + ".", lambda t: "." + t, lambda t: t + ".x", lambda t: t.replace(".", "..", 1),
    lambda t: t.replace(".", "=.", 1), lambda t: t + "=", lambda t: t.replace(".", ". ", 1),
    lambda t: t.replace(".", "%2E"), lambda t: t[:-1] + chr(ord(t[-1]) + 1),
    lambda t: t.rsplit(".", 1)[0],
    lambda t: "ä" + t, lambda t: t + "\n", lambda t: t.replace("e", "+", 1),
], ids=["empty fourth part", "empty first part", "fourth part", "empty second part", "padding",
        "padding at the end", "blank", "encoded dots", "trailing bits", "two parts", "letter",
        "newline", "plus"])
def test_a_form_that_is_not_canonical(shared, claims, change):
    token = jwt.hs256(KEY, HEADER, claims)
    # The last letter of a 32-byte signature has two bits that must be zero.
    assert shared.introspect(change(token), SVC) == {"active": False}


def test_a_token_beyond_its_limit_is_not_looked_at(shared, claims):
    def sized(wanted):
        bare = len(jwt.hs256(KEY, HEADER, claims | {"pad": ""}))
        token = jwt.hs256(KEY, HEADER, claims | {"pad": "x" * ((wanted - bare) * 3 // 4)})
        return token
    small, large = sized(8000), sized(8400)
    assert len(small) <= 8192 < len(large)
    accepted(shared, small)
    assert shared.introspect(large, SVC) == {"active": False}
    assert "malformed" in shared.verify(large).one("www-authenticate")


# ---- the claims ----

YEAR = 365 * 86400
BAD_CLAIMS = {
    "iss absent": (lambda c: without(c, "iss"), "invalid"),
    "iss another": (lambda c: c | {"iss": "https://evil.example"}, "invalid"),
    "iss with a slash": (lambda c: c | {"iss": c["iss"] + "/"}, "invalid"),
    "iss in capitals": (lambda c: c | {"iss": c["iss"].upper()}, "invalid"),
    "iss a list": (lambda c: c | {"iss": [c["iss"]]}, "malformed"),
    "aud absent": (lambda c: without(c, "aud"), "invalid"),
    "aud another": (lambda c: c | {"aud": "https://evil.example"}, "invalid"),
    "aud others": (lambda c: c | {"aud": ["a", "b"]}, "invalid"),
    "aud empty": (lambda c: c | {"aud": []}, "invalid"),
    "aud a number": (lambda c: c | {"aud": 1}, "malformed"),
    "aud nested": (lambda c: c | {"aud": [[c["aud"]]]}, "malformed"),
    "exp absent": (lambda c: without(c, "exp"), "malformed"),
    "exp a string": (lambda c: c | {"exp": str(c["exp"])}, "malformed"),
    "exp null": (lambda c: c | {"exp": None}, "malformed"),
    "exp true": (lambda c: c | {"exp": True}, "malformed"),
    "exp a fraction": (lambda c: c | {"exp": c["exp"] + 0.5}, "malformed"),
    "exp past all numbers": (lambda c: json.dumps(c).replace(str(c["exp"]), "9" * 30), "malformed"),
    "exp beyond 2^53": (lambda c: c | {"exp": 2 ** 53 + 1}, "malformed"),
    "exp negative": (lambda c: c | {"exp": -1}, "malformed"),
    "exp with an exponent": (lambda c: json.dumps(c).replace(str(c["exp"]), "1e12"), "malformed"),
    "exp a year ago": (lambda c: c | {"exp": c["exp"] - YEAR}, "expired"),
    "exp now": (lambda c: c | {"exp": c["iat"]}, "expired"),
    "nbf in a year": (lambda c: c | {"nbf": c["iat"] + YEAR}, "invalid"),
    "nbf a string": (lambda c: c | {"nbf": "now"}, "malformed"),
    "iat absent": (lambda c: without(c, "iat"), "malformed"),
    "iat a string": (lambda c: c | {"iat": "now"}, "malformed"),
    "sub absent": (lambda c: without(c, "sub"), "malformed"),
    "sub empty": (lambda c: c | {"sub": ""}, "malformed"),
    "sub a number": (lambda c: c | {"sub": 1}, "malformed"),
    "jti absent": (lambda c: without(c, "jti"), "malformed"),
    "client_id absent": (lambda c: without(c, "client_id"), "malformed"),
    "client_id unknown": (lambda c: c | {"client_id": "no-such-client"}, "revoked"),
    "epoch absent": (lambda c: without(c, "epoch"), "malformed"),
    "epoch a string": (lambda c: c | {"epoch": "0"}, "malformed"),
    "roles a string": (lambda c: c | {"roles": "admin"}, "malformed"),
    "roles of numbers": (lambda c: c | {"roles": [1]}, "malformed"),
    "username with a line end": (lambda c: c | {"username": "a\r\nx-auth-user: root"}, "malformed"),
    "duplicate sub": (lambda c: json.dumps(c)[:-1] + ',"sub":"u-boss"}', "malformed"),
    "duplicate exp, escaped": (lambda c: json.dumps(c)[:-1] + ',"\\u0065xp":1}', "malformed"),
    "duplicate deep down": (lambda c: json.dumps(c)[:-1] + ',"x":{"a":1,"a":2}}', "malformed"),
    "a list": (lambda c: [c], "malformed"),
    "null": (lambda c: "null", "malformed"),
    "empty": (lambda c: "", "malformed"),
    "two values": (lambda c: json.dumps(c) + json.dumps(c), "malformed"),
    "cut off": (lambda c: json.dumps(c)[:-1], "malformed"),
    "deep": (lambda c: json.dumps(c)[:-1] + ',"x":' + "[" * 900 + "]" * 900 + "}", "malformed"),
    "very many": (lambda c: c | {f"claim{i}": i for i in range(60)}, "malformed"),
    "NaN": (lambda c: json.dumps(c)[:-1] + ',"x":NaN}', "malformed"),
    "half a surrogate": (lambda c: json.dumps(c)[:-1] + ',"x":"\\ud800"}', "malformed"),
}


@pytest.mark.parametrize("row", BAD_CLAIMS)
def test_bad_claims(shared, claims, row):
    change, word = BAD_CLAIMS[row]
    refused(shared, jwt.hs256(KEY, HEADER, change(claims)), word)


GOOD_CLAIMS = {
    "aud a list of one": lambda c: c | {"aud": [c["aud"]]},
    "aud among others": lambda c: c | {"aud": ["https://a.example", c["aud"], "b"]},
    "nbf past": lambda c: c | {"nbf": c["iat"] - 1},
    "iat in the future": lambda c: c | {"iat": c["iat"] + 5},
    "more claims": lambda c: c | {"cnf": {"jkt": "x"}, "act": {"sub": "y"},
                                  "list": [1, 2.5, None, True]},
    "escapes and spaces": lambda c: json.dumps(c, indent=2).replace('"sub"', '"\\u0073ub"'),
}


@pytest.mark.parametrize("row", GOOD_CLAIMS)
def test_good_claims(shared, claims, row):
    assert accepted(shared, jwt.hs256(KEY, HEADER, GOOD_CLAIMS[row](claims)))["sub"] == "u-alice"


def test_a_name_of_many_letters_fits_into_body_and_header(shared, claims):
    name = "é\"\\" * 900
    token = jwt.hs256(KEY, HEADER, text_of(claims | {"username": name}))
    assert accepted(shared, token)["username"] == name
    assert shared.verify(token).one("x-auth-user") == '%C3%A9"\\' * 900


def text_of(members):
    """JSON with letters as they are, which takes less room."""
    return json.dumps(members, ensure_ascii=False)


def test_a_role_that_is_no_role_of_ours_is_left_out(shared, claims):
    token = jwt.hs256(KEY, HEADER, claims | {"roles": ["user", "two words", "a,b", "", "user"]})
    assert accepted(shared, token)["roles"] == ["user"]


def test_the_epoch_of_a_user_only_rises(service):
    old = jwt.claims(service.tokens()["access_token"])
    service.cli("user", "roles", "alice", "--role", "guest")
    new = jwt.claims(service.tokens()["access_token"])
    assert new["epoch"] > old["epoch"]
    for change in ({"epoch": old["epoch"]}, {"epoch": 0}):
        refused(service, jwt.hs256(KEY, HEADER, new | change), "revoked")
    accepted(service, jwt.hs256(KEY, HEADER, new))


def test_the_epoch_survives_a_restart(service):
    old = service.tokens()["access_token"]
    service.cli("user", "logout", "alice")
    service.kill()
    service.start()
    refused(service, old, "revoked")
    accepted(service, service.tokens("alice", PASSWORDS["alice"])["access_token"])


def test_our_tokens_are_for_the_audience_that_is_configured(fleet):
    service = fleet.serve({"issuer": "https://id.example",
                           "access_token.audience": "https://api.example"})
    claims = jwt.claims(service.tokens()["access_token"])
    assert (claims["iss"], claims["aud"]) == ("https://id.example", "https://api.example")
    accepted(service, jwt.hs256(KEY, HEADER, claims))
    refused(service, jwt.hs256(KEY, HEADER, claims | {"aud": "https://id.example"}), "invalid")
    refused(service, jwt.hs256(KEY, HEADER, claims | {"iss": "https://api.example"}), "invalid")
