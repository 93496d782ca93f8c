"""A tokend: its data folder, its commands, its process and its log.

Whatever secret passes through here, in a request, in an answer or on a command's standard input, is
noted; check_log() then looks for each of them in what the service has written.
"""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess

from . import wire
from .description import ADMIN, PUBLIC, description
from .wait import limit, wait_until

# What a log holds legitimately may be as long as this; a secret of the tests is longer.
SECRET_MIN = 12
# {"alg" in base64url, and version 1 under a MAC key below 64: long enough never to come about by chance, as in the
# random names of requests.
TOKEN_BEGINNINGS = ("eyJhbGci", "tkr_AQA")

# Hashing must not be what the tests wait for, and guessing is tested where it is the subject.
OPTIONS = {
    "argon2.m_kib": "8",
    "argon2.t": "1",
    "argon2.weak": "true",
    "log.access": "true",
    "log.level": "debug",
    "throttle.enabled": "false",
}

READY = re.compile(r"^tokend: ready on http.*\n", re.MULTILINE)
SECRET_FIELDS = ("access_token", "refresh_token", "client_secret", "password", "token")


def binary():
    path = os.environ.get("TOKEND_BIN")
    assert path, "TOKEND_BIN names no tokend: run ./dev test integration"
    return path


def environment(**more):
    """Nothing of the caller's that tokend would read as an option."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("TOKEND_", "CREDENTIALS_DIRECTORY"))}
    return kept | more


def free_port():
    """Below the range from which the kernel picks ports for connections that go out."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(*arguments, stdin="", env=None):
    """One command, to its end. Secrets go in by standard input."""
    return subprocess.run([binary(), *map(str, arguments)], input=stdin.encode(), env=env
                          or environment(),
                          capture_output=True, timeout=limit(60), check=False)


def said(done):
    return f"exit {done.returncode}\nout: {done.stdout!r}\nerr: {done.stderr!r}"


class Service:
    """Not started until start(). `options` are those of --set: {"access_token.ttl_s": 5}."""

    def __init__(self, data, options=None, port=None):
        self.data = pathlib.Path(data)
        self.options = OPTIONS | {name: str(value) for name, value in (options or {}).items()}
        self.port = port or free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.env = environment()
        self.process = None
        self.secrets = set()
        self._folder = None

    # ---- commands ----

    def flags(self):
        flags = ["--data", self.data, "--set", f"listen=127.0.0.1:{self.port}"]
        for name, value in self.options.items():
            flags += ["--set", f"{name}={value}"]
        return flags

    def try_cli(self, *words, stdin=""):
        """A command that may fail."""
        self._note(stdin.strip())
        done = run(*words, *self.flags(), stdin=stdin, env=self.env)
        self._note_answer(done.stdout)
        return done

    def cli(self, *words, stdin=""):
        """A command that must work; its JSON when it was asked for."""
        done = self.try_cli(*words, stdin=stdin)
        assert done.returncode == 0, said(done)
        return json.loads(done.stdout) if "--json" in words else done.stdout.decode()

    def refused(self, *words, stdin="", code=1):
        """A command that must fail: with this code, one line, nothing on standard output."""
        done = self.try_cli(*words, stdin=stdin)
        return refusal(done, code)

    # ---- the process ----

    def spawn(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([binary(), "serve", *map(str, self.flags())],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env)
        return self

    def start(self):
        before = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.spawn()

        def ready():
            assert self.process.poll() is None, f"it did not start:\n{self.log(before)}"
            return READY.search(self.log(before))

        wait_until(ready, "it says that it is ready", 30)
        return self

    def log(self, start=0):
        return self.log_path.read_bytes()[start:].decode("utf-8", "replace")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def halt(self):
        """SIGSTOP, and every thread stands still: until then one of them may answer yet."""
        self.signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_until(lambda: all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
                               for task in tasks.iterdir()), "all threads are stopped")

    def wait(self):
        """Its exit code."""
        return self.process.wait(limit(60))

    def stop(self):
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code} after SIGTERM\n{self.log()[-4000:]}"

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self):
        self.stop()
        return self.start()

    # ---- what it must never write ----

    def _note(self, secret):
        if isinstance(secret, str) and len(secret) >= SECRET_MIN:
            self.secrets.add(secret)

    def _note_answer(self, body):
        try:
            answer = json.loads(body)
        except ValueError:
            return
        if isinstance(answer, dict):
            for field in SECRET_FIELDS:
                self._note(answer.get(field))

    def check_log(self):
        """Not even an end of a secret may stand there, by which it could be told from others."""
        log = self.log() if self.log_path.exists() else ""
        ends = {secret[-SECRET_MIN:]: secret for secret in self.secrets}
        for line in log.split("\n"):
            for i in range(len(line) - SECRET_MIN + 1):
                assert line[i:i + SECRET_MIN] not in ends, (
                    f"the log holds (the end of) the secret {ends[line[i:i + SECRET_MIN]]!r}")
        for beginning in TOKEN_BEGINNINGS:
            assert beginning not in log, "the log holds the beginning of a token"

    # ---- HTTP ----

    def request(self, method, target, headers=(), body=None, address=None):
        """The answer, which is one that api/openapi.yaml describes."""
        answer = wire.exchange(address or self.port, method, target, headers, body)
        self._note_answer(answer.body)
        description().check(method, target, self._listener(address), answer)
        return answer

    def _listener(self, address):
        """By `address` as support/wire.py has it."""
        port = address[1] if isinstance(address, tuple) else address
        over_tcp = self.options.get("admin.listen", "").rpartition(":")[2]
        return ADMIN if isinstance(port, str) or str(port) == over_tcp else PUBLIC

    def get(self, target, headers=(), **more):
        return self.request("GET", target, headers, **more)

    def post(self, target, form, basic=None, bearer=None, headers=()):
        """A form. `basic`: (id, secret)."""
        for name, value in form.items() if isinstance(form, dict) else form:
            if name in SECRET_FIELDS:
                self._note(value)
        given = list(headers) + [("Content-Type", "application/x-www-form-urlencoded")]
        if basic:
            self._note(basic[1])
            given.append(("Authorization", wire.basic(*basic)))
        if bearer:
            self._note(bearer)
            given.append(("Authorization", f"Bearer {bearer}"))
        return self.request("POST", target, given, wire.encode(form).encode())

    def admin(self, method, path, body=None):
        """The administrative interface over the socket in the data folder."""
        data = json.dumps(body).encode() if body is not None else b""
        return self.request(method, path, [("Content-Type", "application/json")], data,
                            address=self.socket_path())

    def socket_path(self):
        """By a way that is short enough for an address, however long the folder's own is."""
        if self._folder is None:
            self._folder = os.open(self.data, os.O_PATH)
        return f"/proc/self/fd/{self._folder}/admin.sock"

    # ---- the protocol ----

    def login(self, username="alice", password=None, scope=None, client=None, **more):
        """`client`: (id, secret) for Basic; None: the default client."""
        password = PASSWORDS.get(username, "a password of nobody") if password is None else password
        form = {"grant_type": "password", "username": username, "password": password,
                "scope": scope} | more
        return self.post("/token", form, basic=client)

    def tokens(self, *arguments, **more):
        return ok(self.login(*arguments, **more))

    def client_token(self, client, scope=None):
        return ok(self.post("/token", {"grant_type": "client_credentials", "scope": scope},
                            basic=client))

    def refresh(self, token, client=None, scope=None, path="/refresh"):
        form = {"refresh_token": token, "scope": scope}
        if path == "/token":
            form["grant_type"] = "refresh_token"
        return self.post(path, form, basic=client)

    def introspect(self, token, client=None, **more):
        return ok(self.post("/introspect", {"token": token} | more, basic=client or RS))

    def is_active(self, token, client=None):
        """By /introspect; /verify and the operator's own check must agree."""
        active = self.introspect(token, client)["active"]
        if not token.startswith("tkr_"):
            assert (self.verify(token).status == 200) == active
        return active

    def verify(self, token=None, query="", headers=(), method="GET"):
        self._note(token)
        given = list(headers) + ([("Authorization", f"Bearer {token}")] if token is not None
                                 else [])
        return self.request(method, "/verify" + query, given, b"" if method == "POST" else None)

    def revoke(self, token, client=None, **more):
        return self.post("/revoke", {"token": token} | more, basic=client)


