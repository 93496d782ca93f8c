"""signing.algorithm: what each kind of key signs and publishes, how one follows another."""

import json

import pytest

from support import jwt
from support.service import APP, RS, ok, refusal
from support.signing import CURVES, Key, encodings, number, verify

JWKS = "/.well-known/jwks.json"
PASSWORD = "the password of carol"
ALGORITHMS = ("EdDSA", "ES256", "ES384", "ES512", "RS256", "PS256", "HS256")
# Beyond kid, alg and use.
MEMBERS = {"Ed": {"kty", "crv", "x"}, "ES": {"kty", "crv", "x", "y"}, "RS": {"kty", "n", "e"},
           "PS": {"kty", "n", "e"}}
SIGNATURE_BYTES = {"EdDSA": 64, "ES256": 64, "ES384": 96, "ES512": 132, "RS256": 256, "PS256": 256,
                   "HS256": 32}
BY_ALGORITHM = pytest.mark.parametrize("alg", ALGORITHMS)


def started(fleet, alg, stocked=False):
    """An installation that has never had another algorithm, with carol in it; or the stock's."""
    service = fleet.make({"signing.algorithm": alg}, empty=not stocked)
    if not stocked:
        service.cli("init")
        service.cli("user", "add", "carol", "--id", "u-carol", "--role", "user",
                    stdin=PASSWORD + "\n")
        service.cli("client", "add", RS[0], "--secret-stdin", "--grant", "client_credentials",
                    "--scope", "introspect", stdin=RS[1] + "\n")
    return service.start()


def carol(service):
    return service.tokens("carol", PASSWORD)


def published(service):
    return {key["kid"]: key for key in service.get(JWKS).json["keys"]}


def write(folder, jwk, name="key.jwk"):
    path = folder / name
    path.write_text(jwk if isinstance(jwk, str) else json.dumps(jwk))
    return path


# ---- one kind at a time ----

@BY_ALGORITHM
def test_an_installation_of_one_algorithm(fleet, alg):
    service = started(fleet, alg)
    pair = carol(service)
    token = pair["access_token"]
    header = jwt.header(token)
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == (alg, "at+jwt")
    assert len(jwt.unb64(token.rpartition(".")[2])) == SIGNATURE_BYTES[alg]
    assert ok(service.verify(token, "?role=user&owner=u-carol"))["sub"] == "u-carol"
    assert service.is_active(token)
    assert service.is_active(ok(service.refresh(pair["refresh_token"]))["access_token"])
    assert service.is_active(service.client_token(RS)["access_token"])
    ok(service.revoke(token, client=None))
    assert not service.is_active(token)

    service.restart()
    again = carol(service)["access_token"]
    assert jwt.header(again)["kid"] == header["kid"] and service.is_active(again)
    assert not service.is_active(token)


@BY_ALGORITHM
def test_what_is_published_of_it(fleet, alg):
    service = started(fleet, alg)
    token = carol(service)["access_token"]
    keys = published(service)
    answer = service.get(JWKS).body.decode()
    if alg == "HS256":
        assert service.get(JWKS).json == {"keys": []}
        assert service.cli("key", "export-public", "--json") == {"keys": []}
        return
    key = keys[jwt.header(token)["kid"]]
    assert list(keys) == [key["kid"]] == [jwt.thumbprint(key)]
    assert set(key) == MEMBERS[alg[:2]] | {"kid", "alg", "use"}
    assert (key["alg"], key["use"]) == (alg, "sig")
    if alg in CURVES:
        _, crv, length = CURVES[alg]
        assert key["crv"] == crv
        assert [len(jwt.unb64(key[name])) for name in "xy"] == [length, length]
    if "n" in key:
        assert len(jwt.unb64(key["n"])) == 256 and key["e"] == "AQAB"
    verify(key, token)
    for member in ("d", "p", "q", "dp", "dq", "qi", "k"):
        assert f'"{member}"' not in answer
        assert f'"{member}"' not in service.admin("GET", "/admin/keys").body.decode()


