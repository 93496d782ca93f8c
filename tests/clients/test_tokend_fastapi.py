"""tokend-fastapi in front of an application, in each of its three ways to check."""

import logging
import time

import fastapi
import pytest

from tokend_fastapi import Tokend, TokendMiddleware, Unauthenticated

from peers.asgi import serving
from peers.notes import (BAD_TOKEN, BODY_401, CHECKS, NO_RIGHT, NO_TOKEN, application, ask,
                         forbidden, guard, lines, refused)
from support import jwt
from support.fleet import fleet_in
from support.service import APP, FORGER, SVC, ok
from support.wait import limit, wait_until
from support.wire import exchange


@pytest.fixture(scope="module")
def tokend(stocked, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("tokend_fastapi")) as fleet:
        yield fleet.serve()


@pytest.fixture(scope="module", params=CHECKS)
def app(request, tokend):
    with serving(application(guard(tokend.issuer, request.param))) as port:
        yield port


def token_of(tokend, *arguments, **more):
    return tokend.tokens(*arguments, **more)["access_token"]


# ---- who may ----

def test_the_user_is_told(tokend, app):
    bob = ok(ask(app, "/me", token_of(tokend, "bob")))
    assert bob == {"id": "u-bob", "username": "bob", "roles": ["user", "support"],
                   "scopes": ["read"], "client_id": "default"}
    service = ok(ask(app, "/me", tokend.client_token(SVC)["access_token"]))
    assert service == {"id": "client:svc", "username": None, "roles": [], "scopes": ["introspect"],
                       "client_id": "svc"}


def test_owners_may_and_nobody_else(tokend, app):
    alice = token_of(tokend)
    assert ok_list(ask(app, "/users/u-alice/notes", alice)) == ["u-alice", "u-alice"]
    for path in ("/users/u-bob/notes", "/users/U-ALICE/notes", "/users/alice/notes",
                 "/users/u-alice%20/notes", "/users/u-alice%00/notes"):
        forbidden(ask(app, path, alice))


def test_roles_that_override_owners(tokend, app):
    assert ok_list(ask(app, "/users/u-alice/notes", token_of(tokend, "boss"))) == ["u-alice",
                                                                                   "u-boss"]
    forbidden(ask(app, "/users/u-alice/notes", token_of(tokend, "bob")))


def test_an_owner_that_the_route_does_not_name_is_nobody(tokend, app):
    forbidden(ask(app, "/lost", token_of(tokend)))
    forbidden(ask(app, "/lost", token_of(tokend, "boss")))


def test_roles_on_a_router(tokend, app):
    assert ask(app, "/reports/q3", token_of(tokend, "boss")).json == "secret"
    forbidden(ask(app, "/reports/q3", token_of(tokend)))
    refused(ask(app, "/reports/q3"), NO_TOKEN)


def test_scopes(tokend, app):
    alice, reader = token_of(tokend), token_of(tokend, scope="read")
    for path in ("/write", "/scoped"):
        assert ask(app, path, alice).status == 200
    forbidden(ask(app, "/scoped", reader), NO_RIGHT + ', scope="write"')
    answer = ask(app, "/write", reader)
    assert answer.status == 403
    scope = answer.one("www-authenticate").partition('scope="')[2].rstrip('"')
    assert set(scope.split()) == {"read", "write"}


def test_all_demands_must_hold(tokend, app):
    assert ask(app, "/both/u-alice", token_of(tokend)).json == "u-alice"
    forbidden(ask(app, "/both/u-bob", token_of(tokend)))
    forbidden(ask(app, "/both/u-boss", token_of(tokend, "boss")))  # who has another role
    assert ask(app, "/both/u-alice", token_of(tokend, scope="write")).status == 403


def test_public_stays_public(app):
    assert ask(app, "/public").json == "anybody"
    assert ask(app, "/public", "x").json == "anybody"


def test_a_user_may_be_there_or_not(tokend, app):
    assert ask(app, "/maybe").json is None
    assert ask(app, "/maybe", token_of(tokend)).json == "u-alice"
    refused(ask(app, "/maybe", "x"), BAD_TOKEN)


def test_dependencies_of_a_whole_application(tokend):
    auth = guard(tokend.issuer)
    app = fastapi.FastAPI(dependencies=[fastapi.Depends(auth.require(roles="support"))])

    @app.get("/a")
    async def a():
        return "a"

    @app.get("/b/{user_id}", dependencies=[fastapi.Depends(auth.require(owner="user_id"))])
    def b(user_id: str):  # on a thread of its own, as FastAPI does with these
        return user_id

    with serving(app) as port:
        bob, alice = token_of(tokend, "bob"), token_of(tokend)
        assert ask(port, "/a", bob).json == "a"
        assert ask(port, "/b/u-bob", bob).json == "u-bob"
        forbidden(ask(port, "/b/u-alice", bob))
        forbidden(ask(port, "/b/u-alice", alice))
        forbidden(ask(port, "/a", alice))
        refused(ask(port, "/a"), NO_TOKEN)


