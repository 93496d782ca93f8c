"""An application that uses all that tokend-fastapi has, and what its answers must look like."""

import fastapi

from tokend_fastapi import Tokend, User

from support.service import RS
from support.wire import exchange

CHECKS = ("introspection", "verify", "local")
BODY_401 = b'{"detail":"Could not validate credentials"}'
BODY_403 = b'{"detail":"Access forbidden: Insufficient permissions"}'
BODY_503 = b'{"detail":"Authentication is not available; try again later"}'
NO_TOKEN = 'Bearer realm="tokend"'
BAD_TOKEN = 'Bearer realm="tokend", error="invalid_token"'
NO_RIGHT = 'Bearer realm="tokend", error="insufficient_scope"'


def guard(issuer, check="introspection", **more):
    """A Tokend that remembers nothing unless told to."""
    client = RS if check == "introspection" else (None, None)
    return Tokend(issuer, *client, check=check, **{"cache_s": 0, "timeout_s": 10} | more)


def application(auth):
    app = fastapi.FastAPI()
    app.router.on_shutdown.append(auth.aclose)
    reports = fastapi.APIRouter(prefix="/reports",
                                dependencies=[fastapi.Depends(auth.require(roles=["admin",
                                                                                  "auditor"]))])

    @app.get("/public")
    async def public():
        return "anybody"

    @app.get("/maybe")
    async def maybe(user=fastapi.Depends(auth.optional_user)):
        return user.id if user else None

    @app.get("/me")
    async def me(user: User = fastapi.Depends(auth.user)):
        return {"id": user.id, "username": user.username, "roles": user.roles,
                "scopes": sorted(user.scopes), "client_id": user.client_id}

    @app.get("/users/{user_id}/notes")
    async def notes(user_id: str, user: User = fastapi.Depends(auth.require(owner="user_id"))):
        return [user_id, user.id]

    @app.get("/lost", dependencies=[fastapi.Depends(auth.require(owner="user_id"))])
    async def lost():
        return "nobody may: there is no such parameter"

    @app.get("/write", dependencies=[fastapi.Depends(auth.require(scopes="read write"))])
    async def write():
        return "written"

    @app.get("/scoped")
    async def scoped(user: User = fastapi.Security(auth.user, scopes=["write"])):
        return user.id

    @app.get("/both/{user_id}", dependencies=[fastapi.Depends(auth.require(
        roles="user", scopes=["read"], owner="user_id"))])
    async def both(user_id: str):
        return user_id

    @reports.get("/q3")
    async def q3():
        return "secret"

    @app.websocket("/socket")
    async def socket(websocket: fastapi.WebSocket, user: User = fastapi.Depends(auth.user)):
        await websocket.accept()
        await websocket.send_text(user.id)
        await websocket.close()

    app.include_router(reports)
    return app


def ask(port, path, token=None, headers=()):
    bearer = [("Authorization", f"Bearer {token}")] if token is not None else []
    return exchange(port, "GET", path, bearer + list(headers))


def refused(answer, challenge):
    """401: the seed's own answer."""
    assert answer.status == 401 and answer.body == BODY_401, answer
    assert answer.one("www-authenticate") == challenge
    assert answer.one("content-type") == "application/json"


def forbidden(answer, challenge=NO_RIGHT):
    assert answer.status == 403 and answer.body == BODY_403, answer
    assert answer.one("www-authenticate") == challenge


def unavailable(answer, retry_after="1"):
    assert answer.status == 503 and answer.body == BODY_503, answer
    assert answer.one("retry-after") == retry_after


def lines(caplog):
    """What the package has logged, as text; other libraries' complaints count too."""
    assert not [r for r in caplog.records if r.name in ("asyncio", "uvicorn.error")
                and r.levelname in ("ERROR", "CRITICAL")], caplog.text
    return [record.getMessage() for record in caplog.records if record.name == "tokend_fastapi"]
