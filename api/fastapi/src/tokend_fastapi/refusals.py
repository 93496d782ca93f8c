"""The three answers of an application that does not let somebody in, to the letter.

They are FastAPI's HTTPException, so that an application's own handler of these sees them too. `why`
is for the log: it never holds a token or anything else that the caller has sent.
"""

from __future__ import annotations

from typing import Dict, Iterable, Optional

from fastapi import HTTPException

RETRY_AFTER_S = 1
RETRY_AFTER_MAX_S = 60


class Refusal(HTTPException):
    def __init__(self, status: int, detail: str, headers: Dict[str, str], why: str) -> None:
        super().__init__(status, detail, headers)
        self.why = why


class Unauthenticated(Refusal):
    """401: no token, or a bad one."""

    def __init__(self, why: str, with_token: bool = True) -> None:
        # RFC 6750, section 3.1: who has sent no credentials is told of no error.
        challenge = _challenge('error="invalid_token"') if with_token else _challenge()
        super().__init__(401, "Could not validate credentials", challenge, why)
        self.with_token = with_token


class Forbidden(Refusal):
    """403: a good token without the right."""

    def __init__(self, why: str, scopes: Iterable[str] = ()) -> None:
        missing = " ".join(scopes)
        extra = [f'scope="{missing}"'] if missing else []
        challenge = _challenge('error="insufficient_scope"', *extra)
        super().__init__(403, "Access forbidden: Insufficient permissions", challenge, why)


class Unavailable(Refusal):
    """503: the token service could not be asked. That is never a yes."""

    def __init__(self, why: str, retry_after_s: Optional[int] = None) -> None:
        wait = min(max(retry_after_s or RETRY_AFTER_S, 1), RETRY_AFTER_MAX_S)
        super().__init__(503, "Authentication is not available; try again later",
                         {"Retry-After": str(wait)}, why)


def _challenge(*attributes: str) -> Dict[str, str]:
    return {"WWW-Authenticate": "Bearer " + ", ".join(('realm="tokend"', *attributes))}
