"""openid-client and oauth4webapi, which check every answer to the letter, in each flow we serve."""

import contextlib

import pytest

from peers import nginx
from peers.node import Program, Thrown
from peers.program import running
from support import jwt
from support.service import APP, PASSWORDS, RS, SVC, free_port

METHODS = ["client_secret_basic", "client_secret_post"]
NOBODY = ("default", "")
ALICE = {"username": "alice", "password": PASSWORDS["alice"]}
# Each of these is something else in a form, in Basic, or in both.
AWKWARD = ("awkward", "a+b%2Bc:d&e=f/g?h \"i\\'~;0123456789")


@pytest.fixture(scope="module", params=["openid_client", "oauth4webapi"])
def program(request, tls):
    with Program(request.param, tls.secrets, tls.ca) as program:
        yield program


@pytest.fixture
def become(program, tls):
    """The program, which has discovered the service as this client."""
    def discover(client, method=METHODS[0]):
        program.do("discover", issuer=tls.issuer, id=client[0], secret=client[1], method=method)
        return program

    return discover


@pytest.fixture(params=METHODS)
def by(request, become):
    """The same, for each way to say a secret."""
    return lambda client: become(client, request.param)


def refused(program, action, **given):
    with pytest.raises(Thrown) as refusal:
        program.do(action, **given)
    return refusal.value


def assert_error(refusal, status, word):
    """What the library makes of an error of RFC 6749 section 5.2."""
    assert refusal.code == "OAUTH_RESPONSE_BODY_ERROR", refusal
    assert (refusal.status, refusal.error) == (status, word), refusal
    assert refusal.error_description, refusal


def assert_challenged(refusal, status, scheme, **parameters):
    """What the library makes of WWW-Authenticate."""
    assert refusal.code == "OAUTH_WWW_AUTHENTICATE_CHALLENGE" and refusal.status == status, refusal
    assert refusal.cause == [{"scheme": scheme,
                              "parameters": {"realm": "tokend"} | parameters}], refusal


# ---- what they get ----

def test_metadata(program, tls):
    told = program.do("discover", issuer=tls.issuer, id="default", secret="", method="none")
    assert told["issuer"] == tls.issuer
    for name in ("token", "introspection", "revocation"):
        assert told[name + "_endpoint"].startswith(tls.issuer + "/")


def test_a_login_and_the_use_of_its_token(by, tls):
    program = by(APP)
    tokens = program.do("password", **ALICE, scope="read")
    assert (tokens["token_type"], tokens["scope"]) == ("bearer", "read")
    assert type(tokens["expires_in"]) is int and 0 < tokens["expires_in"] <= 3600
    answer = program.do("use", token=tokens["access_token"],
                        url=tls.issuer + "/verify?owner=u-alice&scope=read")
    assert answer["status"] == 200 and answer["body"]["sub"] == "u-alice"


def test_a_client_without_a_secret(become, tls):
    program = become(NOBODY, "none")
    tokens = program.do("password", **ALICE)
    answer = program.do("use", token=tokens["access_token"], url=tls.issuer + "/verify")
    assert answer["body"]["client_id"] == "default"
    assert program.do("refresh", token=tokens["refresh_token"])["access_token"]
    assert program.do("revoke", token=tokens["refresh_token"]) is None


