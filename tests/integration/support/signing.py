"""Keys of every kind, by a library that is not tokend's: as JWKs, and what they sign."""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from . import jwt

RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
DER = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"ES256": (ec.SECP256R1, "P-256", 32), "ES384": (ec.SECP384R1, "P-384", 48),
          "ES512": (ec.SECP521R1, "P-521", 66)}


def number(value, length=None):
    return jwt.b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Key:
    """`secret`: of an HS key; `bits`: of an RSA key; `private`: the library's object; None: new."""

    def __init__(self, alg, kid=None, secret=b"a secret that is long enough to be one!!" * 2,
                 bits=2048, private=None):
        self.alg, self.kid, self.secret, self.private = alg, kid, secret, private
        self.hash = HASHES.get(alg[2:])
        if private:
            return
        if alg == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif alg[:2] == "ES":
            self.private = ec.generate_private_key(CURVES[alg][0]())
        elif alg[:2] in ("RS", "PS"):
            self.private = rsa.generate_private_key(65537, bits)

    # ---- as JWK ----

    def jwk(self, private=False, **more):
        """A member of `more` that is None is left out."""
        jwk = self._members(private) | {"alg": self.alg, "kid": self.kid} | more
        return {name: value for name, value in jwk.items() if value is not None}

    def _members(self, private):
        if self.alg[:2] == "HS":
            return {"kty": "oct", "k": jwt.b64(self.secret)}
        if self.alg == "EdDSA":
            x = self.private.public_key().public_bytes(*RAW)
            d = self.private.private_bytes(RAW[0], serialization.PrivateFormat.Raw,
                                           serialization.NoEncryption())
            return {"kty": "OKP", "crv": "Ed25519", "x": jwt.b64(x),
                    "d": jwt.b64(d) if private else None}
        numbers = self.private.private_numbers()
        public = numbers.public_numbers
        if self.alg[:2] == "ES":
            _, crv, length = CURVES[self.alg]
            return {"kty": "EC", "crv": crv, "x": number(public.x, length),
                    "y": number(public.y, length),
                    "d": number(numbers.private_value, length) if private else None}
        secret = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1,
                  "dq": numbers.dmq1, "qi": numbers.iqmp}
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e)} | (
            {name: number(value) for name, value in secret.items()} if private else {})

    # ---- signing ----

    def signature(self, data):
        if self.alg[:2] == "HS":
            return hmac.new(self.secret, data, self.hash().name).digest()
        if self.alg == "EdDSA":
            return self.private.sign(data)
        if self.alg[:2] == "ES":
            length = CURVES[self.alg][2]
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(self.hash())))
            return r.to_bytes(length, "big") + s.to_bytes(length, "big")
        return self.private.sign(data, rsa_padding(self.alg, self.hash), self.hash())

    def token(self, payload, header=()):
        """`header`: JSON text, or members beside or instead of alg, typ and kid; None: left out."""
        if not isinstance(header, str):
            members = {"alg": self.alg, "typ": "JWT", "kid": self.kid} | dict(header)
            header = {name: value for name, value in members.items() if value is not None}
        data = jwt.b64(jwt.text(header)) + "." + jwt.b64(jwt.text(payload))
        return data + "." + jwt.b64(self.signature(data.encode()))


def rsa_padding(alg, digest):
    if alg[:2] == "RS":
        return padding.PKCS1v15()
    return padding.PSS(mgf=padding.MGF1(digest()), salt_length=digest().digest_size)


# ---- public keys, as others publish them ----

def public_of(jwk):
    """The library's object for a public JWK."""
    def read(name):
        return int.from_bytes(jwt.unb64(jwk[name]), "big")

    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(jwt.unb64(jwk["x"]))
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(read("e"), read("n")).public_key()
    curve = next(curve for curve, crv, _ in CURVES.values() if crv == jwk["crv"])
    return ec.EllipticCurvePublicNumbers(read("x"), read("y"), curve()).public_key()


def verify(jwk, token):
    """Raises when the token is not what the public JWK's owner has signed with jwk["alg"]."""
    data, _, text = token.rpartition(".")
    data, signature, key = data.encode(), jwt.unb64(text), public_of(jwk)
    digest = HASHES.get(jwk["alg"][2:])
    if jwk["kty"] == "OKP":
        key.verify(signature, data)
    elif jwk["kty"] == "RSA":
        key.verify(signature, data, rsa_padding(jwk["alg"], digest), digest())
    else:
        half = len(signature) // 2
        assert len(signature) == 2 * CURVES[jwk["alg"]][2]
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(digest()))


def encodings(jwk):
    """Everything that somebody may take for "the public key" and use as a secret: name -> bytes."""
    key = public_of(jwk)
    given = {"PEM": key.public_bytes(*PEM), "DER": key.public_bytes(*DER)}
    given["PEM without its last newline"] = given["PEM"].rstrip()
    given["PEM with CRLF"] = given["PEM"].replace(b"\n", b"\r\n")
    given["JWK"] = jwt.text(jwk)
    for member in ("x", "y", "n"):
        if member in jwk:
            given[f"{member} in base64url"] = jwk[member].encode()
            given[f"{member} raw"] = jwt.unb64(jwk[member])
    if jwk["kty"] == "EC":
        given["point"] = b"\4" + jwt.unb64(jwk["x"]) + jwt.unb64(jwk["y"])
        given["x and y"] = given["point"][1:]
    if jwk["kty"] == "RSA":
        given["PKCS #1"] = key.public_bytes(serialization.Encoding.PEM,
                                            serialization.PublicFormat.PKCS1)
    given["thumbprint"] = jwk["kid"].encode()
    given["SHA-256 of the JWK"] = hashlib.sha256(given["JWK"]).digest()
    return given