def ok(answer):
    assert answer.status == 200, answer
    return answer.json


def oauth_error(answer, status, word):
    """An error of RFC 6749 section 5.2, in its own letters."""
    assert answer.status == status, answer
    assert set(answer.json) == {"error", "error_description"}, answer
    assert answer.json["error"] == word, answer
    for letter in answer.json["error_description"]:
        assert " " <= letter <= "~" and letter not in '"\\', answer
    return answer


def refusal(done, code=1):
    """What a command says when it fails: one line on standard error."""
    assert done.returncode == code, said(done)
    assert done.stdout == b"", said(done)
    text = done.stderr.decode()
    if code == 1:
        assert text.startswith("tokend: ") and text.find("\n") == len(text) - 1, said(done)
    return text


# ---- who lives in the data folder that most tests start from ----

PASSWORDS = {
    "alice": "alice's password, which is long",
    "bob": "bob's password, which is longer",
    "boss": "the boss's password is not hunter2",
}
RS = ("rs", "the-secret-of-rs-0123456789abcdefghij")
APP = ("app", "the-secret-of-app-0123456789abcdefghi")
SVC = ("svc", "the-secret-of-svc-0123456789abcdefghi")
# A verifying key whose secret the tests know: what it signs is ours, as far as the signature goes.
FORGER = {"kty": "oct", "alg": "HS256", "kid": "forger",
          "k": "Zm9yZ2VyIGZvcmdlciBmb3JnZXIgZm9yZ2VyIGZvcmdlciBmb3JnZXI"}

USERS = {
    "alice": ("--id", "u-alice", "--role", "user", "--scope", "read write"),
    "bob": ("--id", "u-bob", "--role", "user", "--role", "support", "--scope", "read"),
    "boss": ("--id", "u-boss", "--role", "admin", "--role", "tokend:admin", "--scope",
             "read write"),
}
CLIENTS = {
    RS: ("--grant", "client_credentials,password,refresh_token", "--scope",
         "read write introspect"),
    APP: ("--grant", "password,refresh_token", "--scope", "read write"),
    SVC: ("--grant", "client_credentials", "--scope", "introspect"),
}


def stock(folder):
    """Makes that data folder, by the commands an operator would use."""
    service = Service(pathlib.Path(folder) / "data")
    service.cli("init")
    for name, flags in USERS.items():
        service.cli("user", "add", name, *flags, "--json", stdin=PASSWORDS[name] + "\n")
    for (client_id, secret), flags in CLIENTS.items():
        service.cli("client", "add", client_id, "--secret-stdin", *flags, "--json",
                    stdin=secret + "\n")
    key = pathlib.Path(folder) / "forger.jwk"
    key.write_text(json.dumps(FORGER))
    service.cli("key", "import", key, "--json")
    return service.data