def test_nobody_needs_to_override_owners(tokend):
    with serving(application(guard(tokend.issuer, owner_override_roles=()))) as port:
        forbidden(ask(port, "/users/u-alice/notes", token_of(tokend, "boss")))
        assert ask(port, "/users/u-boss/notes", token_of(tokend, "boss")).status == 200


# ---- bad tokens ----

def test_no_token(app):
    for headers in ([], [("Authorization", "Basic YTpi")], [("Authorization", "Token x.y.z")],
                    [("Authorization", "")]):
        refused(ask(app, "/me", headers=headers), NO_TOKEN)


def forged(tokend, **changes):
    """Signed by a key that the service knows, with other claims; None: without."""
    claims = jwt.claims(token_of(tokend)) | changes
    header = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}
    return jwt.hs256(jwt.unb64(FORGER["k"]), header,
                     {name: value for name, value in claims.items() if value is not None})


def with_header(token, **changes):
    head = jwt.header(token) | changes
    return ".".join([jwt.b64(jwt.text(head)), *token.split(".")[1:]])


BAD = {
    "empty": lambda t: "",
    "a word": lambda t: "x",
    "two parts": lambda t: "a.b",
    "four parts": lambda t: token_of(t) + ".x",
    "a refresh token": lambda t: t.tokens()["refresh_token"],
    "a blank inside": lambda t: "a.b .c",
    "not base64": lambda t: "a.!.c",
    "9 KB": lambda t: "a." + "b" * 9000 + ".c",
    "deep": lambda t: jwt.b64(b"[" * 6000) + ".e30.AA",
    "no JSON": lambda t: "AAAA.AAAA.AAAA",
    "not UTF-8": lambda t: jwt.b64(b'{"kid":"\xff\xfe","typ":"at+jwt"}') + ".e30.AA",
    "a header that is no object": lambda t: jwt.b64(b'"at+jwt"') + ".e30.AA",
    "no signature": lambda t: token_of(t).rpartition(".")[0] + ".",
    "another signature": lambda t: token_of(t)[:-8] + "AAAAAAAA",
    "another payload": lambda t: ".".join([*token_of(t).split(".")[:1], "e30",
                                           token_of(t).split(".")[2]]),
    "no algorithm": lambda t: with_header(token_of(t), alg="none"),
    "another algorithm": lambda t: with_header(token_of(t), alg="ES256"),
    "another type": lambda t: with_header(token_of(t), typ="JWT"),
    "no type": lambda t: with_header(token_of(t), typ=None),
    "an unknown key": lambda t: with_header(token_of(t), kid="nobody's"),
    "a key that is a number": lambda t: with_header(token_of(t), kid=1),
    "critical": lambda t: with_header(token_of(t), crit=["exp"]),
    "expired": lambda t: forged(t, exp=int(time.time()) - 30),
    "no exp": lambda t: forged(t, exp=None),
    "another issuer": lambda t: forged(t, iss="https://elsewhere.example"),
    "another audience": lambda t: forged(t, aud="elsewhere"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_401(tokend, app, caplog, name):
    token = BAD[name](tokend)
    refused(ask(app, "/me", token), BAD_TOKEN)
    line, = lines(caplog)
    assert line.startswith("401 for GET '/me' from 127.0.0.1: ")
    assert not token or len(token) < 4 or token not in caplog.text


def test_two_credentials_are_none(tokend, app):
    good = f"Bearer {token_of(tokend)}"
    for pair in ([good, good], [good, "Basic YTpi"], ["Basic YTpi", good]):
        refused(ask(app, "/me", headers=[("Authorization", value) for value in pair]), BAD_TOKEN)


def test_a_scheme_in_any_case(tokend, app):
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = ask(app, "/me", headers=[("Authorization", f"{scheme} {token_of(tokend)}")])
        assert answer.status == 200, answer


def test_a_token_elsewhere_is_none(tokend, app):
    token = token_of(tokend)
    refused(ask(app, f"/me?access_token={token}"), NO_TOKEN)
    refused(ask(app, "/me", headers=[("Cookie", f"access_token={token}")]), NO_TOKEN)


def test_a_key_that_signs_by_a_shared_secret_is_no_public_key(tokend):
    """What the service itself accepts. Who checks by himself has public keys only."""
    token = forged(tokend)
    assert tokend.is_active(token)
    with serving(application(guard(tokend.issuer, "local"))) as port:
        refused(ask(port, "/me", token), BAD_TOKEN)


# ---- what is taken back ----

@pytest.mark.parametrize("check", ["introspection", "verify"])
def test_what_is_taken_back_is_401_at_once(tokend, check):
    with serving(application(guard(tokend.issuer, check))) as port:
        token = token_of(tokend, client=APP)
        ok(ask(port, "/me", token))
        ok(tokend.revoke(token, client=APP))
        refused(ask(port, "/me", token), BAD_TOKEN)


@pytest.mark.parametrize("check", ["introspection", "verify"])
def test_what_is_taken_back_is_401_when_it_is_forgotten(tokend, check):
    with serving(application(guard(tokend.issuer, check, cache_s=0.5))) as port:
        token = token_of(tokend, client=APP)
        ok(ask(port, "/me", token))
        ok(tokend.revoke(token, client=APP))
        asked_at = time.monotonic()
        wait_until(lambda: ask(port, "/me", token).status == 401, "it is forgotten")
        assert time.monotonic() - asked_at < limit(10)


def test_a_local_check_hears_of_no_revocation(tokend):
    """As README.md says: such tokens are good until their exp."""
    with serving(application(guard(tokend.issuer, "local"))) as port:
        token = token_of(tokend, client=APP)
        ok(tokend.revoke(token, client=APP))
        assert not tokend.is_active(token)
        ok(ask(port, "/me", token))


def test_another_audience_is_401(tokend):
    for check in CHECKS:
        with serving(application(guard(tokend.issuer, check, audience="https://mine"))) as port:
            refused(ask(port, "/me", token_of(tokend)), BAD_TOKEN)
        with serving(application(guard(tokend.issuer, check, audience=tokend.issuer))) as port:
            ok(ask(port, "/me", token_of(tokend)))


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384",
                                       "RS512", "PS256", "PS384", "PS512"])
