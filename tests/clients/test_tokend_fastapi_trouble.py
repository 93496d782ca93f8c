"""An application whose token service is down, slow, strange or changing: 401, 403 or 503 as it should
be, one line in the log, and no help needed afterwards."""

import asyncio
import http.server
import json
import logging
import shutil
import signal
import sys
import threading
import time

import pytest

from tokend_fastapi import Tokend, Unavailable

from peers.asgi import serving
from peers.misbehaving import answer, misbehaving
from peers.notes import (BAD_TOKEN, CHECKS, application, ask, forbidden, guard, lines, refused,
                         unavailable)
from peers.program import running
from support import jwt
from support.fleet import fleet_in
from support.service import APP, environment, free_port, ok
from support.wait import limit, wait_until

FACE = "a.b.c"  # what looks like a token, for those who do not look


@pytest.fixture(scope="module")
def tokend(stocked, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("trouble")) as fleet:
        yield fleet.serve({"http.drain_s": 1})


def token_of(tokend, *arguments, **more):
    return tokend.tokens(*arguments, **more)["access_token"]


def one_error(caplog, *secrets):
    """The one line of one refused request."""
    line, = lines(caplog)
    record, = [r for r in caplog.records if r.name == "tokend_fastapi"]
    assert record.levelno == logging.ERROR and record.exc_info is None
    assert "\n" not in line and line.startswith("503 for GET '/me' from 127.0.0.1: "), line
    for secret in secrets:
        assert secret[-12:] not in caplog.text
    return line.partition("127.0.0.1: ")[2]


# ---- down and slow ----

@pytest.mark.parametrize("check", CHECKS)
def test_while_it_is_down_nobody_passes(tokend, check, caplog):
    token = token_of(tokend)
    with serving(application(guard(tokend.issuer, check))) as port:
        tokend.stop()
        try:
            unavailable(ask(port, "/me", token))
            assert "cannot be reached" in one_error(caplog, token)
            assert ask(port, "/public").status == 200
        finally:
            tokend.start()
        assert ok(ask(port, "/me", token))["id"] == "u-alice"


@pytest.mark.parametrize("check", CHECKS)
def test_while_it_hangs_nobody_passes(tokend, check, caplog):
    token = token_of(tokend)
    with serving(application(guard(tokend.issuer, check, timeout_s=0.3))) as port:
        tokend.halt()
        try:
            unavailable(ask(port, "/me", token))
            assert "in time" in one_error(caplog, token)
        finally:
            tokend.signal(signal.SIGCONT)
        wait_until(lambda: ask(port, "/me", token).status == 200, "it passes again")


def test_who_waits_for_it_stops_nobody_else(tokend):
    """While one request waits for the service, the event loop serves others."""
    token = token_of(tokend)
    told = []
    with serving(application(guard(tokend.issuer, timeout_s=limit(60)))) as port:
        tokend.halt()
        try:
            waiting = threading.Thread(target=lambda: told.append(ask(port, "/me", token)))
            waiting.start()
            assert ask(port, "/public").status == 200
            assert waiting.is_alive() and not told
        finally:
            tokend.signal(signal.SIGCONT)
        waiting.join(limit(20))
        assert told[0].status == 200


@pytest.mark.parametrize("check", ["introspection", "verify"])
def test_a_restart_between_two_requests_is_not_noticed(tokend, check, caplog):
    """The kept connection has gone; the second try opens another."""
    token = token_of(tokend)
    with serving(application(guard(tokend.issuer, check))) as port:
        ok(ask(port, "/me", token))
        tokend.restart()
        ok(ask(port, "/me", token))
    assert not lines(caplog)


def test_known_keys_go_on_while_it_is_down(tokend):
    """Until their max-age, which is 300 s here."""
    token, other = token_of(tokend), token_of(tokend, "bob")
    with serving(application(guard(tokend.issuer, "local"))) as port:
        ok(ask(port, "/me", token))
        tokend.stop()
        try:
            ok(ask(port, "/me", other))
            forbidden(ask(port, "/reports/q3", other))
            refused(ask(port, "/me", other[:-8] + "AAAAAAAA"), BAD_TOKEN)
        finally:
            tokend.start()


def test_an_answer_that_is_remembered_outlives_the_service_only_for_cache_s(tokend):
    token = token_of(tokend)
    with serving(application(guard(tokend.issuer, cache_s=0.5))) as port:
        ok(ask(port, "/me", token))
        tokend.stop()
        try:
            wait_until(lambda: ask(port, "/me", token).status == 503, "it is forgotten")
        finally:
            tokend.start()