@BY_ALGORITHM
def test_a_spoilt_signature_is_refused(fleet, alg):
    service = started(fleet, alg)
    data, _, signature = carol(service)["access_token"].rpartition(".")
    raw = jwt.unb64(signature)
    spoilt = [bytes(len(raw)), b"\xff" * len(raw), raw[:-1], raw[1:], raw + b"\0", b"\0" + raw,
              raw[len(raw) // 2:] + raw[:len(raw) // 2], raw[:1], raw + raw]
    spoilt += [raw[:i] + bytes([raw[i] ^ bit]) + raw[i + 1:]
               for i in (0, len(raw) // 2, len(raw) - 1) for bit in (1, 0x80)]
    for bad in spoilt:
        assert not service.is_active(f"{data}.{jwt.b64(bad)}")
    assert service.is_active(f"{data}.{signature}")


@pytest.mark.parametrize("alg", ["", "none", "None", "eddsa", "Ed25519", "es256", "RSA", "ES256K",
                                 "HS1", "RSA-OAEP", "A256GCM", "EdDSA,ES256", "EdDSA "])
def test_an_algorithm_that_is_not_offered(fleet, alg):
    service = fleet.make({"signing.algorithm": alg}, empty=True)
    for verb in ("init", "serve"):
        assert "signing.algorithm" in refusal(service.try_cli(verb))


# ---- one after another ----

@pytest.mark.parametrize("first, second", [
    ("EdDSA", "ES256"), ("ES256", "RS256"), ("RS256", "PS256"), ("PS256", "HS256"),
    ("HS256", "EdDSA"), ("ES384", "ES256")])
def test_a_change_is_a_rotation(fleet, first, second):
    service = started(fleet, first)
    old = carol(service)
    old_kid = jwt.header(old["access_token"])["kid"]
    service.stop()
    service.options["signing.algorithm"] = second
    service.start()
    # New keys are of the other kind; the one that signs is not exchanged behind anybody's back.
    assert jwt.header(carol(service)["access_token"])["kid"] == old_kid
    made = service.cli("key", "rotate", "--now", "--json")
    assert (made["alg"], made["state"]) == (second, "active")
    new = ok(service.refresh(old["refresh_token"]))
    header = jwt.header(new["access_token"])
    assert (header["alg"], header["kid"]) == (second, made["kid"]) and made["kid"] != old_kid
    for token in (old["access_token"], new["access_token"]):
        assert service.is_active(token)
        ok(service.verify(token, "?role=user"))
    assert {key["alg"] for key in published(service).values()} == {first, second} - {"HS256"}
    for key in published(service).values():
        assert key["kid"] == jwt.thumbprint(key)
    service.restart()
    assert service.is_active(old["access_token"]) and service.is_active(new["access_token"])
    service.cli("key", "revoke", old_kid)
    assert not service.is_active(old["access_token"])
    assert service.is_active(new["access_token"])


def test_all_kinds_at_once(fleet):
    """Seven keys, and each token is good by its own alone."""
    service = started(fleet, ALGORITHMS[0])
    tokens = {ALGORITHMS[0]: carol(service)["access_token"]}
    for alg in ALGORITHMS[1:]:
        service.stop()
        service.options["signing.algorithm"] = alg
        service.start()
        service.cli("key", "rotate", "--now", "--json")
        tokens[alg] = carol(service)["access_token"]
    keys = published(service)
    assert {key["alg"] for key in keys.values()} == set(ALGORITHMS) - {"HS256"}
    for alg, token in tokens.items():
        assert jwt.header(token)["alg"] == alg and service.is_active(token)
        if alg != "HS256":
            verify(keys[jwt.header(token)["kid"]], token)
        data = token.rpartition(".")[0]
        for other in tokens:
            if other == alg:
                continue
            # Somebody else's signature, or somebody else's algorithm or key in the header.
            assert not service.is_active(f"{data}.{tokens[other].rpartition('.')[2]}")
            for change in ({"alg": other}, {"kid": jwt.header(tokens[other])["kid"]}):
                changed = jwt.b64(jwt.text(jwt.header(token) | change))
                assert not service.is_active(".".join([changed, *token.split(".")[1:]]))


# ---- import ----

@pytest.fixture(scope="module")
def made():
    """A key of each kind that others made; RSA's takes its time."""
    return {alg: Key(alg) for alg in (*ALGORITHMS, "RS512", "PS384", "HS512")}


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS512", "PS256",
                                 "PS384", "HS256", "HS512"])
def test_a_key_of_others_signs_for_us(service, tmp_path, made, alg):
    key = made[alg]
    path = write(tmp_path, key.jwk(private=True))
    imported = service.cli("key", "import", path, "--activate", "--json")
    token = service.tokens(client=APP)["access_token"]
    assert jwt.header(token)["alg"] == imported["alg"] == alg
    assert jwt.header(token)["kid"] == imported["kid"]
    assert service.is_active(token)
    if alg[:2] == "HS":
        assert imported["kid"] not in published(service)
        return
    public = key.jwk() | {"kid": imported["kid"]}
    assert imported["kid"] == jwt.thumbprint(public)
    assert published(service)[imported["kid"]] == public | {"use": "sig"}
    verify(public, token)
    # What its owner signs elsewhere with the claims of ours is ours too: that is what import means.
    by_hand = key.token(jwt.claims(token), {"typ": "at+jwt", "kid": imported["kid"]})
    assert service.is_active(by_hand)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "RS256", "PS256"])
