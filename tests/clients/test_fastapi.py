"""A FastAPI application as its tutorial has it: OAuth2PasswordBearer, and tokend asked.

Debian's FastAPI, uvicorn and httpx.
"""

import fastapi
import httpx
import pytest
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm

from support.fleet import fleet_in
from support.service import APP, PASSWORDS, RS, ok
from support.wait import limit
from support.wire import exchange

from peers.asgi import serving

BEARER = {"WWW-Authenticate": "Bearer"}
SEEDS_401 = b'{"detail": "Could not validate credentials"}'
SEEDS_403 = b'{"detail": "Access forbidden: Insufficient permissions"}'


def application(issuer):
    app = fastapi.FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl=f"{issuer}/token")
    tokend = httpx.AsyncClient(base_url=issuer, trust_env=False, timeout=limit(10))
    app.router.on_shutdown.append(tokend.aclose)

    async def somebody(token: str = fastapi.Depends(bearer)):
        answer = await tokend.post("/introspect", data={"token": token}, auth=RS)
        answer.raise_for_status()
        who = answer.json()
        if not who["active"]:
            raise fastapi.HTTPException(401, "Could not validate credentials", BEARER)
        return who

    async def admin(who: dict = fastapi.Depends(somebody)):
        if "admin" not in who["roles"]:
            raise fastapi.HTTPException(403, "Access forbidden: Insufficient permissions")
        return who

    @app.get("/me")
    async def me(who: dict = fastapi.Depends(somebody)):
        return {"user_id": who["user_id"], "username": who["username"], "role": who["role"]}

    @app.get("/users/{owner}/orders")
    async def orders(owner: str, who: dict = fastapi.Depends(somebody)):
        if who["user_id"] != owner:
            raise fastapi.HTTPException(403, "Access forbidden: Insufficient permissions")
        return [owner]

    @app.get("/reports")
    async def reports(who: dict = fastapi.Depends(admin)):
        return who["sub"]

    @app.get("/verified/{owner}")
    async def verified(owner: str, request: fastapi.Request):
        """No introspection and no rule here: tokend decides and its answer is the answer."""
        headers = [("Authorization", value) for value in request.headers.getlist("authorization")]
        answer = await tokend.get("/verify", params={"owner": owner}, headers=headers)
        return fastapi.Response(answer.content, answer.status_code, media_type="application/json")

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = fastapi.Depends()):
        """For applications whose own URL shall be the tokenUrl."""
        given = {"username": form.username, "password": form.password,
                 "scope": " ".join(form.scopes)}
        answer = await tokend.post("/token", data={"grant_type": "password"} | given)
        return fastapi.Response(answer.content, answer.status_code, media_type="application/json")

    return app


@pytest.fixture(scope="module")
def tokend(stocked, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("fastapi")) as fleet:
        yield fleet.serve({"login.error_style": "fastapi"})


@pytest.fixture(scope="module")
def app(tokend):
    with serving(application(tokend.issuer)) as port:
        yield port


def ask(app, path, token=None):
    headers = [("Authorization", f"Bearer {token}")] if token else []
    return exchange(app, "GET", path, headers)


def token_of(tokend, *arguments, **more):
    return tokend.tokens(*arguments, **more)["access_token"]


# ---- using a token ----

def test_who_may(tokend, app):
    alice, boss = token_of(tokend), token_of(tokend, "boss")
    assert ok(ask(app, "/me", alice)) == {"user_id": "u-alice", "username": "alice", "role": "user"}
    assert ask(app, "/users/u-alice/orders", alice).json == ["u-alice"]
    assert ask(app, "/reports", boss).json == "u-boss"
    assert ok(ask(app, "/verified/u-alice", alice))["active"] is True
    assert ok(ask(app, "/verified/u-alice", boss))["sub"] == "u-boss"


def test_no_token_is_fastapis_own_401(app):
    answer = ask(app, "/me")
    assert answer.status == 401 and answer.body == b'{"detail":"Not authenticated"}'
    assert answer.one("www-authenticate") == "Bearer"


@pytest.mark.parametrize("path", ["/me", "/users/u-alice/orders", "/reports", "/verified/u-alice"])
def test_a_bad_token_is_401(tokend, app, path):
    for token in ("x", tokend.tokens()["refresh_token"], token_of(tokend)[:-8] + "AAAAAAAA"):
        answer = ask(app, path, token)
        assert answer.status == 401 and answer.json == {"detail": "Could not validate credentials"}


def test_somebody_elses_is_403(tokend, app):
    alice = token_of(tokend)
    for path in ("/users/u-bob/orders", "/reports", "/verified/u-bob"):
        answer = ask(app, path, alice)
        assert answer.status == 403
        assert answer.json == {"detail": "Access forbidden: Insufficient permissions"}


def test_verify_answers_to_the_letter(tokend, app):
    assert ask(app, "/verified/u-alice").body == SEEDS_401
    assert ask(app, "/verified/u-alice", "x").body == SEEDS_401
    assert ask(app, "/verified/u-bob", token_of(tokend)).body == SEEDS_403


def test_what_is_taken_back_is_401_at_once(tokend, app):
    token = token_of(tokend, client=APP)
    ok(ask(app, "/me", token))
    ok(tokend.revoke(token, client=APP))
    assert ask(app, "/me", token).status == 401
    token = token_of(tokend, "bob")
    ok(ask(app, "/me", token))
    tokend.cli("user", "disable", "bob")
    assert ask(app, "/me", token).status == 401
    tokend.cli("user", "enable", "bob")


# ---- getting one ----

def test_the_documentation_page_knows_where(tokend, app):
    schemes = ok(exchange(app, "GET", "/openapi.json"))["components"]["securitySchemes"]
    flow = schemes["OAuth2PasswordBearer"]["flows"]["password"]
    assert flow["tokenUrl"] == f"{tokend.issuer}/token"


def test_a_login_as_swagger_sends_it(tokend, app):
    """With the credentials of a client that has none."""
    form = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"],
            "scope": "read"}
    answer = ok(tokend.post("/token", form, basic=("", ""),
                            headers=[("X-Requested-With", "XMLHttpRequest"),
                                     ("Origin", "http://x")]))
    assert answer["token_type"].lower() == "bearer" and answer["scope"] == "read"
    assert ok(ask(app, "/me", answer["access_token"]))["username"] == "alice"


def test_a_login_through_the_application(tokend, app):
    with httpx.Client(base_url=f"http://127.0.0.1:{app}", trust_env=False,
                      timeout=limit(10)) as client:
        good = client.post("/login", data={"username": "alice", "password": PASSWORDS["alice"]})
        assert good.status_code == 200
        assert ok(ask(app, "/me", good.json()["access_token"]))["username"] == "alice"
        for data in ({"username": "alice", "password": "wrong"},
                     {"username": "nobody", "password": "x"}):
            bad = client.post("/login", data=data)
            assert bad.status_code == 401
            assert bad.json() == {"detail": "Incorrect username or password"}


def test_a_wrong_login_is_the_tutorials_401(tokend):
    for name in ("alice", "nobody"):
        answer = tokend.login(name, "wrong")
        assert answer.status == 401 and answer.json == {"detail": "Incorrect username or password"}
        assert answer.one("www-authenticate") == "Bearer"
