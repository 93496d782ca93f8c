"""Tokend: what an application makes one of, and its dependencies.

No `from __future__ import annotations` here: FastAPI reads the annotations of these dependencies,
and cannot look up the names in texts when a dependency is an object.
"""

import asyncio
import contextlib
import logging
from functools import partial
from typing import (Any, AsyncIterator, Awaitable, Callable, Dict, FrozenSet, Iterator, Mapping,
                    MutableMapping, NamedTuple, Optional, Sequence, Tuple)
from urllib.parse import urlsplit

from fastapi import Security, WebSocketException
from fastapi.security import OAuth2, SecurityScopes
from starlette.requests import HTTPConnection

from .bearer import bearer_token
from .checker import Checker
from .checks import Check, introspection, verify
from .refusals import Forbidden, Refusal, Unauthenticated, Unavailable
from .service import ClientFactory, Service
from .user import User, Words, words

logger = logging.getLogger("tokend_fastapi")

Scope = MutableMapping[str, Any]
# Where a request remembers whose it is, so that it is asked about once.
MEMO = "tokend_fastapi"
# RFC 6455, section 7.4.1, and its registry: policy violation, try again later.
CLOSE_REFUSED, CLOSE_TRY_LATER = 1008, 1013


class Tokend:
    """One token service, seen from one application. README.md has what each argument is for."""

    def __init__(
        self,
        issuer: str,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        *,
        check: str = "introspection",
        url: Optional[str] = None,
        token_url: Optional[str] = None,
        scopes: Optional[Mapping[str, str]] = None,
        audience: Optional[str] = None,
        owner_override_roles: Words = ("admin",),
        cache_s: float = 2.0,
        cache_entries: int = 10000,
        timeout_s: float = 2.0,
        leeway_s: float = 5.0,
        make_client: Optional[ClientFactory] = None,
    ) -> None:
        _positive("cache_entries", cache_entries)
        _positive("timeout_s", timeout_s)
        if check not in _KINDS:
            raise ValueError(f"check is one of {', '.join(_KINDS)}")
        self.issuer = issuer
        self.audience = audience
        self.leeway_s = leeway_s
        self._make_check = _KINDS[check](self, client_id, client_secret)
        self._make_service = partial(Service, _http_url(url or issuer), timeout_s, make_client)
        self._make_checker = partial(Checker, cache_s=cache_s, entries_max=cache_entries)
        self._override_roles = frozenset(words(owner_override_roles))
        self._homes: Dict[asyncio.AbstractEventLoop, _Home] = {}
        self._instead: Optional[Checker] = None
        flow = {"tokenUrl": token_url or f"{_http_url(issuer)}/token", "scopes": dict(scopes or {})}
        self.user = CurrentUser(self, flow)
        """Dependency: the User, or 401."""
        self.optional_user = OptionalUser(self, flow)
        """Dependency: the User, or None when there is no token. A bad token is 401 even so."""

    # ---- dependencies ----

    def require(self, *, roles: Optional[Words] = None, scopes: Optional[Words] = None,
                owner: Optional[str] = None) -> Callable[..., Awaitable[User]]:
        """A dependency: any of the roles, all of the scopes, and `owner` names the path parameter
        that must be the caller's id. What is given must all hold."""
        any_role = _demand("roles", roles)
        all_scopes = _demand("scopes", scopes)

        async def required(connection: HTTPConnection,
                           user: User = Security(self.user, scopes=list(all_scopes))) -> User:
            with _refusing(connection):
                if any_role and any_role.isdisjoint(user.roles):
                    raise Forbidden("none of the roles is held")
                if owner is not None:
                    self._must_own(user, connection.path_params.get(owner))
            return user

        return required

    def _must_own(self, user: User, wanted: Any) -> None:
        # Nobody owns what has no owner: a slip in the application lets nobody in.
        if wanted is None:
            raise Forbidden("the route lacks the path parameter of the owner")
        if str(wanted) != user.id and self._override_roles.isdisjoint(user.roles):
            raise Forbidden("it is somebody else's")

    # ---- checking ----

    async def check(self, token: str) -> User:
        """Whose token this is. Raises Unauthenticated (401) or Unavailable (503)."""
        return await self._checker().user(token.encode("utf-8", "replace"))

    async def user_of(self, scope: Scope) -> Optional[User]:
        """Of an ASGI request; None when it has no token. Asks once a request."""
        memo: Optional[Tuple[Tokend, Optional[User]]] = scope.get(MEMO)
        if memo is not None and memo[0] is self:
            return memo[1]
        token = bearer_token(scope)
        user = None if token is None else await self._checker().user(token)
        scope[MEMO] = (self, user)
        return user

    # ---- what belongs to an event loop ----

    def _checker(self) -> Checker:
        if self._instead is not None:
            return self._instead
        loop = asyncio.get_running_loop()
        home = self._homes.get(loop)
        if home is None:
            home = self._homes[loop] = self._move_in()
        return home.checker

    def _move_in(self) -> "_Home":
        # Test clients run each request on a loop of its own: what belonged to those that are over
        # cannot be closed any more, only forgotten.
        for over in [loop for loop in self._homes if loop.is_closed()]:
            del self._homes[over]
        service = self._make_service()
        return _Home(service, self._make_checker(self._make_check(service)))

    async def aclose(self) -> None:
        """Closes the connections of this event loop. They are opened anew when needed."""
        home = self._homes.pop(asyncio.get_running_loop(), None)
        if home is not None:
            await home.service.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """For `FastAPI(lifespan=auth.lifespan)`."""
        try:
            yield
        finally:
            await self.aclose()

    @contextlib.contextmanager
    def checked_by(self, check: Check) -> Iterator[None]:
        """Every token is judged by `check` instead, and nothing is remembered. For tests."""
        before, self._instead = self._instead, Checker(check, 0, 1)
        try:
            yield
        finally:
            self._instead = before


