"""tokend_fastapi.testing: what tests of applications use, with FastAPI's client and with httpx."""

import inspect
import subprocess
import sys
import textwrap
import time

import httpx
import pytest
from fastapi.testclient import TestClient

import tokend_fastapi.testing
from tokend_fastapi import TokendMiddleware
from tokend_fastapi.testing import FakeIssuer

from peers.notes import CHECKS, application, guard
from support.wait import limit

NOWHERE = "https://nowhere.invalid"
EXAMPLE = """
import sys
sys.path[:] = {path!r}
import pytest
from fastapi.testclient import TestClient
from peers.notes import application, guard
from tokend_fastapi.testing import FakeIssuer
auth = guard("https://nowhere.invalid")
app = application(auth)

"""


@pytest.fixture(params=CHECKS)
def auth(request):
    return guard(NOWHERE, request.param, cache_s=30)


@pytest.fixture
def issuer(auth):
    with FakeIssuer().checking(auth) as issuer:
        yield issuer


@pytest.fixture
def client(auth, issuer):
    return TestClient(application(auth))


def test_who_may(client, issuer):
    alice = issuer.headers("alice", scopes="read")
    assert client.get("/me", headers=alice).json() == {
        "id": "alice", "username": "alice", "roles": [], "scopes": ["read"], "client_id": "default"}
    assert client.get("/users/alice/notes", headers=alice).status_code == 200
    assert client.get("/users/bob/notes", headers=alice).status_code == 403
    assert client.get("/write", headers=alice).status_code == 403
    assert client.get("/write", headers=issuer.headers("a", scopes=["read", "write"])).json()
    assert client.get("/reports/q3", headers=issuer.headers("x", roles=["admin"])).json() == "secret"
    named = issuer.headers("alice", user_id="u-1", roles="user", scopes="read")
    assert client.get("/both/u-1", headers=named).json() == "u-1"


def test_who_may_not(client, issuer):
    assert client.get("/me").status_code == 401
    for token in ("x", "a.b.c", FakeIssuer().token("alice"), issuer.token("a", expires_in_s=0),
                  issuer.token("a", expires_in_s=-60), issuer.token("a", token_use="refresh")):
        answer = client.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Could not validate credentials"}


def test_taking_back(client, issuer):
    token = issuer.token("alice")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/me", headers=headers).status_code == 200
    issuer.revoke(token)
    assert client.get("/me", headers=headers).status_code == 401


def test_an_outage(client, issuer):
    headers = issuer.headers("alice")
    with issuer.down():
        answer = client.get("/me", headers=headers)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert client.get("/public").status_code == 200
    assert client.get("/me", headers=headers).status_code == 200


def test_the_issuer_is_replaced_for_the_block_only(auth):
    with FakeIssuer().checking(auth) as issuer:
        headers = issuer.headers("alice")
        client = TestClient(application(auth))
        assert client.get("/me", headers=headers).status_code == 200
    assert client.get("/me", headers=headers).status_code == 503


def test_with_httpx_and_the_middleware(auth, issuer, run_async):
    app = TokendMiddleware(application(auth), auth=auth, public=["/public"])

    async def story():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            assert (await client.get("/public")).status_code == 200
            assert (await client.get("/docs")).status_code == 401
            assert (await client.get("/docs", headers=issuer.headers("a"))).status_code == 200

    run_async(story)


def test_web_sockets(client, issuer):
    with client.websocket_connect("/socket", headers=issuer.headers("alice")) as socket:
        assert socket.receive_text() == "alice"


def test_its_tokens_are_good_for_nothing_elsewhere(shared, issuer):
    token = issuer.token("alice", roles=["admin"], iss=shared.issuer, aud=shared.issuer,
                         exp=time.time() + 600)
    assert not shared.is_active(token)



def test_the_example_of_its_text(tmp_path):
    """Run by a pytest of its own."""
    text = inspect.getdoc(tokend_fastapi.testing)
    example = textwrap.dedent(text[text.index("    @pytest"):text.index("Its tokens")])
    (tmp_path / "test_it.py").write_text(EXAMPLE.format(path=sys.path) + example)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
                          cwd=tmp_path, capture_output=True, timeout=limit(60), check=False)
    assert done.returncode == 0 and b"1 passed" in done.stdout, done.stdout.decode()