def test_every_algorithm_locally(tmp_path, fleet, algorithm):
    service = fleet.make({"signing.algorithm": algorithm, "argon2.m_kib": 8}, empty=True)
    service.cli("init")
    service.cli("user", "add", "carol", "--id", "u-carol", stdin="the password of carol\n")
    service.start()
    token = service.tokens("carol", "the password of carol")["access_token"]
    assert jwt.header(token)["alg"] == algorithm
    with serving(application(guard(service.issuer, "local"))) as port:
        assert ok(ask(port, "/me", token))["id"] == "u-carol"
        refused(ask(port, "/me", token[:-8] + "AAAAAAAA"), BAD_TOKEN)


# ---- web sockets ----

async def handshake(app, token):
    """What an application sends at the beginning of a web socket."""
    sent = []
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {"type": "websocket", "path": "/socket", "raw_path": b"/socket", "query_string": b"",
             "headers": headers, "root_path": "", "scheme": "ws", "subprotocols": [],
             "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "asgi": {"version": "3.0"}}

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize("open_too", [False, True], ids=["dependency", "middleware"])
def test_a_web_socket_is_closed_before_it_opens(tokend, run_async, open_too):
    auth = guard(tokend.issuer)
    app = application(auth)
    if open_too:
        app = TokendMiddleware(app, auth=auth)

    async def story():
        good = await handshake(app, token_of(tokend))
        assert [m["type"] for m in good] == ["websocket.accept", "websocket.send", "websocket.close"]
        assert good[1]["text"] == "u-alice"
        for token in (None, "x"):
            closed, = await handshake(app, token)
            assert closed["type"] == "websocket.close" and closed["code"] == 1008
        await auth.aclose()

    run_async(story)


# ---- OpenAPI ----

def test_the_contract_of_the_application(tokend, app):
    contract = ok(exchange(app, "GET", "/openapi.json"))
    scheme = contract["components"]["securitySchemes"]
    assert list(scheme) == ["tokend"]
    assert scheme["tokend"]["type"] == "oauth2"
    assert scheme["tokend"]["flows"]["password"]["tokenUrl"] == f"{tokend.issuer}/token"
    demanded = {path: rows["get"].get("security") for path, rows in contract["paths"].items()}
    assert demanded["/public"] is None
    assert demanded["/me"] == [{"tokend": []}]
    assert demanded["/scoped"] == [{"tokend": ["write"]}]
    assert [sorted(row["tokend"]) for row in demanded["/write"]] == [["read", "write"]]
    assert demanded["/reports/q3"] == [{"tokend": []}]
    assert demanded["/users/{user_id}/notes"] == [{"tokend": []}]


# ---- the middleware ----

@pytest.fixture(scope="module")
def fenced(tokend):
    auth = guard(tokend.issuer)
    inner = application(auth)

    @inner.get("/static/{rest:path}")
    async def static(rest: str):
        return rest

    @inner.get("/caller")
    async def caller(request: fastapi.Request):
        return request.user.id

    inner.add_middleware(TokendMiddleware, auth=auth, public=["/public", "/static/*"])
    with serving(inner) as port:
        yield port


def test_the_middleware_protects_all_but_a_list(tokend, fenced):
    token = token_of(tokend)
    assert ask(fenced, "/public").json == "anybody"
    assert ask(fenced, "/static/a/b.css").json == "a/b.css"
    for path in ("/caller", "/me", "/docs", "/openapi.json", "/nowhere", "/", "/public/", "/publicly",
                 "/static", "/Public", "/public%2f", "//public"):
        refused(ask(fenced, path), NO_TOKEN)
    assert ask(fenced, "/caller", token).json == "u-alice"
    assert ask(fenced, "/nowhere", token).status == 404
    refused(ask(fenced, "/me", "x"), BAD_TOKEN)
    forbidden(ask(fenced, "/reports/q3", token))


@pytest.mark.parametrize("path", ["/static/../me", "/static/%2e%2e/me", "/static//me",
                                  "/static/./x", "/static/..%2fme", "/static/..%5cme",
                                  "/static/x%00", "/static/.."])
def test_a_crooked_path_is_not_public(fenced, path):
    refused(ask(fenced, path), NO_TOKEN)


def test_a_request_is_asked_about_once(tokend, fenced):
    """Though the middleware and two dependencies want to know."""
    token = token_of(tokend)
    before = tokend.log().count('"/introspect"')
    ok(ask(fenced, "/me", token))
    assert tokend.log().count('"/introspect"') == before + 1


@pytest.mark.parametrize("public", [["docs"], ["/a*"], ["/*/b"], ["*"]])
def test_a_list_that_cannot_be_meant(public):
    with pytest.raises(ValueError, match="neither"):
        TokendMiddleware(None, auth=None, public=public)


# ---- arguments ----

@pytest.mark.parametrize("arguments, words", [
    ({"issuer": "auth.example.com"}, "not the URL"),
    ({"issuer": "ftp://auth.example.com"}, "not the URL"),
    ({"issuer": "https://a.example?x=1"}, "not the URL"),
    ({"client_secret": ""}, "introspection needs"),
    ({"client_id": None}, "introspection needs"),
    ({"check": "hope"}, "check is one of introspection, verify, local"),
    ({"timeout_s": 0}, "timeout_s"),
    ({"cache_entries": 0}, "cache_entries"),
])
def test_arguments_that_cannot_work_are_refused_at_once(arguments, words):
    good = {"issuer": "https://auth.example.com", "client_id": "a", "client_secret": "b"}
    with pytest.raises(ValueError, match=words):
        Tokend(**good | arguments)


@pytest.mark.parametrize("demand", [{"roles": []}, {"roles": ""}, {"scopes": []}])
def test_an_empty_demand_is_a_slip(demand):
    with pytest.raises(ValueError, match="empty"):
        guard("https://auth.example.com").require(**demand)


def test_a_client_whose_name_and_secret_need_encoding(fleet):
    service = fleet.make()
    secret = "100% secret & more: ü+plus, which is long"
    service.cli("client", "add", "my-api", "--secret-stdin", "--grant", "client_credentials",
                "--scope", "introspect", stdin=secret + "\n")
    service.start()
    auth = Tokend(service.issuer, "my-api", secret, cache_s=0)
    with serving(application(auth)) as port:
        ok(ask(port, "/me", token_of(service)))


# ---- in an application's own code ----

def test_a_check_by_hand(tokend, run_async):
    auth = guard(tokend.issuer)

    async def story():
        user = await auth.check(token_of(tokend))
        assert user.id == "u-alice" and user.claims["token_use"] == "access"
        assert token_of(tokend) not in repr(user) and "claims" not in repr(user)
        for token in ("x", "a.b.c"):
            with pytest.raises(Unauthenticated):
                await auth.check(token)
        await auth.aclose()
        assert (await auth.check(token_of(tokend))).id == "u-alice"  # opened anew
        await auth.aclose()

    run_async(story)


def test_a_lifespan_closes(tokend, run_async):
    auth = guard(tokend.issuer)

    async def story():
        async with auth.lifespan(None):
            await auth.check(token_of(tokend))
            assert len(auth._homes) == 1
        assert not auth._homes

    run_async(story)


def test_loops_that_are_over_are_forgotten(tokend, run_async):
    """Test clients run each request on a loop of its own."""
    auth = guard(tokend.issuer)
    token = token_of(tokend)
    for _ in range(3):
        assert run_async(lambda: auth.check(token)).id == "u-alice"
    assert len(auth._homes) == 1


def test_one_middleware_refusal_is_one_line(fenced, caplog):
    with caplog.at_level(logging.INFO, "tokend_fastapi"):
        answer = ask(fenced, "/a%0ab%22", "x")
    assert answer.body == BODY_401
    assert lines(caplog) == ["401 for GET '/a\\nb\"' from 127.0.0.1: the token is malformed"]


def ok_list(answer):
    assert answer.status == 200, answer
    return answer.json
