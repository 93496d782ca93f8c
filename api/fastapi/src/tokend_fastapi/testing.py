"""A token service for the tests of applications: no server, no network, no waiting.

    @pytest.fixture
    def issuer():
        with FakeIssuer().checking(auth) as issuer:
            yield issuer

    def test_notes_are_their_owners(issuer):
        client = TestClient(app)
        assert client.get("/users/alice/notes", headers=issuer.headers("alice")).status_code == 200
        assert client.get("/users/alice/notes", headers=issuer.headers("bob")).status_code == 403

Its tokens look like tokens and are good for nothing elsewhere.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import time
from typing import Any, Dict, Iterator, Optional

from .auth import Tokend
from .checks import Checked
from .refusals import Unauthenticated, Unavailable
from .user import Words, user_of, words


class FakeIssuer:
    def __init__(self) -> None:
        self._claims: Dict[str, Dict[str, Any]] = {}
        self._down = False

    @contextlib.contextmanager
    def checking(self, auth: Tokend) -> Iterator[FakeIssuer]:
        """`auth` believes this issuer, and no other, until the block ends."""
        with auth.checked_by(self._check):
            yield self

    # ---- tokens ----

    def token(self, username: str, *, roles: Words = (), scopes: Words = (),
              user_id: Optional[str] = None, expires_in_s: float = 600, **claims: Any) -> str:
        """An access token. `user_id` is the name if not given; `claims` are said beside the rest,
        or instead of it (`token_use="refresh"`)."""
        subject = username if user_id is None else user_id
        now = time.time()
        said = {"sub": subject, "user_id": subject, "username": username,
                "roles": list(words(roles)), "scope": " ".join(words(scopes)),
                "client_id": "default", "token_use": "access", "iat": now,
                "exp": now + expires_in_s, **claims}
        header = {"alg": "none", "typ": "at+jwt", "kid": "fake"}
        token = ".".join([_part(header), _part(said), secrets.token_urlsafe(16)])
        self._claims[token] = said
        return token

    def headers(self, username: str, **more: Any) -> Dict[str, str]:
        """Of a request with a token of its own; `more` as for token()."""
        return {"Authorization": f"Bearer {self.token(username, **more)}"}

    def revoke(self, token: str) -> None:
        del self._claims[token]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Nobody can ask it until the block ends."""
        self._down = True
        try:
            yield
        finally:
            self._down = False

    # ---- the check ----

    async def _check(self, token: str) -> Checked:
        if self._down:
            raise Unavailable("the fake issuer is down")
        claims = self._claims.get(token)
        if claims is None:
            raise Unauthenticated("the token is not active")
        user = user_of(claims)
        left_s = user.expires_at - time.time()
        if left_s <= 0:
            raise Unauthenticated("the token is not active")
        if claims["token_use"] != "access":
            raise Unauthenticated("it is no access token")
        return Checked(user, left_s)


def _part(value: Dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
