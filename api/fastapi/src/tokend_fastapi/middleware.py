"""For applications that would rather name what is open than what is protected. Pure ASGI."""

from __future__ import annotations

import json
import re
from typing import Any, Awaitable, Callable, Iterable, MutableMapping

from .auth import Scope, Tokend, close_code, log
from .refusals import Refusal, Unauthenticated

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PUBLIC = re.compile(r"/\*|/[^*]*(/\*)?")
# A path that two readers may read in two ways is never public.
CROOKED = re.compile(r"//|\\|\x00|(^|/)\.{1,2}(/|$)")


class TokendMiddleware:
    """Lets nobody in without a good token, but for the `public` paths: `/docs` is that path alone,
    `/static/*` all that begins with `/static/`. The application finds the caller in `request.user`.

        app.add_middleware(TokendMiddleware, auth=auth, public=["/", "/static/*"])

    What is added to an application later stands further out: CORSMiddleware must, since browsers
    ask their preflight question without a token.
    """

    def __init__(self, app: App, *, auth: Tokend, public: Iterable[str] = ()) -> None:
        self._app = app
        self._auth = auth
        paths = [public] if isinstance(public, str) else list(public)
        for path in paths:
            if not PUBLIC.fullmatch(path):
                raise ValueError(f"{path!r} is neither a path nor a beginning like /static/*")
        self._paths = frozenset(path for path in paths if path[-1] != "*")
        self._beginnings = tuple(path[:-1] for path in paths if path[-1] == "*")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._is_public(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            user = await self._auth.user_of(scope)
            if user is None:
                raise Unauthenticated("no token", with_token=False)
        except Refusal as refusal:
            log(scope, refusal)
            await _refuse(scope, send, refusal)
            return
        scope["user"] = user
        await self._app(scope, receive, send)

    def _is_public(self, path: str) -> bool:
        named = path in self._paths or path.startswith(self._beginnings)
        return named and not CROOKED.search(path)


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": close_code(refusal)})
        return
    body = json.dumps({"detail": refusal.detail}, separators=(",", ":")).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)),
               **(refusal.headers or {})}
    await send({"type": "http.response.start", "status": refusal.status_code,
                "headers": [(name.lower().encode(), value.encode())
                            for name, value in headers.items()]})
    await send({"type": "http.response.body", "body": body})