class _Home(NamedTuple):
    """All that belongs to one event loop."""

    service: Service
    checker: Checker


# ---- the dependencies ----

class OptionalUser(OAuth2):
    """Also a security scheme, so that /docs offers to log in."""

    def __init__(self, auth: Tokend, flow: Dict[str, Any]) -> None:
        super().__init__(flows={"password": flow}, scheme_name="tokend", auto_error=False)
        self._auth = auth

    # An OAuth2 of FastAPI's own gives back a text; what a dependency gives back is free.
    async def __call__(  # type: ignore[override]
            self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Optional[User]:
        with _refusing(connection):
            user = await self._auth.user_of(connection.scope)
            if user is not None and security_scopes.scopes:
                _must_have(user, security_scopes.scopes)
            return user


class CurrentUser(OptionalUser):
    async def __call__(  # type: ignore[override]
            self, connection: HTTPConnection, security_scopes: SecurityScopes) -> User:
        with _refusing(connection):
            user = await self._auth.user_of(connection.scope)
            if user is None:
                raise Unauthenticated("no token", with_token=False)
            if security_scopes.scopes:
                _must_have(user, security_scopes.scopes)
            return user


def _must_have(user: User, scopes: Sequence[str]) -> None:
    if not user.scopes.issuperset(scopes):
        raise Forbidden("a scope is missing", scopes)


class _refusing:
    """One line in the log for each refusal; a web socket is told by a close code."""

    __slots__ = ("_connection",)

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: Optional[BaseException], _where: Any) -> None:
        if isinstance(error, Refusal):
            log(self._connection.scope, error)
            if self._connection.scope["type"] == "websocket":
                raise WebSocketException(close_code(error)) from None


def log(scope: Scope, refusal: Refusal) -> None:
    """The path is quoted: nobody else writes lines into this log."""
    peer = scope.get("client") or ("unknown",)
    logger.log(_level(refusal), "%s for %s %.200r from %s: %s", refusal.status_code,
               scope.get("method", scope["type"]), scope["path"], peer[0], refusal.why)


def _level(refusal: Refusal) -> int:
    if isinstance(refusal, Unavailable):
        return logging.ERROR
    # Who brings no token at all has tried nothing.
    harmless = isinstance(refusal, Unauthenticated) and not refusal.with_token
    return logging.INFO if harmless else logging.WARNING


def close_code(refusal: Refusal) -> int:
    return CLOSE_TRY_LATER if isinstance(refusal, Unavailable) else CLOSE_REFUSED


# ---- the kinds of checks: each says at once what it lacks, and is made for each event loop ----

MakeCheck = Callable[[Service], Check]


def _introspection(auth: Tokend, client_id: Optional[str], secret: Optional[str]) -> MakeCheck:
    if not client_id or not secret:
        raise ValueError("introspection needs client_id and client_secret")
    client = (client_id, secret)
    return lambda service: introspection(service, *client, auth.audience)


def _verify(auth: Tokend, *_client: Optional[str]) -> MakeCheck:
    return lambda service: verify(service, auth.audience)


def _local(auth: Tokend, *_client: Optional[str]) -> MakeCheck:
    from .local import local  # needs PyJWT, which nothing else does
    audience = auth.audience or auth.issuer
    return lambda service: local(service, auth.issuer, audience, auth.leeway_s)


_KINDS: Dict[str, Callable[..., MakeCheck]] = {
    "introspection": _introspection, "verify": _verify, "local": _local}


# ---- arguments ----

def _demand(name: str, given: Optional[Words]) -> FrozenSet[str]:
    """An empty list is a slip, and must not come to mean that everybody may."""
    members = frozenset(words(given)) if given is not None else frozenset()
    if given is not None and not members:
        raise ValueError(f"{name} is empty: leave it out to demand none")
    return members


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not the URL of a token service")
    return url.rstrip("/")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be more than 0")
