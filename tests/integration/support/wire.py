"""HTTP/1.1 on a bare socket: what is sent is exactly what a test says, and so is what is read."""

import base64
import json
import socket
import urllib.parse

from .wait import limit


class Closed(Exception):
    """The peer closed the connection where an answer was expected."""


class Answer:
    """One answer. Header names are lower-case; a header may stand more than once."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def one(self, name):
        """The value of a header that must be there exactly once."""
        values = self.all(name)
        assert len(values) == 1, (name, values)
        return values[0]

    def has(self, name):
        return bool(self.all(name))

    @property
    def json(self):
        return json.loads(self.body, object_pairs_hook=_without_duplicates)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def _without_duplicates(pairs):
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


class Wire:
    """A connection. `address`: a port on 127.0.0.1, (host, port), or the path of a Unix socket."""

    def __init__(self, address, seconds=20):
        if isinstance(address, (str, bytes)):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
            address = ("127.0.0.1", address) if isinstance(address, int) else address
        self.socket.settimeout(limit(seconds))
        self.socket.connect(address)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError as reset:
            raise Closed from reset
        if not data:
            raise Closed
        self.rest += data

    def answer(self, to="GET"):
        """Reads one answer to a request of method `to`."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = (first + " ").split(" ", 2)
        assert version == "HTTP/1.1", first
        headers = [(name.lower(), value.strip())
                   for name, _, value in (line.partition(":") for line in lines)]
        answer = Answer(int(status), headers, b"")
        if to != "HEAD" and answer.status not in (204, 304):
            length = int(answer.one("content-length"))
            while len(self.rest) < length:
                self._more()
            answer.body, self.rest = self.rest[:length], self.rest[length:]
        return answer

    def is_closed(self):
        """The peer has closed, or does so within the time limit, and sent nothing more."""
        try:
            self._more()
        except Closed:
            return True
        return False


def encode(form):
    """A form from a dict or a list of pairs; pairs whose value is None are left out."""
    pairs = form.items() if isinstance(form, dict) else form
    return urllib.parse.urlencode([(name, value) for name, value in pairs if value is not None])


def basic(client_id, secret):
    """SPEC rfc6749#2.3.1: both halves are form-encoded before they are joined."""
    halves = ":".join(urllib.parse.quote_plus(half) for half in (client_id, secret))
    return "Basic " + base64.b64encode(halves.encode()).decode()


def request_bytes(method, target, headers=(), body=None):
    lines = [f"{method} {target} HTTP/1.1", "Host: tokend.test"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def exchange(address, method, target, headers=(), body=None):
    """One request on a connection of its own."""
    with Wire(address) as wire:
        wire.send(request_bytes(method, target, headers, body))
        return wire.answer(to=method)
