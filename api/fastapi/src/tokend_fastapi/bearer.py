"""The token of a request: RFC 6750, and only its Authorization header."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from .refusals import Unauthenticated

TOKEN_MAX = 8192
# Three parts in base64url. All else (a refresh token, say) is none of an application's business,
# and is not even sent to the token service.
JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def bearer_token(scope: Mapping[str, Any]) -> Optional[str]:
    """None: it has none, or credentials of another kind. A malformed one is Unauthenticated."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if not found:
        return None
    if len(found) > 1:
        raise Unauthenticated("more than one Authorization header")
    scheme, _, rest = found[0].partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return well_formed(rest.strip(b" ").decode("latin-1"))


def well_formed(token: str) -> str:
    if len(token) > TOKEN_MAX or not JWT.fullmatch(token):
        raise Unauthenticated("the token is malformed")
    return token