def test_a_public_key_only_verifies(service, tmp_path, made, alg):
    path = write(tmp_path, made[alg].jwk())
    service.refused("key", "import", path, "--activate")
    kid = service.cli("key", "import", path, "--json")["kid"]
    claims = jwt.claims(service.tokens()["access_token"])
    assert service.is_active(made[alg].token(claims, {"typ": "at+jwt", "kid": kid}))
    for secret in encodings(made[alg].jwk() | {"kid": kid}).values():
        forged = Key("HS256", secret=secret).token(claims, {"typ": "at+jwt", "kid": kid})
        assert not service.is_active(forged)


@pytest.mark.parametrize("alg, other", [("RS256", "PS256"), ("HS256", "HS512"), ("ES384", None),
                                        ("EdDSA", None)])
def test_a_key_without_alg_is_of_one_algorithm_all_the_same(service, tmp_path, made, alg, other):
    key = made[alg]
    path = write(tmp_path, key.jwk(private=True, alg=None))
    imported = service.cli("key", "import", path, "--json")
    assert imported["alg"] == alg
    claims = jwt.claims(service.tokens()["access_token"])
    header = {"typ": "at+jwt", "kid": imported["kid"]}
    assert service.is_active(key.token(claims, header))
    if other:
        twin = Key(other, secret=key.secret, private=key.private)
        assert not service.is_active(twin.token(claims, header))


