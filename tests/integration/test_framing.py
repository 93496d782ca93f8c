"""Requests that two servers in a row could read differently: refused, and the connection closed."""

import pytest

from support import wire
from support.service import PASSWORDS

HOST = b"Host: x\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"POST /revoke HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
HIDDEN = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nX-Request-Id: hidden\r\n\r\n"

REFUSED = {
    "length and transfer coding": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM
        + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n", {411, 400}),
    "transfer coding alone": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM
        + b"Transfer-Encoding: chunked\r\n\r\n7\r\ntoken=x\r\n0\r\n\r\n",
        {411}),
    "transfer coding of two words": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        {411, 400}),
    "transfer coding twice": (
        b"POST /revoke HTTP/1.1\r\n" + HOST
        + b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {411, 400}),
    "transfer coding identity": (
        b"GET /verify HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: identity\r\n\r\n", {411, 400}),
    "transfer coding in HTTP/1.0": (
        b"POST /revoke HTTP/1.0\r\n" + HOST
        + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n", {411, 400}),
    "hexadecimal chunk": (
        b"POST /revoke HTTP/1.1\r\n" + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n",
        {411, 400}),
    "two lengths": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM
        + b"Content-Length: 7\r\nContent-Length: 0\r\n\r\ntoken=x", {400}),
    "the same length twice": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM
        + b"Content-Length: 7\r\nContent-Length: 7\r\n\r\ntoken=x", {400}),
    "a list of lengths": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 7, 7\r\n\r\ntoken=x", {400}),
    "a length with a sign": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: +7\r\n\r\ntoken=x", {400}),
    "a length below zero": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: -1\r\n\r\n", {400}),
    "a length in hexadecimal": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 0x7\r\n\r\ntoken=x", {400}),
    "a length past all numbers": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM
        + b"Content-Length: 99999999999999999999999\r\n\r\n", {400, 413}),
    "an empty length": (
        b"POST /revoke HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: \r\n\r\n", {400}),
    "a folded line": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n", {400}),
    "a folded first line": (b"GET /verify HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n", {400}),
    "a blank before the colon": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A : b\r\n\r\n", {400}),
    "a header without a name": (b"GET /verify HTTP/1.1\r\n" + HOST + b": b\r\n\r\n", {400}),
    "a header without a colon": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A\r\n\r\n", {400}),
    "a NUL in a value": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A: b\0c\r\n\r\n", {400}),
    "a NUL in a name": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X\0A: b\r\n\r\n", {400}),
    "a bare line feed": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A: b\nX-C: d\r\n\r\n", {400}),
    "bare line feeds alone": (b"GET /verify HTTP/1.1\nHost: x\n\n", {400}),
    "a bare carriage return": (b"GET /verify HTTP/1.1\r\n" + HOST + b"X-A: b\rX-C: d\r\n\r\n",
                               {400}),
    "no host": (b"GET /verify HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (b"GET /verify HTTP/1.1\r\n" + HOST + b"Host: y\r\n\r\n", {400}),
    "a bad host": (b"GET /verify HTTP/1.1\r\nHost: a b\r\n\r\n", {400}),
    "a host with a path": (b"GET /verify HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    "a host with a user": (b"GET /verify HTTP/1.1\r\nHost: u@a\r\n\r\n", {400}),
    "an absolute target": (b"GET http://x/verify HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a target without a slash": (b"GET verify HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a target of a star": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a target with a fragment": (b"GET /verify#x HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a target with a blank": (b"GET /ver ify HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "two blanks": (b"GET  /verify HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "a line end in the target": (b"GET /verify\rx HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "HTTP/2.0 by word": (b"GET /verify HTTP/2.0\r\n" + HOST + b"\r\n", {400, 505}),
    "HTTP/1.2": (b"GET /verify HTTP/1.2\r\n" + HOST + b"\r\n", {400, 505}),
    "no version": (b"GET /verify\r\n\r\n", {400}),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x20" * 64 + b"\r\n\r\n", {400}),
    "garbage": (b"\xff\xfe\xfd\r\n\r\n", {400}),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_request_of_two_meanings(shared, row):
    """Refused; and what stands behind it on the connection is not taken for a request."""
    data, statuses = REFUSED[row]
    with wire.Wire(shared.port) as connection:
        connection.send(data + HIDDEN)
        try:
            answer = connection.answer()
        except wire.Closed:
            return  # it may be closed without a word
        assert answer.status in statuses, answer
        assert "hidden" not in answer.all("x-request-id")
        assert connection.is_closed()


def test_refusals_of_our_own_look_like_all_others(shared):
    with wire.Wire(shared.port) as connection:
        connection.send(CHUNKED)
        answer = connection.answer()
        assert answer.status == 411 and answer.json == {"detail": "Length required"}
        assert answer.one("cache-control") == "no-store" and answer.one("x-request-id")
    with wire.Wire(shared.port) as connection:
        connection.send(b"GET /verify HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        answer = connection.answer()
        assert answer.status == 400 and answer.json == {"detail": "Bad request"}


@pytest.mark.parametrize("more", [
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Upgrade: h2c-14\r\nConnection: Upgrade\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n",
])
def test_an_upgrade_is_ignored(shared, more):
    with wire.Wire(shared.port) as connection:
        connection.send(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
        answer = connection.answer()
        assert answer.status == 200 and not answer.has("upgrade")


def test_too_many_headers_and_too_long_ones(shared):
    for head in (b"".join(b"X-%d: y\r\n" % i for i in range(150)),
                 b"X-A: " + b"y" * 500_000 + b"\r\n",
                 b"X" * 500_000 + b": y\r\n"):
        with wire.Wire(shared.port) as connection:
            try:
                connection.send(b"GET /verify HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
                assert 400 <= connection.answer().status < 500
                assert connection.is_closed()
            except (wire.Closed, BrokenPipeError, ConnectionResetError):
                pass  # closed before it was all sent
    assert shared.get("/healthz/live").status == 200


@pytest.mark.parametrize("line", [b"", b"Connection: close\r\n"])
def test_http_1_0_is_served_and_closed(shared, line):
    with wire.Wire(shared.port) as connection:
        connection.send(b"GET /healthz/live HTTP/1.0\r\nHost: x\r\n" + line + b"\r\n")
        assert connection.answer().status == 200
        assert connection.is_closed()


def test_a_head_in_single_bytes_is_one_request(shared):
    with wire.Wire(shared.port) as connection:
        for byte in wire.request_bytes("GET", "/healthz/live"):
            connection.send(bytes([byte]))
        assert connection.answer().status == 200


def test_a_guard_holds_for_every_request_of_a_connection(shared):
    good = wire.request_bytes("GET", "/healthz/live")
    with wire.Wire(shared.port) as connection:
        connection.send(good)
        assert connection.answer().status == 200
        connection.send(good + CHUNKED + HIDDEN)
        assert connection.answer().status == 200
        assert connection.answer().status == 411
        assert connection.is_closed()


def test_expect_continue(shared):
    body = wire.encode({"grant_type": "password", "username": "alice",
                        "password": PASSWORDS["alice"]}).encode()
    with wire.Wire(shared.port) as connection:
        connection.send(b"POST /token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + FORM
                        + b"Content-Length: %d\r\n\r\n" % len(body))
        connection.send(body)
        answer = connection.answer(to="HEAD")  # 100 has no body
        if answer.status == 100:
            answer = connection.answer()
        assert answer.status == 200
