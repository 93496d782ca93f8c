"""Tokens taken apart, and made by hand: also such as no honest signer makes."""

import base64
import hashlib
import hmac
import json


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header(token):
    return json.loads(unb64(token.split(".")[0]))


def claims(token):
    return json.loads(unb64(token.split(".")[1]))


def text(value):
    """JSON; a string is taken as JSON text already, so that a test can write what no library would,
    even bytes that are not UTF-8 (as surrogateescape has them)."""
    written = value if isinstance(value, str) else json.dumps(value)
    return written.encode("utf-8", "surrogateescape")


def hs256(key, token_header, payload):
    """header.payload.signature with HMAC-SHA-256, whatever the header says."""
    signing_input = b64(text(token_header)) + "." + b64(text(payload))
    return signing_input + "." + b64(hmac.new(key, signing_input.encode(), hashlib.sha256).digest())


def thumbprint(jwk):
    """RFC 7638."""
    members = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
    canonical = json.dumps({name: jwk[name] for name in members[jwk["kty"]]},
                           sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(canonical.encode()).digest())
