"""The check that asks nobody: the signature, by the published keys.

Such a token stays good until its `exp`, whatever is revoked meanwhile.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Dict

import jwt

from .checks import Check, Checked
from .keys import Keys
from .refusals import Unauthenticated
from .service import Service
from .user import user_of

# Public keys only: with HS* whoever may check could also sign, and a public key could be taken for
# a shared secret.
ALGORITHMS = ("EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
              "PS512")
# RFC 9068, section 4.
TYPES = ("at+jwt", "application/at+jwt")
REQUIRED = ["exp", "iss", "aud", "sub"]


def local(service: Service, issuer: str, audience: str, leeway_s: float) -> Check:
    keys = Keys(service, ALGORITHMS)

    async def check(token: str) -> Checked:
        header = header_of(token)
        key = await keys.find(header["kid"])
        # The algorithm is the key's; what the header says must be the same, and decides nothing.
        if header.get("alg") != key.alg:
            raise Unauthenticated("its algorithm is not its key's")
        try:
            # A few hundred microseconds: the one piece of work for which the loop stands still.
            # Not iat: a clock that is behind would refuse tokens for being new.
            claims = jwt.decode(
                token, key.public, algorithms=[key.alg], issuer=issuer, audience=audience,
                leeway=leeway_s, options={"require": REQUIRED, "verify_iat": False})
            user = user_of(claims)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as mistake:
            # The kind alone: a library's text may quote the token.
            raise Unauthenticated(f"the token is not good ({type(mistake).__name__})") from None
        return Checked(user, user.expires_at - time.time())

    return check


def header_of(token: str) -> Dict[str, Any]:
    """Of a token whose signature nobody has checked yet; what is in it is used to look up a key."""
    first = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        raise Unauthenticated("the token is malformed") from None
    if not isinstance(header, dict) or not isinstance(header.get("kid"), str):
        raise Unauthenticated("the token names no key")
    if str(header.get("typ")).lower() not in TYPES:
        raise Unauthenticated("it is no access token")
    if "crit" in header or "b64" in header:
        raise Unauthenticated("the token wants more than is understood here")
    return header
