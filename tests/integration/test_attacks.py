"""Tokens that nobody of ours has made, over HTTP: each is a 401 with the same body, and inactive.

Against an installation of each kind of public key, whose private half the tests know too, so that
what is wrong about a token may be anything but its signature.
"""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from support import jwt, wire
from support.fleet import fleet_in
from support.service import APP, FORGER, RS, ok
from support.signing import Key, encodings, number
from support.wire import Closed

BODY_401 = b'{"detail": "Could not validate credentials"}'
WORDS = ("malformed", "invalid")

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


class Target:
    def __init__(self, service, key):
        self.service = service
        self.key = key
        self.token = service.tokens(client=APP)["access_token"]
        self.header = jwt.header(self.token)
        self.claims = jwt.claims(self.token)
        self.kid = self.header["kid"]
        self.jwk = next(key for key in service.get("/.well-known/jwks.json").json["keys"]
                        if key["kid"] == self.kid)
        self.root = self.claims | {"sub": "u-boss", "roles": ["admin", "tokend:admin"],
                                   "role": "admin", "user_id": "u-boss", "scope": "introspect"}

    def signed(self, claims=None, **header):
        """By the real key. `claims` may be JSON text, and so may header(text=…) be."""
        header = header.get("text") or self.header | header
        if isinstance(header, dict):
            header = {name: value for name, value in header.items() if value is not None}
        return self.key.token(self.claims if claims is None else claims, jwt.text(header).decode())

    def with_signature(self, signature):
        return self.token.rpartition(".")[0] + "." + jwt.b64(signature)

    def with_header(self, header):
        """Not signed anew."""
        return jwt.b64(jwt.text(header)) + "." + self.token.partition(".")[2]

    def refuses(self, name, token):
        """At /verify and at /introspect."""
        assert token != self.token, name
        answer = self.service.verify(token)
        assert answer.status == 401 and answer.body == BODY_401, (name, answer)
        challenge = 'Bearer realm="tokend", error="invalid_token", error_description="'
        assert answer.one("www-authenticate") in [f'{challenge}{word}"' for word in WORDS], name
        assert answer.one("x-auth-subject") == "", name
        assert self.service.introspect(token) == {"active": False}, name


