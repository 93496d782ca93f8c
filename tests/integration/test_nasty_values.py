"""Values that have broken others, in every field there is: no 5xx, no line of the log that
is not one, nothing of them in a header."""

import json
import urllib.parse

import pytest

from support import wire
from support.service import RS, ok

FORM = ("Content-Type", "application/x-www-form-urlencoded")
NASTY = [
    "'", "' OR '1'='1", "'; DROP TABLE users; --", '"', "\\", "%", "%s%n%p", "%00", "..%2f..%2f",
    "../../../etc/passwd",
    "\r\nX-Injected: yes", "\nX-Injected: yes", "a\x01b", "\x7f", "\x1b[2J", "\u2028", "\u202e",
    "\ufeff", "\U0001f600",
    "é", "e\u0301", "ﬃ", "İ", "ß", "\ud7a3", "\uffff", "null", "true", "-1", "0", "1e309",
    "9" * 400, "{}", "[]",
    '{"a":1}', "<script>", "${jndi:ldap://x}", "$(id)", "`id`", "client:rs", "client:", "u-alice",
    "alice ", " alice",
    "alice\t", "\u00a0alice", "a" * 4000, "é" * 2000, "=" * 50, "&" * 50, "+" * 50,
]


def parse(log):
    first, *lines, last = log.split("\n")
    assert first.startswith("tokend: ready on ") and last == ""
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def checked(shared):
    yield shared
    shared.secrets.clear()  # what was sent here are no secrets
    for entry in parse(shared.log()):
        assert {"ts", "level", "event"} <= set(entry)
        assert entry["level"] in ("debug", "info", "warn",
                                  "error") and entry["event"] != "request_failed"


def fine(answer):
    assert answer.status < 500, answer
    assert not answer.has("x-injected")
    for _, value in answer.headers:
        assert value.isascii() and value.isprintable()


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_forms(checked, value):
    for form in ({"grant_type": value}, {"grant_type": "password", "username": value,
                                         "password": "x"},
                 {"grant_type": "password", "username": "alice", "password": value},
                 {"grant_type": "password", "username": "alice", "password": "x", "scope": value},
                 {"grant_type": "client_credentials", "scope": value},
                 {"grant_type": "refresh_token", "refresh_token": value},
                 {"grant_type": "password", "client_id": value, "username": "a", "password": "b"},
                 {"grant_type": "password", "client_id": "rs", "client_secret": value}):
        fine(checked.post("/token", form))
        fine(checked.post("/token", form, basic=RS))
    for path in ("/introspect", "/revoke"):
        fine(checked.post(path, {"token": value, "token_type_hint": value, value: "x"}, basic=RS))
    fine(checked.post("/revoke", {"token": "x"}, basic=(value, value)))
    fine(checked.post("/refresh", {"refresh_token": value, "scope": value}))


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_queries_and_paths(checked, value):
    token = checked.tokens()["access_token"]
    for name in ("owner", "role", "scope", "aud"):
        answer = checked.verify(token, "?" + wire.encode({name: value}))
        fine(answer)
        # Only who really has it may pass.
        assert answer.status in (400, 403) or (name, value) == ("owner", "u-alice")
    fine(checked.verify(token, "?" + wire.encode({value: "x"})))
    raw = "".join(c for c in value if " " < c < "\x7f" and c != "#")
    for target in (f"/verify?owner={raw}", f"/{raw}", f"/verify/{raw}", f"/admin/users/{raw}"):
        fine(checked.get(target, [("Authorization", f"Bearer {token}")]))


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_headers(checked, value):
    raw = value.encode("utf-8").replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")
    for name in ("Authorization", "X-Request-Id", "User-Agent", "Origin", "If-None-Match",
                 "X-Forwarded-For",
                 "Content-Type", "Accept", "Cookie"):
        with wire.Wire(checked.port) as connection:
            connection.send(wire.request_bytes("GET", "/verify", [(name, raw)]))
            fine(connection.answer())
    fine(checked.get("/verify", [("Authorization", "Bearer "
                                  + raw.replace("\x01",
                                                "").replace("\x7f", "").replace("\x1b", ""))]))


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_the_administrative_interface(checked, value):
    for body in ({"username": value, "password": "the password of x"},
                 {"username": "x", "password": value},
                 {"username": "x", "password": "the password of x", "user_id": value},
                 {"username": "x", "password": "the password of x", "roles": [value]},
                 {"username": "x", "password": "the password of x", "scope": value}):
        answer = checked.admin("POST", "/admin/users", body)
        fine(answer)
        if answer.status == 201:
            for known in ("user_id", "username", "roles", "scope"):
                if known in body and known != "username":
                    assert answer.json[known] == body[known]
            ok(checked.admin("DELETE", f"/admin/users/{answer.json['user_id']}"))
    fine(checked.admin("POST", "/admin/token/check", {"token": value}))
    fine(checked.admin("POST", "/admin/keys/import", {"jwk": value}))
    fine(checked.admin("POST", "/admin/clients", {"client_id": value, "grants": value,
                                                  "scope": value}))
    for method, path in (("GET", "/admin/users/{}"), ("POST", "/admin/users/{}/disable"),
                         ("DELETE", "/admin/clients/{}"),
                         ("POST", "/admin/keys/{}/revoke"), ("GET", "/admin/users?after={}"),
                         ("GET", "/admin/audit?after={}")):
        if value not in ("u-alice",):
            fine(checked.admin(method, path.format(quoted(value))))
    assert len(checked.admin("GET", "/admin/users").json["users"]) == 3


def quoted(value):

    return urllib.parse.quote(value, safe="")