def unsound(made):
    """Name -> what looks like a key."""
    ec, rsa, okp = (made[alg].jwk(private=True) for alg in ("ES256", "RS256", "EdDSA"))
    secret = {"kty": "oct", "alg": "HS256", "k": jwt.b64(b"s" * 32)}

    def without(jwk, *names):
        return {name: value for name, value in jwk.items() if name not in names}

    rsa_public = made["RS256"].jwk()
    n = int.from_bytes(jwt.unb64(rsa["n"]), "big")
    weak = Key("RS256", bits=1024).jwk(private=True)
    off = jwt.unb64(ec["y"])
    p256 = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff
    order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
    return {
        "RSA of 1024 bits": weak,
        "RSA of 1024 bits, public": without(weak, "d", "p", "q", "dp", "dq", "qi"),
        "RSA of 2047 bits": rsa_public | {"n": number(n >> 1 | 1)},
        "RSA with e of 3": rsa | {"e": "Aw"},
        "RSA with e of 1": rsa | {"e": "AQ"},
        "RSA with an even e": rsa | {"e": "AQAA"},
        "RSA with an even n": rsa_public | {"n": number(n - 1)},
        "RSA without primes": without(rsa, "p", "q", "dp", "dq", "qi"),
        "RSA with another d": rsa | {"d": made["PS256"].jwk(private=True)["d"]},
        "RSA with another p": rsa | {"p": made["PS256"].jwk(private=True)["p"]},
        "RSA for keys": rsa | {"alg": "RSA-OAEP"},
        "RSA and ES256": rsa | {"alg": "ES256"},
        "RSA and HS256": rsa | {"alg": "HS256"},
        "RSA of several primes": rsa | {"oth": [{"r": "AQAB", "d": "AQAB", "t": "AQAB"}],
                                        "n": "AQAB"},
        "EC off the curve": without(ec, "d") | {"y": jwt.b64(off[:-1] + bytes([off[-1] ^ 1]))},
        "EC off the curve, private": ec | {"y": jwt.b64(off[:-1] + bytes([off[-1] ^ 1]))},
        "EC at nought": without(ec, "d") | {"x": jwt.b64(bytes(32)), "y": jwt.b64(bytes(32))},
        "EC beyond the field": without(ec, "d") | {"x": number(p256), "y": number(p256 + 1)},
        "EC of a short x": without(ec, "d") | {"x": jwt.b64(jwt.unb64(ec["x"])[1:])},
        "EC of a long x": without(ec, "d") | {"x": jwt.b64(b"\0" + jwt.unb64(ec["x"]))},
        "EC without y": without(ec, "y"),
        "EC with d of 0": ec | {"d": jwt.b64(bytes(32))},
        "EC with d of the order": ec | {"d": number(order)},
        "EC with another d": ec | {"d": Key("ES256").jwk(private=True)["d"]},
        "EC of another curve": ec | {"crv": "P-384"},
        "EC of a curve for coins": without(ec, "alg") | {"crv": "secp256k1"},
        "EC with another algorithm": ec | {"alg": "ES384"},
        "EC and EdDSA": ec | {"alg": "EdDSA"},
        "OKP with another x": okp | {"x": Key("EdDSA").jwk()["x"]},
        "OKP of small order": without(okp, "d") | {"x": jwt.b64(b"\1" + bytes(31))},
        "OKP at nought": without(okp, "d") | {"x": jwt.b64(bytes(32))},
        "OKP of 31 bytes": without(okp, "d") | {"x": jwt.b64(jwt.unb64(okp["x"])[:31])},
        "OKP for agreement": okp | {"crv": "X25519"},
        "OKP and HS256": okp | {"alg": "HS256"},
        "a secret of 31 bytes": secret | {"k": jwt.b64(b"s" * 31)},
        "a secret of 47 bytes for HS384": secret | {"k": jwt.b64(b"s" * 47), "alg": "HS384"},
        "a secret of 63 bytes for HS512": secret | {"k": jwt.b64(b"s" * 63), "alg": "HS512"},
        "no secret": secret | {"k": ""},
        "a secret and none": secret | {"alg": "none"},
        "a secret and EdDSA": secret | {"alg": "EdDSA"},
        "padding": secret | {"k": secret["k"] + "="},
        "for encryption": ec | {"use": "enc"},
        "for nothing of ours": ec | {"key_ops": ["deriveKey"]},
        "of no type": without(ec, "kty"),
        "a key set": {"keys": [ec]},
    }


def test_what_is_no_sound_key_is_not_imported(shared, tmp_path, made):
    before = shared.cli("key", "list", "--json")
    for name, jwk in unsound(made).items():
        for flags in ((), ("--activate",)):
            done = shared.try_cli("key", "import", write(tmp_path, jwk), *flags)
            assert done.returncode == 1, name
            text = refusal(done)
            for member in ("d", "k", "p"):
                assert len(jwk.get(member, "")) < 8 or jwk[member] not in text, name
    assert shared.cli("key", "list", "--json") == before


def test_the_same_key_is_not_two(service, tmp_path, made):
    """An RSA key that signed with the one padding does not sign with the other too."""
    jwk = made["RS256"].jwk(private=True)
    service.cli("key", "import", write(tmp_path, jwk), "--json")
    service.refused("key", "import", write(tmp_path, jwk))
    service.refused("key", "import", write(tmp_path, jwk | {"alg": "PS256"}))
    service.refused("key", "import", write(tmp_path, made["RS256"].jwk()))