@pytest.fixture(scope="module", params=["EdDSA", "ES256", "RS256"])
def target(request, stocked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked")
    with fleet_in(stocked, folder) as fleet:
        service = fleet.serve({"http.body_max_bytes": 1048576})
        key = Key(request.param)
        path = folder / "key.jwk"
        path.write_text(json.dumps(key.jwk(private=True)))
        service.cli("key", "import", path, "--activate")
        target = Target(service, key)
        assert target.header["alg"] == request.param
        yield target
        assert service.is_active(target.token)  # it still answers, and still knows its own


# ---- the tables: name -> token ----

def no_algorithm(t):
    """None in every spelling: with no signature, with somebody's, with that of the real token."""
    signature = t.token.rpartition(".")[2]
    for alg in ("none", "None", "NONE", "nOnE", "nonE", "none ", " none", "no ne", "none\0", "",
                "null",
                "n\u043ene", "NULL", "undefined", "EdDSA\0none", "unsecured"):
        for name, header in (("", t.header), ("no kid", {"typ": "at+jwt"}),
                             ("no typ", {"kid": t.kid})):
            data = jwt.b64(jwt.text(header | {"alg": alg})) + "." + jwt.b64(jwt.text(t.root))
            for end in ("", signature, "AA", jwt.b64(b"none")):
                yield f"alg {alg!a} {name} .{end[:4]}", f"{data}.{end}"
    for alg in (None, True, False, 0, ["none"], [t.header["alg"]], {"none": 1}, ["EdDSA", "none"]):
        yield f"alg {alg!r}", t.with_header(t.header | {"alg": alg})
        yield f"signed, alg {alg!r}", t.signed(text=json.dumps(t.header | {"alg": alg}))
    yield "no alg", t.with_header({"typ": "at+jwt", "kid": t.kid})
    yield "signed, no alg", t.signed(alg=None)
    for alg in ("eddsa", "EDDSA", "es256", "ed25519", "RS1", "HS1", "dir", "RSA-OAEP", "ECDH-ES",
                "PBES2-HS256+A128KW", "ES256K", "Ed448", t.header["alg"] + " ",
                t.header["alg"].lower()):
        if alg != t.header["alg"]:
            yield f"signed, alg {alg}", t.signed(alg=alg, p2c=2**31 - 1, p2s="AA", enc="A128GCM")


def confusion(t):
    """A secret key that everybody knows: the public one."""
    for encoding, secret in encodings(t.jwk).items():
        for alg in ("HS256", "HS384", "HS512"):
            key = Key(alg, secret=secret)
            for kid in (t.kid, None, FORGER["kid"], "", jwt.thumbprint(t.jwk)):
                header = {"typ": "at+jwt", "kid": kid}
                yield f"{alg}, {encoding}, kid {kid}", key.token(t.root, header)
        named = Key("HS256", secret=secret)
        yield f"HS256 named as the real one, {encoding}", named.token(t.root, t.header)
    for secret in (b"", b"\0", b"secret", b"null", t.kid.encode(), FORGER["kid"].encode()):
        yield f"HS256 {secret}", Key("HS256", secret=secret).token(
            t.root, {"typ": "at+jwt", "kid": t.kid})
        yield f"forger, HS256 {secret}", Key("HS256", secret=secret).token(
            t.root, {"typ": "at+jwt", "kid": FORGER["kid"]})
    forger = jwt.unb64(FORGER["k"])
    for alg in ("HS384", "HS512", t.header["alg"], "EdDSA", "ES256", "RS256", "none"):
        yield f"forger says {alg}", jwt.hs256(
            forger, {"alg": alg, "typ": "at+jwt", "kid": FORGER["kid"]}, t.claims)
    yield "forger's key, our kid", jwt.hs256(forger, t.header, t.root)
    yield "forger's key, our kid, HS256", jwt.hs256(forger, t.header | {"alg": "HS256"}, t.root)
    yield "the real key, forger's kid", t.signed(t.root, kid=FORGER["kid"])


def keys_that_come_along(t):
    """Embedded, or at an address."""
    for alg in (t.header["alg"], "EdDSA", "ES256"):
        key = Key(alg)
        jwk = key.jwk(alg=alg)
        own = jwt.thumbprint(jwk)
        for name, more in {
                "jwk": {"jwk": jwk}, "jwk with our kid": {"jwk": jwk | {"kid": t.kid}},
                "private jwk": {"jwk": key.jwk(private=True)},
                "jku": {"jku": f"{t.service.issuer}/.well-known/jwks.json"},
                "jku elsewhere": {"jku": "https://evil.example/jwks.json"},
                "jku of a file": {"jku": "file:///etc/passwd"},
                "x5u": {"x5u": "https://evil.example/cert.pem"},
                "x5c": {"x5c": ["MIIB", "MIIC"]}, "x5t": {"x5t": own, "x5t#S256": own},
                "all": {"jwk": jwk, "jku": "https://e.example", "x5u": "https://e.example",
                        "x5c": []},
                "keys": {"keys": [jwk]}, "jwk of a secret": {
                    "jwk": {"kty": "oct", "k": "AA", "alg": "HS256"}},
        }.items():
            for kid in (t.kid, own, None, FORGER["kid"]):
                yield f"{alg}, {name}, kid {kid}", key.token(
                    t.root, {"typ": "at+jwt", "kid": kid} | more)


def kid_tricks(t):
    empty = Key("HS256", secret=b"")
    nought = Key("HS256", secret=b"\0")
    for kid in ("/dev/null", "../../../../../../dev/null", "../" * 100 + "dev/null",
                "file:///dev/null",
                "/proc/self/environ", "C:\\Windows\\win.ini", "keys/../../etc/passwd", "%2e%2e/x",
                "http://evil.example/key", "' OR '1'='1", "x' UNION SELECT 'AA' --",
                "1; DROP TABLE keys",
                "\" OR \"\"=\"", "*", "%", "_" * len(t.kid), "$(id)", "`id`", "|id",
                "${jndi:ldap://x}",
                "\0", t.kid + "\0", "\0" + t.kid, t.kid + "\0x", t.kid[:-1], t.kid + "A",
                t.kid + " ",
                " " + t.kid, t.kid.swapcase(), t.kid + "=", f"{t.kid},{FORGER['kid']}", t.kid[::-1],
                FORGER["kid"] + "\0", "forger ", "FORGER", "\u202e" + t.kid, "kid", "0", "-1",
                "A" * 5000, "constructor", "__proto__"):
        header = {"typ": "at+jwt", "kid": kid}
        for name, token in (("empty secret", empty.token(t.root, header)),
                            ("secret of a zero", nought.token(t.root, header)),
                            ("signed", t.signed(kid=kid))):
            if len(token) < 8000:
                yield f"kid {kid[:40]!a}, {name}", token
    for kid in (0, True, [t.kid], {"kid": t.kid}, 1.5, []):
        yield f"kid {kid}", t.signed(kid=kid)
        yield f"kid {kid}, HS256", empty.token(t.root, {"typ": "at+jwt", "kid": kid})
    yield "kid null", t.signed(text=json.dumps(t.header | {"kid": None}))
    yield "no kid", t.signed(kid=None)
    yield "kid twice", t.signed(text=json.dumps(t.header)[:-1] + f',"kid":"{t.kid}"}}')
    yield "kid twice, the other first", t.signed(text='{"kid":"x",' + json.dumps(t.header)[1:])
    yield "kid twice in disguise", t.signed(text='{"\\u006bid":"x",' + json.dumps(t.header)[1:])
    yield "half a letter", t.signed(text=json.dumps(t.header)[:-1].replace(t.kid, "\\ud800") + "}")


def other_spellings(t):
    """The real token, not as it was written."""
    head, payload, signature = t.token.split(".")
    for i in (1, 2, 3, 4, 5, 10, len(signature) - 1, len(signature)):
        yield f"{i} shorter", t.token[:-i]
    for i in range(1, len(t.token), 37):
        yield f"cut at {i}", t.token[:i]
        yield f"begun at {i}", t.token[i + 1:]
        yield f"without letter {i}", t.token[:i] + t.token[i + 1:]
        yield f"with one more at {i}", t.token[:i] + "A" + t.token[i:]
        other = "B" if t.token[i] == "A" else "A"
        yield f"with another at {i}", t.token[:i] + other + t.token[i + 1:]
    for parts in ((head,), (head, payload), (head, payload, ""), (head, "", signature),
                  ("", payload, signature), ("", "", ""), ("", "", signature),
                  (head, payload, signature, ""),
                  ("", head, payload, signature), (head, payload, signature, signature),
                  (head, payload, "", "", signature), (payload, head, signature),
                  (head, payload, payload),
                  (head, head, signature), (head, payload, signature, "AA", "AA")):
        yield f"{len(parts)} parts", ".".join(parts)
    for part in range(3):
        for pad in ("=", "==", "===", "%3D", "A", "AAAA", "."):
            parts = [head, payload, signature]
            parts[part] += pad
            yield f"part {part} with {pad}", ".".join(parts)
    for between in ("..", ",", ":", "~", "-", "_"):
        yield f"dots as {between}", t.token.replace(".", between)
    yield "the other alphabet", t.token.replace("-", "+").replace("_", "/") + "+/"
    yield "all of it encoded", jwt.b64(t.token.encode())
    yield "twice", t.token + t.token
    yield "twice with a dot", t.token + "." + t.token
    signed = {"protected": head, "signature": signature}
    for name, members in (("flat", signed), ("general", {"signatures": [signed]})):
        yield f"{name} JSON", json.dumps({"payload": payload} | members, separators=(",", ":"))
    # Letters whose last bits do not count: another text for the same bytes.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for name, part in (("header", head), ("payload", payload), ("signature", signature)):
        spare = {0: 0, 2: 4, 3: 2}[len(part) % 4]
        for bit in range(spare):
            other = part[:-1] + letters[letters.index(part[-1]) | 1 << bit]
            if other != part:
                yield f"spare bit {bit} of the {name}", t.token.replace(part, other)


def other_serialisations(t):
    """The same header or claims, written otherwise, under the real signature."""
    _, payload, signature = t.token.split(".")
    for name, header in (("spaces", json.dumps(t.header, indent=1)),
                         ("sorted", json.dumps(t.header, sort_keys=True,
                                               separators=(",", ":")) + " "),
                         ("reversed", json.dumps(dict(reversed(t.header.items())))),
                         ("escaped", json.dumps(t.header).replace("alg", "\\u0061lg")),
                         ("more", json.dumps(t.header | {"x": 1})),
                         ("newline", json.dumps(t.header) + "\n"),
                         ("typ in capitals", json.dumps(t.header | {"typ": "AT+JWT"}))):
        yield f"header {name}", t.with_header(header)
    head = t.token.partition(".")[0]
    for name, claims in (("spaces", json.dumps(t.claims, indent=1)), ("root", json.dumps(t.root)),
                         ("sorted", json.dumps(t.claims, sort_keys=True)),
                         ("empty", "{}"), ("one more", json.dumps(t.claims | {"x": 1})),
                         ("exp", json.dumps(t.claims | {"exp": t.claims["exp"] + 1}))):
        yield f"claims {name}", f"{head}.{jwt.b64(jwt.text(claims))}.{signature}"
    other = t.service.tokens("bob")["access_token"]
    yield "another's claims", f"{head}.{other.split('.')[1]}.{signature}"
    yield "another's signature", f"{head}.{payload}.{other.split('.')[2]}"


def other_signers(t):
    for alg in ("EdDSA", "ES256", "ES384", "HS256", "HS512"):
        key = Key(alg)
        for kid in (t.kid, "unknown", None, FORGER["kid"], jwt.thumbprint(t.jwk) + "x"):
            for claims in (t.claims, t.root):
                header = {"typ": "at+jwt", "kid": kid}
                yield f"{alg} by a stranger, kid {kid}", key.token(claims, header)
        yield f"{alg} under another name", key.token(t.root, t.header)
    stranger = Key(t.header["alg"])
    yield "the same kind by a stranger", stranger.token(t.root, t.header)
    yield "the same kind by a stranger, claims as they are", stranger.token(t.claims, t.header)


def other_signatures(t):
    """Numbers that some library takes for a signature."""
    raw = jwt.unb64(t.token.rpartition(".")[2])
    half = len(raw) // 2
    for name, signature in {
            "nought": bytes(len(raw)), "ones": b"\xff" * len(raw),
            "one": bytes(len(raw) - 1) + b"\1",
            "one, little": b"\1" + bytes(len(raw) - 1), "an empty one": b"", "a byte": b"\0",
            "one byte less": raw[:-1], "without the first": raw[1:], "one byte more": raw + b"\0",
            "a zero in front": b"\0" + raw, "reversed": raw[::-1],
            "halves exchanged": raw[half:] + raw[:half],
            "doubled": raw + raw, "half": raw[:half], "left nought": bytes(half) + raw[half:],
            "right nought": raw[:half] + bytes(len(raw) - half),
    }.items():
        yield name, t.with_signature(signature)
    alg = t.header["alg"]
    if alg == "EdDSA":
        s = int.from_bytes(raw[32:], "little")
        for k in range(1, 8):
            larger = (s + k * ED25519_ORDER).to_bytes(32, "little")
            yield f"S + {k} L", t.with_signature(raw[:32] + larger)
        yield "L - S", t.with_signature(raw[:32] + (ED25519_ORDER - s).to_bytes(32, "little"))
        for bit in (0x20, 0x40, 0x80):
            yield f"S with bit {bit}", t.with_signature(raw[:63] + bytes([raw[63] ^ bit]))
        yield "R with another sign", t.with_signature(raw[:31] + bytes([raw[31] ^ 0x80]) + raw[32:])
        for point in (b"\0" * 32, b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f",
                      b"\xed" + b"\xff" * 30 + b"\x7f", b"\xee" + b"\xff" * 30 + b"\x7f",
                      bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f"
                                    "2a2053fa2c39ccc64ec7fd7792ac037a")):
            yield f"R of small order {point[:2].hex()}", t.with_signature(point + raw[32:])
            yield f"small order, S nought {point[:2].hex()}", t.with_signature(point + bytes(32))
    elif alg == "ES256":
        r, s = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
        n = P256_ORDER
        for name, pair in {"0, 0": (0, 0), "0, s": (0, s), "r, 0": (r, 0), "n, s": (n, s),
                           "r, n": (r, n),
                           "n, n": (n, n), "1, 1": (1, 1), "0, n": (0, n), "n, 0": (n, 0),
                           "s, r": (s, r),
                           "n - r, s": (n - r, s), "n + 1, s": (n + 1, s)}.items():
            yield name, t.with_signature(b"".join(part.to_bytes(32, "big") for part in pair))
        yield "DER", t.with_signature(encode_dss_signature(r, s))
        for length in (31, 33, 48, 66):
            yield f"{length} bytes each", t.with_signature(b"".join(
                (part % 2**(8 * length)).to_bytes(length, "big") for part in (r, s)))
    else:
        n, s = int.from_bytes(jwt.unb64(t.jwk["n"]), "big"), int.from_bytes(raw, "big")
        for name, value in {"n": n, "n - 1": n - 1, "n - s": n - s, "n + 1": n + 1}.items():
            yield name, t.with_signature(value.to_bytes(256, "big"))
        yield "s + n", t.with_signature((s + n).to_bytes(257, "big"))
        for other in ("PS256", "RS384", "RS512", "PS512"):
            key = Key(other, private=t.key.private)
            data = t.token.rpartition(".")[0].encode()
            yield f"{other} of the same key", t.with_signature(key.signature(data))
            header = t.header | {"alg": other}
            yield f"{other} of the same key, said so", key.token(t.claims, header)


