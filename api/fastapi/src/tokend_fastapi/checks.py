"""Checks that ask the token service about each token: /introspect and /verify."""

from __future__ import annotations

import base64
import time
from typing import Awaitable, Callable, Dict, NamedTuple, NoReturn, Optional
from urllib.parse import quote_plus, urlencode

from .refusals import Unauthenticated, Unavailable
from .service import Answer, Service
from .user import User, audience_has, user_of


class Checked(NamedTuple):
    """A good token: whose, and how long that can stay true at most."""

    user: User
    left_s: float


Check = Callable[[str], Awaitable[Checked]]


def introspection(service: Service, client_id: str, client_secret: str,
                  audience: Optional[str]) -> Check:
    """RFC 7662. The client needs the scope `introspect`."""
    # RFC 6749, section 2.3.1: each of them is form-encoded before it goes into Basic.
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
               "Content-Type": "application/x-www-form-urlencoded"}

    async def check(token: str) -> Checked:
        body = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
        answer = await service.ask("POST", "/introspect", headers, body)
        if answer.status != 200:
            _not_an_answer(answer, {
                401: "the token service does not know this client_id and client_secret",
                403: "the client lacks the scope introspect"})
        claims = answer.json()
        if claims.get("active") is False:
            raise Unauthenticated("the token is not active")
        if claims.get("active") is True and claims.get("token_use") != "access":
            raise Unauthenticated("it is no access token")
        return _checked(answer, audience)

    return check


def verify(service: Service, audience: Optional[str]) -> Check:
    """The token alone, with no credentials of the application's."""

    async def check(token: str) -> Checked:
        answer = await service.ask("GET", "/verify", {"Authorization": f"Bearer {token}"})
        if answer.status == 401:
            raise Unauthenticated("the token is not active")
        if answer.status != 200:
            _not_an_answer(answer, {})
        # It lets access tokens pass and no others, and says of which kind one is only if asked to.
        if answer.json().get("token_use", "access") != "access":
            raise Unauthenticated("it is no access token")
        return _checked(answer, audience)

    return check


def _checked(answer: Answer, audience: Optional[str]) -> Checked:
    claims = answer.json()
    if claims.get("active") is not True:
        raise Unavailable("the token service does not say whether the token is active")
    try:
        user = user_of(claims)
    except ValueError as mistake:
        raise Unavailable(f"the token service says what cannot be: {mistake}") from None
    if audience is not None and not audience_has(claims, audience):
        raise Unauthenticated("the token is for another audience")
    # The later of two clocks: what is remembered must be dead by either.
    return Checked(user, user.expires_at - max(time.time(), answer.latest_date()))


def _not_an_answer(answer: Answer, reasons: Dict[int, str]) -> NoReturn:
    raise Unavailable(reasons.get(answer.status, f"the token service answers {answer.status}"))