# ---- a service that does not want to be asked by us ----

@pytest.mark.parametrize("client, words", [
    (("rs", "not the secret of rs, I fear"), "does not know this client_id and client_secret"),
    (APP, "lacks the scope introspect"),
])
def test_a_client_that_may_not_ask_is_our_mistake_not_the_users(tokend, caplog, client, words):
    token = token_of(tokend)
    with serving(application(Tokend(tokend.issuer, *client))) as port:
        unavailable(ask(port, "/me", token))
    assert words in one_error(caplog, token, client[1])


# ---- garbage ----

def access(**changes):
    """An active answer of /introspect and /verify."""
    told = {"active": True, "token_use": "access", "sub": "u-alice", "username": "alice",
            "roles": ["user"], "scope": "read", "client_id": "default",
            "exp": int(time.time()) + 600} | changes
    return {name: value for name, value in told.items() if value is not None}


def saying(body, **more):
    said = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return lambda _request, _connection: answer(said, **more)


def endless(_request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")


def dribbling(_request, connection):
    """Each byte in good time, and never all of them."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        threading.Event().wait(0.02)


GARBAGE = {
    "nothing": lambda *_: b"",
    "noise": lambda *_: b"\x00\x01\x02\r\n\r\n",
    "another protocol": lambda *_: b"SSH-2.0-OpenSSH_9.2\r\n",
    "half an answer": lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"active\":true",
    "an endless answer": endless,
    "an answer byte by byte": dribbling,
    "a web page": saying("<html>Welcome to nginx!</html>"),
    "no JSON": saying('{"active":true'),
    "not UTF-8": saying(b'{"active":true,"sub":"\xff"}'),
    "deep JSON": saying("[" * 50000),
    "a list": saying("[true]"),
    "a yes": saying("true"),
    "empty": saying(""),
    "an empty object": saying({}),
    "compressed": saying(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", headers="Content-Encoding: gzip\r\n"),
    "active in words": saying(access(active="true")),
    "active as a number": saying(access(active=1)),
    "no subject": saying(access(sub=None)),
    "a subject that is a number": saying(access(sub=7)),
    "an empty subject": saying(access(sub="")),
    "no exp": saying(access(exp=None)),
    "exp in words": saying(access(exp="soon")),
    "exp that is none": saying(json.dumps(access()).replace('"exp": ', '"exp": 1e999, "x": ')),
    "exp true": saying(access(exp=True)),
    "roles in one text": saying(access(roles="admin")),
    "roles that are numbers": saying(access(roles=[1])),
    "a scope list": saying(access(scope=["read"])),
    "201": saying(access(), status="201 Created"),
    "204": lambda *_: b"HTTP/1.1 204 No Content\r\n\r\n",
    "400": saying(access(), status="400 Bad Request"),
    "404": saying({"active": False}, status="404 Not Found"),
    "429": saying({"active": False}, status="429 Too Many Requests"),
    "500": saying(access(), status="500 Internal Server Error"),
    "503": saying({"active": False}, status="503 Service Unavailable"),
}


@pytest.fixture(scope="module", params=["introspection", "verify"])
def strange(request):
    """A service that says what it is told to say, and an application that asks it."""
    with misbehaving(None) as server, \
            serving(application(guard(server.issuer, request.param, timeout_s=limit(1)))) as port:
        yield server, port


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_lets_nobody_in(strange, name, caplog):
    server, port = strange
    server.says = GARBAGE[name]
    unavailable(ask(port, "/me", FACE))
    one_error(caplog, "the-secret-of-rs-0123456789abcdefghij")
    server.says = saying(access())
    assert ok(ask(port, "/me", FACE))["id"] == "u-alice"


def test_inactive_is_401_and_a_token_of_another_use_too(caplog):
    with misbehaving(saying({"active": False})) as server, \
            serving(application(guard(server.issuer, "introspection"))) as port:
        refused(ask(port, "/me", FACE), BAD_TOKEN)
        for use in ("refresh", "id", None, "ACCESS"):
            server.says = saying(access(token_use=use))
            refused(ask(port, "/me", FACE), BAD_TOKEN)
    assert len(lines(caplog)) == 5


def test_what_verify_says_of_another_use_is_401():
    with misbehaving(saying(access(token_use="refresh"))) as server, \
            serving(application(guard(server.issuer, "verify"))) as port:
        refused(ask(port, "/me", FACE), BAD_TOKEN)
        server.says = saying({"detail": "Could not validate credentials"}, status="401 Unauthorized")
        refused(ask(port, "/me", FACE), BAD_TOKEN)


def test_a_redirection_leads_nowhere(caplog):
    """A token goes to the service, and to no address that somebody else names."""
    with misbehaving(saying(access())) as elsewhere:
        away = saying("", status="307 Temporary Redirect",
                      headers=f"Location: {elsewhere.issuer}/introspect\r\n")
        with misbehaving(away) as server, serving(application(guard(server.issuer))) as port:
            unavailable(ask(port, "/me", FACE))
        assert not elsewhere.requests
    one_error(caplog)


def test_the_environments_proxy_gets_no_token(monkeypatch):
    with misbehaving(saying(access())) as proxy, misbehaving(saying({"active": False})) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.issuer)
        with serving(application(guard(server.issuer))) as port:
            refused(ask(port, "/me", FACE), BAD_TOKEN)
        assert not proxy.requests and server.requests


# ---- when to come back ----

@pytest.mark.parametrize("said, told, tries", [
    ("7", "7", 1), ("1", "1", 1), ("0", "1", 1), ("100000", "60", 1),
    (None, "1", 2), ("soon", "1", 2), ("-1", "1", 2),
])
def test_who_says_when_to_come_back_is_not_asked_again(said, told, tries):
    headers = f"Retry-After: {said}\r\n" if said else ""
    busy = saying("", status="503 Service Unavailable", headers=headers)
    with misbehaving(busy) as server, serving(application(guard(server.issuer))) as port:
        unavailable(ask(port, "/me", FACE), told)
        assert len(server.requests) == tries


@pytest.mark.parametrize("failure", [lambda *_: b"", saying("", status="502 Bad Gateway")],
                         ids=["no answer", "a gateway"])
def test_one_failure_is_not_noticed(failure, caplog):
    with misbehaving(failure) as server, serving(application(guard(server.issuer))) as port:
        def once(*_):
            server.says = saying(access())
            return failure(*_)

        server.says = once
        ok(ask(port, "/me", FACE))
        assert len(server.requests) == 2
    assert not lines(caplog)


# ---- many at once ----

class Gate:
    """A service that answers nobody until it is opened."""

    def __init__(self, told):
        self.told = told
        self.open = threading.Event()

    def __call__(self, *_):
        assert self.open.wait(limit(30))
        return answer(json.dumps(self.told))


async def gathered(auth, server, gate, tokens):
    jobs = [asyncio.ensure_future(auth.check(token)) for token in tokens]
    while not server.requests:
        await asyncio.sleep(0)
    gate.open.set()
    return jobs, await asyncio.gather(*jobs, return_exceptions=True)


def test_many_requests_with_one_token_are_one_question(run_async):
    gate = Gate(access())
    with misbehaving(gate) as server:
        auth = guard(server.issuer, cache_s=30)

        async def story():
            _, users = await gathered(auth, server, gate, [FACE] * 50)
            assert {user.id for user in users} == {"u-alice"}
            await auth.check(FACE)
            await auth.aclose()

        run_async(story)
        assert len(server.requests) == 1


class Keeping(http.server.BaseHTTPRequestHandler):
    """Keeps connections open, and counts them."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(access()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """pytest shows what it needs."""


def test_questions_one_after_the_other_share_a_connection(run_async):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeping) as server:
        server.connections = 0
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        auth = guard(f"http://127.0.0.1:{server.server_address[1]}")

        async def story():
            for _ in range(10):
                await auth.check(FACE)
            await auth.aclose()

        run_async(story)
        server.shutdown()
        thread.join(limit(10))
        assert server.connections == 1


def test_without_memory_each_request_asks_for_itself(run_async):
    """An answer on its way may be older than a revocation that came before the request."""
    gate = Gate(access())
    with misbehaving(gate) as server:
        auth = guard(server.issuer, cache_s=0)

        async def story():
            await gathered(auth, server, gate, [FACE] * 5)
            await auth.aclose()

        run_async(story)
        assert len(server.requests) == 5


def test_who_is_no_longer_interested_does_not_take_the_answer_with_him(run_async):
    gate = Gate(access())
    with misbehaving(gate) as server:
        auth = guard(server.issuer, cache_s=30)

        async def story():
            first = asyncio.ensure_future(auth.check(FACE))
            while not server.requests:
                await asyncio.sleep(0)
            second = asyncio.ensure_future(auth.check(FACE))
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.open.set()
            assert (await second).id == "u-alice"
            await auth.aclose()

        run_async(story)
        assert len(server.requests) == 1


def test_a_failure_that_nobody_waits_for_is_no_noise(run_async, caplog):
    gate = Gate([])
    with misbehaving(gate) as server:
        auth = guard(server.issuer, cache_s=30)

        async def story():
            job = asyncio.ensure_future(auth.check(FACE))
            while not server.requests:
                await asyncio.sleep(0)
            job.cancel()
            gate.open.set()
            with pytest.raises(Unavailable):
                await auth.check(FACE)
            await auth.aclose()

        run_async(story)
    assert not lines(caplog)


# ---- keys that change ----

def test_a_new_key_is_found_and_a_revoked_one_is_gone(fleet, monkeypatch):
    """A compromise drill while an application verifies by itself."""
    monkeypatch.setattr("tokend_fastapi.keys.REFETCH_S", 0)
    service = fleet.serve()
    with serving(application(guard(service.issuer, "local"))) as port:
        old = token_of(service)
        ok(ask(port, "/me", old))
        service.cli("key", "revoke", jwt.header(old)["kid"], "--reason", "a drill")
        assert not service.is_active(old)
        new = token_of(service)
        assert jwt.header(new)["kid"] != jwt.header(old)["kid"]
        ok(ask(port, "/me", new))  # an unknown key: the set is fetched anew
        refused(ask(port, "/me", old), BAD_TOKEN)


@pytest.mark.parametrize("check", CHECKS)
def test_a_rotation_is_not_noticed(fleet, check, caplog):
    """Published long before it signs: here a second, since nobody may keep the set for longer."""
    service = fleet.serve({"keys.jwks_max_age_s": 1, "keys.publish_margin_s": 0})
    with serving(application(guard(service.issuer, check))) as port:
        before = token_of(service)
        service.cli("key", "rotate")

        def rotated():
            token = token_of(service)
            ok(ask(port, "/me", token))
            ok(ask(port, "/me", before))
            return jwt.header(token)["kid"] != jwt.header(before)["kid"]

        wait_until(rotated, "the next key signs", 20)
    assert not lines(caplog)


# ---- clocks ----

SHIFTED = """
import sys
sys.path[:0] = {path!r}
from peers.notes import application, guard
app = application(guard({issuer!r}, {check!r}, cache_s=30))
"""


@pytest.fixture(scope="module")
def brief(stocked, tmp_path_factory):
    """Access tokens live for two seconds."""
    with fleet_in(stocked, tmp_path_factory.mktemp("brief")) as fleet:
        yield fleet.serve({"access_token.ttl_s": 2})


def shifted(service, check, seconds, folder):
    """The application as a process whose clock is off."""
    (folder / "shifted.py").write_text(
        SHIFTED.format(path=[p for p in sys.path if p], issuer=service.issuer, check=check))
    port = free_port()
    command = [shutil.which("faketime") or "faketime", "-f", f"{seconds:+d}s", sys.executable, "-m",
               "uvicorn", "shifted:app", "--port", port]
    env = environment(FAKETIME_DONT_FAKE_MONOTONIC="1", PYTHONDONTWRITEBYTECODE="1")
    return port, running(command, port, folder, env)


@pytest.mark.parametrize("seconds", [60, -60])
@pytest.mark.parametrize("check", CHECKS)
def test_a_clock_that_is_off_by_a_minute(tokend, check, seconds, tmp_path):
    token = token_of(tokend)
    port, process = shifted(tokend, check, seconds, tmp_path)
    with process:
        ok(ask(port, "/me", token))
        ok(ask(port, "/me", token))
        forbidden(ask(port, "/reports/q3", token))
        refused(ask(port, "/me", token[:-8] + "AAAAAAAA"), BAD_TOKEN)


def used_in_time(service, port):
    """A token that was good when it was used; a machine with much to do may need more than one."""
    def used():
        token = token_of(service)
        return token if ask(port, "/me", token).status == 200 else None

    return wait_until(used, "a token is used before it dies")


@pytest.mark.parametrize("seconds", [60, -60])
@pytest.mark.parametrize("check", ["introspection", "verify"])
def test_a_token_dies_by_the_services_clock(brief, check, seconds, tmp_path):
    """Though the answer about it may be remembered for half a minute."""
    port, process = shifted(brief, check, seconds, tmp_path)
    with process:
        token = used_in_time(brief, port)
        wait_until(lambda: not brief.introspect(token)["active"], "it has expired")
        refused(ask(port, "/me", token), BAD_TOKEN)
        used_in_time(brief, port)


def test_a_local_check_has_no_clock_but_its_own(brief, tmp_path):
    """One that is ahead refuses early. Nobody is let in by it."""
    port, process = shifted(brief, "local", 60, tmp_path)
    with process:
        refused(ask(port, "/me", token_of(brief)), BAD_TOKEN)