def more_than_a_token(t):
    """Properly signed, and yet no token of ours: extensions, nested ones, claims that are none."""
    for name, more in {"crit": {"crit": ["x"], "x": 1}, "crit of nothing": {"crit": []},
                       "crit of exp": {"crit": ["exp"], "exp": 1}, "crit a text": {"crit": "x"},
                       "crit of b64": {"crit": ["b64"], "b64": True}, "b64": {"b64": False},
                       "b64 and crit": {"crit": ["b64"], "b64": False}, "b64 true": {"b64": True},
                       "typ JWT": {"typ": "JWT"}, "typ at": {"typ": "at"},
                       "typ a list": {"typ": ["at+jwt"]},
                       "typ with a zero": {"typ": "at+jwt\0"}, "typ refresh": {"typ": "rt+jwt"},
                       "typ logout": {"typ": "logout+jwt"}, "no typ": {"typ": None},
                       "typ twice": {"typ": "application/application/at+jwt"}}.items():
        yield name, t.signed(**more)
    head = jwt.b64(json.dumps(t.header | {"b64": False, "crit": ["b64"]}).encode())
    raw = json.dumps(t.claims, separators=(",", ":"))
    for name, payload in (("plain payload", raw), ("detached", ""),
                          ("encoded", jwt.b64(raw.encode()))):
        data = f"{head}.{raw}".encode()
        token = f"{head}.{payload}.{jwt.b64(t.key.signature(data))}"
        yield f"b64 false, {name}", token
    head = t.token.partition(".")[0]
    yield "detached", f"{head}..{t.token.rpartition('.')[2]}"
    yield "empty payload, signed", f"{head}..{jwt.b64(t.key.signature(f'{head}.'.encode()))}"
    for cty in ("JWT", "jwt", "application/jwt", None):
        yield f"nested, cty {cty}", t.signed(t.token, cty=cty)
        yield f"nested in a text, cty {cty}", t.signed(json.dumps(t.token), cty=cty)
    nested = t.token
    for _ in range(3):
        nested = t.signed(nested, cty="JWT")
    yield "nested thrice", nested
    claims = json.dumps(t.claims)
    for name, text in {
            "null": "null", "a list": f"[{claims}]", "a text": '"x"', "a number": "1",
            "nothing at all": " ",
            "an empty object": "{}", "two objects": claims + claims,
            "a comma more": claims[:-1] + ",}",
            "cut": claims[:-1], "a zero behind": claims + "\0", "a zero in front": "\0" + claims,
            "a mark in front": "\ufeff" + claims, "single quotes": claims.replace('"', "'"),
            "a comment": claims + "/**/", "not UTF-8": claims.replace("alice", "\udcff"),
            "half a letter": claims.replace("alice", "\\ud83d"),
            "a tab": claims.replace("alice", "a\tb"),
            "exp twice": claims[:-1] + f',"exp":{t.claims["exp"]}}}',
            "sub twice": '{"sub":"u-boss",' + claims[1:],
            "sub twice in disguise": '{"s\\u0075b":"u-boss",' + claims[1:],
            "an unknown one twice": claims[:-1] + ',"x":1,"x":1}',
            "deep": claims[:-1] + ',"x":' + "[" * 2000 + "]" * 2000 + "}",
            "deep and open": claims[:-1] + ',"x":' + '{"a":' * 500 + "}",
            "a number that is none": claims[:-1] + ',"x":01}',
            "not a number": claims[:-1] + ',"x":NaN}',
    }.items():
        yield f"payload: {name}", t.signed(text)
    for exp in ('"9999999999"', "4102444800.5", "-1", "1e300", "-0.0", "true", "null", "[]", "{}",
                "9223372036854775808", "18446744073709551616", "1" + "0" * 400, "9007199254740993",
                "0x7fffffff", "Infinity", "4102444800e400"):
        text = claims.replace(f'"exp": {t.claims["exp"]}', f'"exp": {exp}')
        yield f"exp {exp[:30]}", t.signed(text)
    for name in ("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "epoch"):
        yield f"no {name}", t.signed({key: value for key, value in t.claims.items() if key != name})
        for value in (None, [], {}, True):
            yield f"{name} {value}", t.signed(t.claims | {name: value})
    issuer = t.claims["iss"]
    for iss in (issuer + "/", issuer.upper(), issuer + "\0", issuer + " ", "", [issuer],
                issuer[:-1],
                issuer.replace("http:", "https:"), issuer + "#", "x" + issuer):
        yield f"iss {iss!a}", t.signed(t.claims | {"iss": iss})
    for aud in (issuer + "/", [], ["x"], [[issuer]], {issuer: 1}, "", [None], [1, issuer]):
        yield f"aud {aud!a}", t.signed(t.claims | {"aud": aud})


FAMILIES = [no_algorithm, confusion, keys_that_come_along, kid_tricks, other_spellings,
            other_serialisations, other_signers, other_signatures, more_than_a_token]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_refused(target, family):
    count = 0
    for name, token in family(target):
        target.refuses(name, token)
        count += 1
    assert count >= 10
    assert target.service.is_active(target.token)


def test_what_is_not_wrong_is_taken(target):
    """Else the table would show nothing: the tests do know the key."""
    for token in (target.signed(), target.signed(typ="application/at+jwt"),
                  target.signed(typ="AT+JWT"),
                  target.signed(x5c=["AA"], jku="https://evil.example",
                                jwk={"kty": "oct", "k": "AA"}),
                  target.signed(target.claims | {"x": [{"deep": [1, 2.5e3, None]}]})):
        assert target.service.is_active(token)


# ---- other ways in ----

def test_nobody_forged_is_a_caller(target):
    service, forged = target.service, []
    for family in (confusion, keys_that_come_along):
        forged += [token for _, token in family(target)][:40:4]
    for token in forged:
        assert service.post("/introspect", {"token": target.token}, bearer=token).status == 401
        code = service.try_cli("token", "check", stdin=token).returncode
        assert code == 1
    assert service.try_cli("token", "check", stdin=target.token).returncode == 0


@pytest.mark.parametrize("change", ["%s\0", "\0%s", "%s\n", "\n%s", " %s", "%s ", "%s\0x",
                                    "\ufeff%s",
                                    "%s\u200b", "Bearer %s", '"%s"', "%s,%s", "%s %s", "\u00e9%s"],
                         ids=ascii)
def test_letters_that_no_header_can_hold(target, change):
    """A form can."""
    token = change.replace("%s", target.token)
    answer = target.service.post("/introspect", {"token": token}, basic=RS)
    if "\0" in token:
        assert answer.status == 400  # no form holds one
    else:
        assert ok(answer) == {"active": False}
    assert target.service.is_active(target.token)


# ---- too long ----

LIMIT = 8192
HEAD_LIMIT = 300_000  # about: what is longer is no request, whatever it holds


def padded(target, length):
    """A token of the real key and of this length, or a letter more where base64 has no such."""
    def token(padding):
        return target.signed(target.claims | {"x": "x" * padding})

    padding = (length - len(token(0))) * 3 // 4
    while len(token(padding)) < length:
        padding += 1
    return token(padding)


def test_eight_kilobytes_are_enough(target):
    longest = padded(target, LIMIT)
    while len(longest) > LIMIT:
        longest = padded(target, LIMIT - 4)
    assert target.service.is_active(longest)
    for length in (LIMIT + 1, LIMIT + 100, 12000):
        target.refuses(f"{length} letters", padded(target, length))


@pytest.mark.parametrize("letters", [20_000, 64 * 1024, 1_000_000])
@pytest.mark.parametrize("shape", ["kid", "payload", "signature", "dots", "letters", "jwk"])
def test_tokens_without_end(target, shape, letters):
    service, filler = target.service, "A" * letters
    head, payload, signature = target.token.split(".")
    token = {
        "kid": target.with_header(target.header | {"kid": filler[:letters * 3 // 4 - 700]}),
        "payload": f"{head}.{filler}.{signature}", "signature": f"{head}.{payload}.{filler}",
        "dots": "." * letters, "letters": filler,
        "jwk": target.with_header(target.header | {"jwk": {"n": filler[:letters * 3 // 4 - 700]}}),
    }[shape]
    assert service.introspect(token) == {"active": False}
    try:
        answer = wire.exchange(service.port, "GET", "/verify",
                               [("Authorization", f"Bearer {token}")])
    except (Closed, ConnectionError):
        assert letters > HEAD_LIMIT
    else:
        expected = (400, b"Bad Request") if letters > HEAD_LIMIT else (401, BODY_401)
        assert (answer.status, answer.body) == expected
    assert service.is_active(target.token)


def test_a_form_without_end(fleet):
    service = fleet.serve()
    answer = service.post("/introspect", {"token": "A" * 1_000_000}, basic=RS)
    assert answer.status == 413
    assert service.introspect("A" * 10_000) == {"active": False}


# ---- all together ----

def test_a_storm_of_forgeries_leaves_others_alone(target):
    """On a few connections, one after the other; in between, the real token is as good as ever."""
    forged = [token for family in (confusion, other_signatures) for _, token in family(target)]
    with wire.Wire(target.service.port) as connection:
        def status(token):
            headers = [("Authorization", f"Bearer {token}")]
            connection.send(wire.request_bytes("GET", "/verify", headers))
            return connection.answer().status

        for i, token in enumerate(forged):
            assert status(token) == 401
            if i % 10 == 0:
                assert status(target.token) == 200
    target.service.secrets.update(forged)
    ok(target.service.verify(target.token))
