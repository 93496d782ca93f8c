"""The token of a request: RFC 6750, and only its Authorization header."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from .refusals import Unauthenticated

TOKEN_MAX = 8192
# Three parts in base64url. All else (a refresh token, say) is none of an application's business,
# and is not even sent to the token service.
JWT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def bearer_token(scope: Mapping[str, Any]) -> Optional[bytes]:
    """As it came; None: the request has none, or credentials of another kind."""
    found: Optional[bytes] = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                raise Unauthenticated("more than one Authorization header")
            found = value
    if found is None:
        return None
    scheme, _, token = found.partition(b" ")
    return token.strip(b" ") if scheme.lower() == b"bearer" else None


def well_formed(token: bytes) -> str:
    if len(token) > TOKEN_MAX or not JWT.fullmatch(token):
        raise Unauthenticated("the token is malformed")
    return token.decode("ascii")