def test_a_refresh(by, tls):
    program = by(APP)
    first = program.do("password", **ALICE)
    second = program.do("refresh", token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    answer = program.do("use", token=second["access_token"], url=tls.issuer + "/verify")
    assert answer["body"]["sub"] == "u-alice"


def test_a_clients_own_token(by, tls):
    program = by(SVC)
    tokens = program.do("clientCredentials", scope="introspect")
    assert tokens["scope"] == "introspect" and "refresh_token" not in tokens
    answer = program.do("use", token=tokens["access_token"], url=tls.issuer + "/verify")
    assert answer["body"]["sub"] == "client:svc"


def test_introspection_and_revocation(by):
    tokens = by(APP).do("password", **ALICE)
    told = by(RS).do("introspect", token=tokens["access_token"])
    assert told["active"] and (told["username"], told["scope"]) == ("alice", "read write")
    assert all(type(told[name]) is int for name in ("exp", "iat"))
    # A refresh token is nobody's business but its client's.
    assert by(RS).do("introspect", token=tokens["refresh_token"]) == {"active": False}
    by(APP).do("revoke", token=tokens["refresh_token"], hint="refresh_token")
    assert by(RS).do("introspect", token=tokens["access_token"]) == {"active": False}
    assert_error(refused(by(APP), "refresh", token=tokens["refresh_token"]), 400, "invalid_grant")


def test_revocation_of_an_access_token(by):
    """Under a wrong hint too; its session goes on. What is no token is as good as revoked."""
    tokens = by(APP).do("password", **ALICE)
    by(APP).do("revoke", token=tokens["access_token"], hint="refresh_token")
    assert by(RS).do("introspect", token=tokens["access_token"]) == {"active": False}
    assert by(APP).do("refresh", token=tokens["refresh_token"])["access_token"]
    by(APP).do("revoke", token="nonsense")


def test_a_secret_of_awkward_characters(by, tls):
    listed = tls.cli("client", "list", "--json")["clients"]
    if AWKWARD[0] not in {client["client_id"] for client in listed}:
        tls.cli("client", "add", AWKWARD[0], "--secret-stdin", "--grant", "client_credentials",
                "--scope", "read", stdin=AWKWARD[1] + "\n")
    assert by(AWKWARD).do("clientCredentials")["scope"] == "read"


# ---- what they are refused ----

def test_a_wrong_login(by):
    program = by(APP)
    for username, password in (("alice", "wrong"), ("nobody-of-this-name", "wrong")):
        assert_error(refused(program, "password", username=username, password=password),
                     400, "invalid_grant")
    assert_error(refused(program, "password", **ALICE, scope="dance"), 400, "invalid_scope")
    assert_error(refused(program, "refresh", token="nonsense"), 400, "invalid_grant")


def test_a_grant_that_is_not_the_clients(by):
    assert_error(refused(by(APP), "clientCredentials"), 400, "unauthorized_client")
    assert_error(refused(by(SVC), "password", **ALICE), 400, "unauthorized_client")


def test_a_wrong_secret(by):
    program = by((APP[0], "surely-not-the-secret-0123456789"))
    for action, given in (("password", ALICE), ("refresh", {"token": "x"}),
                          ("introspect", {"token": "x"}), ("revoke", {"token": "x"})):
        refusal = refused(program, action, **given)
        assert_challenged(refusal, 401, "basic", charset="UTF-8")
        assert refusal.body["error"] == "invalid_client"


def test_what_only_services_may_ask(by):
    refusal = refused(by(APP), "introspect", token="x")
    assert_challenged(refusal, 403, "bearer", error="insufficient_scope")


def test_somebody_elses_token_is_not_revoked(by):
    tokens = by(APP).do("password", **ALICE)
    assert_error(refused(by(RS), "revoke", token=tokens["refresh_token"]), 400, "invalid_grant")
    assert by(RS).do("introspect", token=tokens["access_token"])["active"]


def test_the_challenges_of_a_resource(become, tls):
    program = become(APP)
    token = program.do("password", **ALICE)["access_token"]

    def challenge(query, of=token):
        return refused(program, "use", token=of, url=tls.issuer + "/verify" + query)

    assert_challenged(challenge("?role=admin"), 403, "bearer", error="insufficient_scope")
    assert_challenged(challenge("?scope=dance"), 403, "bearer", error="insufficient_scope",
                      scope="dance")
    assert_challenged(challenge("", token[:-8] + "AAAAAAAA"), 401, "bearer", error="invalid_token",
                      error_description="invalid")


# ---- where others put it ----

@pytest.fixture(params=["openid_client", "oauth4webapi"])
def over_http(request):
    """A program that is told that http will do, for a service of the test's own."""
    with contextlib.ExitStack() as stack:
        def begin(service):
            program = stack.enter_context(Program(request.param, service.secrets))
            program.do("discover", issuer=service.issuer, id=APP[0], secret=APP[1],
                       method=METHODS[0], insecure=True)
            return program

        yield begin


def test_guessing_is_told_from_a_wrong_password(over_http, fleet):
    service = fleet.serve({"throttle.enabled": "true", "throttle.free_failures": 1,
                           "throttle.base_delay_s": 60})
    program = over_http(service)
    guess = {"username": "alice", "password": "wrong"}
    assert_error(refused(program, "password", **guess), 400, "invalid_grant")
    assert_error(refused(program, "password", **guess), 429, "temporarily_unavailable")


def test_an_issuer_with_a_path_behind_nginx(over_http, fleet, tmp_path):
    """RFC 8414 section 3.1: the well-known part goes between the host and the path."""
    port = free_port()
    service = fleet.serve({"issuer": f"http://127.0.0.1:{port}/auth"})
    service.issuer = f"http://127.0.0.1:{port}/auth"
    with running(nginx_before(service, port, tmp_path), port, tmp_path):
        program = over_http(service)
        tokens = program.do("password", **ALICE)
        assert jwt.claims(tokens["access_token"])["iss"] == service.issuer
        tokens = program.do("refresh", token=tokens["refresh_token"])
        answer = program.do("use", token=tokens["access_token"], url=service.issuer + "/verify")
        assert answer["body"]["sub"] == "u-alice"
        program.do("revoke", token=tokens["refresh_token"])
        refusal = refused(program, "use", token=tokens["access_token"],
                          url=service.issuer + "/verify")
        assert_challenged(refusal, 401, "bearer", error="invalid_token",
                          error_description="revoked")


def nginx_before(service, port, folder):
    """The command of an nginx that has the service under /auth."""
    to = f"proxy_pass http://127.0.0.1:{service.port}"
    return nginx.command(folder, port, f"""
        location /auth/ {{ {to}/; }}
        location = /.well-known/oauth-authorization-server/auth {{ {to}; }}""")
