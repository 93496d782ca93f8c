"""Who may not administer: every operation, asked for by everybody who is no administrator, is refused, written
down, and changes nothing."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import pytest

from support import jwt, wire
from support.configured import Configured
from support.fleet import fleet_in
from support.service import APP, FORGER, RS, free_port, ok
from support.signing import Key
from support.wait import limit, wait_until

# Every operation there is, from the table that serves them.
TABLE = pathlib.Path(__file__).parents[2] / "src" / "service" / "admin.c"
OPERATIONS = re.findall(r'^    \{"([A-Z]+)", +"(/admin/[^"]+)",', TABLE.read_text(), re.MULTILINE)
OPERATIONS.append(("GET", "/metrics"))

ISSUER = "https://theirs.example"
THEIRS = Key("EdDSA", kid="theirs")
CONFIGURATION = f"""
trusted_issuers:
  - issuer: {ISSUER}
    audience: api
    jwks_file: theirs.json
    algorithms: [EdDSA]
"""

# What would do something, if it were asked for by somebody else.
BODIES = {"/admin/users": {"username": "mallory", "password": "the password of mallory",
                           "roles": ["tokend:admin"]},
          "/admin/clients": {"client_id": "mallory", "grants": ["client_credentials"]},
          "/admin/keys/rotate": {"now": True},
          "/admin/users/u-alice/password": {"password": "another password of alice"},
          "/admin/users/u-alice/rights": {"roles": ["tokend:admin"]},
          "/admin/token/check": {"token": "x"}}


def test_the_table_was_found():
    assert len(OPERATIONS) > 20 and ("DELETE", "/admin/users/{id}") in OPERATIONS


class Guarded:
    """A service over TCP, and the tokens of those who may not."""

    def __init__(self, service, port):
        self.service = service
        self.port = port
        self.session = service.admin("GET", "/admin/sessions?limit=1").json["sessions"][0]["sid"]
        self.kid = service.admin("GET", "/admin/keys").json["keys"][0]["kid"]

    def target(self, path):
        names = {"users": "u-alice", "clients": "app", "keys": self.kid, "sessions": self.session}
        return path.replace("{id}", names.get(path.rpartition("/{id}")[0].rpartition("/")[2], ""))

    def ask(self, method, path, headers):
        target = self.target(path)
        body = json.dumps(BODIES.get(target, {})).encode() if method == "POST" else b""
        return self.service.request(method, target, headers, body, address=self.port)

    def state(self):
        """All that an operation could change, seen by somebody who may see it."""
        lists = [ok(self.service.admin("GET", f"/admin/{name}"))
                 for name in ("users", "clients", "sessions", "keys")]
        for key in lists[3]["keys"]:
            key.pop("jwks_fetches", None)
        return lists

    def refusals(self):
        events = ok(self.service.admin("GET", "/admin/audit?event=admin_refused"))["events"]
        return events


@pytest.fixture(scope="module")
def guarded(stocked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "theirs.json").write_text(json.dumps({"keys": [THEIRS.jwk(use="sig")]}))
    with fleet_in(stocked, folder) as fleet:
        port = free_port()
        service = Configured(fleet, folder, CONFIGURATION,
                             {"admin.listen": f"127.0.0.1:{port}"}).start().service
        service.tokens("alice", client=APP)
        yield Guarded(service, port)


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def of_boss(guarded):
    return guarded.service.tokens("boss")["access_token"]


def revoked_by(*words, undo):
    """A token of an administrator who is none any more."""
    def make(guarded):
        token = of_boss(guarded)
        guarded.service.cli(*words)
        guarded.service.cli(*undo)
        return bearer(token)
    return make


def expired(guarded):
    """Of ours in everything but its time, by a key whose secret the tests know."""
    claims = jwt.claims(of_boss(guarded)) | {"exp": int(time.time()) - 1}
    key = Key("HS256", kid=FORGER["kid"], secret=jwt.unb64(FORGER["k"]))
    return bearer(key.token(claims, {"typ": "at+jwt"}))


def foreign(_):
    claims = {"iss": ISSUER, "aud": "api", "sub": "u-boss", "user_id": "u-boss",
              "exp": int(time.time()) + 600, "roles": ["admin", "tokend:admin"],
              "role": "tokend:admin"}
    return bearer(THEIRS.token(claims))


CALLERS = {
    "no token": (lambda g: [], 401, "no_token"),
    "a password": (lambda g: [("Authorization", wire.basic(*RS))], 401, "no_token"),
    "two tokens": (lambda g: 2 * bearer(of_boss(g)), 401, "no_token"),
    "nonsense": (lambda g: bearer("nonsense"), 401, "malformed"),
    "a user": (lambda g: bearer(g.service.tokens("alice")["access_token"]), 403, "not_admin"),
    "a user's refresh token": (lambda g: bearer(g.service.tokens("boss")["refresh_token"]), 401,
                               "malformed"),
    "a client": (lambda g: bearer(g.service.client_token(RS)["access_token"]), 403, "not_admin"),
    "a foreign administrator": (foreign, 403, "foreign_token"),
    "a dead token": (expired, 401, "expired"),
    "an administrator who was disabled": (
        revoked_by("user", "disable", "boss", undo=("user", "enable", "boss")), 401, "epoch"),
    "an administrator who was logged out": (
        revoked_by("user", "logout", "boss", undo=("user", "enable", "boss")), 401, "epoch"),
    "an administrator who lost the role": (
        revoked_by("user", "roles", "boss", "--role", "admin",
                   undo=("user", "roles", "boss", "--role", "admin", "--role", "tokend:admin")),
        401, "epoch"),
}


# Of a good token one knows whose it is.
ACTORS = {"a user": "u-alice", "a client": "client:rs"}


@pytest.mark.parametrize("who", CALLERS)
def test_nobody_else_does_anything(guarded, who):
    make, status, reason = CALLERS[who]
    headers = make(guarded)
    before = guarded.state()
    for method, path in OPERATIONS:
        answer = guarded.ask(method, path, headers)
        assert answer.status == status, (method, path, answer)
        challenge = answer.one("www-authenticate")
        assert challenge.startswith("Bearer realm="), (method, path)
        assert ("insufficient_scope" in challenge) == (status == 403)
        assert not answer.has("etag") and "mallory" not in answer.body.decode()
    assert guarded.state() == before

    def told():
        return [event for event in guarded.refusals()
                if event["reason"] == reason and event.get("actor") == ACTORS.get(who)]

    event = wait_until(told, "the refusal is written down")[0]
    assert event["peer"] == "127.0.0.1" and event["request_id"]
    assert event.get("user_id") == (ACTORS.get(who) if who == "a user" else None)


def test_the_administrator_does(guarded):
    """The same requests, by who may: none of the above was refused for another reason."""
    headers = bearer(of_boss(guarded))
    for method, path in OPERATIONS:
        if method == "GET":
            assert guarded.ask(method, path, headers).status == 200, path
    assert guarded.ask("POST", "/admin/users/{id}/logout", headers).status == 200
    newest = ok(guarded.service.admin("GET", "/admin/audit?limit=1"))["events"][0]
    assert (newest["event"], newest["actor"]) == ("user_logout", "u-boss")


def test_refusals_are_summed(guarded):
    """However many there are, they cannot fill the disk: the others of a minute are one row."""
    before = len(guarded.refusals())
    for _ in range(50):
        guarded.service.get("/admin/users", bearer("nonsense"), address=guarded.port)
    assert len(guarded.refusals()) <= before + 4


# ---- the socket ----

ASK = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as peer:
    peer.settimeout(float(sys.argv[2]))
    peer.connect("admin.sock")
    peer.sendall(f"{sys.argv[3]} {sys.argv[4]} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n"
                 "Connection: close\\r\\n\\r\\n".encode())
    while data := peer.recv(4096):
        sys.stdout.write(data.decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_who_came_as_far_as_the_socket(service):
    """The folder and the socket keep everybody else out; if they were opened, the peer is still looked at."""
    os.chmod(service.data, 0o711)
    os.chmod(service.data / "admin.sock", 0o666)
    session = service.tokens()["access_token"]
    for method, path in OPERATIONS:
        done = subprocess.run([sys.executable, "-c", ASK, str(service.data), str(limit(20)),
                               method, path.replace("{id}", "u-alice")],
                              capture_output=True, check=True)
        assert done.stdout.startswith(b"HTTP/1.1 403 "), (method, path, done.stdout)
    assert service.is_active(session)
    events = wait_until(lambda: ok(service.admin("GET", "/admin/audit?event=admin_refused"))["events"],
                        "it is written down")
    assert len(events) == 1  # the others of this minute are summed
    assert events[0]["actor"] == "uid:65534" and events[0]["reason"] == "wrong_uid"


def test_the_socket_is_for_the_owner(service):
    mode = os.stat(service.data / "admin.sock").st_mode & 0o777
    assert mode == 0o600
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(service.socket_path())
