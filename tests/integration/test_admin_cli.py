"""The command line: the same with and without a daemon, exit codes, secrets by standard input."""

import json
import os
import pty
import sqlite3
import subprocess

import pytest

from support import jwt
from support.service import PASSWORDS, SVC, binary, environment, oauth_error, ok, run, said
from support.wait import at_once, wait_until


@pytest.fixture(params=["daemon", "no daemon"])
def both(request, fleet):
    """A data folder, served or not: every command must do the same."""
    service = fleet.make()
    return service.start() if request.param == "daemon" else service


def served(service):
    """For looking at what a command has done."""
    return service if service.running() else service.start()


# ---- usage: exit code 2 ----

@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["user"], ["user", "nonsense"], ["user", "add"], ["user", "list", "more"],
    ["user", "list", "--nonsense"], ["user", "add", "x", "--role"], ["user", "add", "x", "y"],
    ["user", "list", "--json=yes"], ["serve", "--role", "x"], ["key", "rotate", "--listen", ":1"],
    ["init", "--data"], ["--data", "x", "init"], ["user", "-x"],
    ["init", "--data", "x" * 5000], ["serve", "--listen", "x" * 2000],
    ["user", "add", "x"] + ["--role", "r"] * 65, ["init"] + ["--set", "issuer=x"] * 65,
])
def test_wrong_usage(tmp_path, words):
    done = run(*words)
    assert done.returncode == 2, said(done)
    assert done.stdout == b"" and done.stderr.startswith(b"tokend: "), said(done)
    assert b"usage" in done.stderr or b"--help" in done.stderr


def test_what_is_too_long_or_no_number(fleet):
    service = fleet.make()
    for words in (["user", "add", "x" * 20000], ["user", "disable", "x" * 3000],
                  ["client", "add", "x", "--grant", "password", "--scope", "x" * 20000],
                  ["client", "remove", "x" * 3000], ["key", "revoke", "x" * 3000],
                  ["user", "list", "--after", "x" * 3000],
                  ["key", "import", service.data / "lock", "--until", "tomorrow"],
                  ["key", "import", service.data / "lock", "--until", "9" * 19],
                  ["key", "import", service.data / "tokend.db"]):
        service.refused(*words, stdin="a good password\n")


def test_help():
    for words in (["--help"], ["help"], ["-h"]):
        done = run(*words)
        assert done.returncode == 0 and b"usage: tokend COMMAND" in done.stdout
        for word in (b"serve", b"user add NAME", b"client secret ID", b"key rotate",
                     b"token check"):
            assert word in done.stdout
    for words in (["user", "add", "--help"], ["serve", "--help"]):
        done = run(*words)
        assert done.returncode == 0 and b"--data DIR" in done.stdout
        assert done.stderr == b""
    assert b"access_token.ttl_s" in run("config", "show", "--help").stdout


def test_a_noun_alone_tells_its_verbs():
    done = run("key")
    assert done.returncode == 2 and done.stdout == b"", said(done)
    assert b"key needs one of: list, rotate, revoke, rewrap, import, export-public\n" in done.stderr
    done = run("policy", "explain", "GET", "/x", "--json")
    assert done.returncode == 2 and b"no --json" in done.stderr, said(done)


def test_a_secret_is_never_an_argument(fleet):
    service = fleet.make()
    for words in (["user", "add", "x", "--password", "y"], ["client", "add", "x", "--secret", "y"],
                  ["token", "check", "eyJhbGciOiJub25lIn0.e30."]):
        assert service.try_cli(*words).returncode == 2


def test_output_that_cannot_be_written_is_a_failure(fleet):
    service = fleet.make()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary(), "user", "list", "--json", *map(str, service.flags())],
                              stdout=full,
                              stderr=subprocess.PIPE, env=environment(), check=False)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1


# ---- users ----

def test_the_words_of_the_first_hour(both):
    made = both.cli("user", "add", "carol", "--role", "user", "--scope", "read write", "--json",
                    stdin="the password of carol\n")
    assert set(made) >= {"user_id", "username", "roles", "scope"} and made["username"] == "carol"
    client = both.cli("client", "add", "web", "--grant", "client_credentials", "--scope",
                      "introspect", "--json")
    assert client["client_id"] == "web" and len(client["client_secret"]) >= 32
    assert "client_secret" not in str(both.cli("client", "list", "--json"))
    given = "a-secret-of-the-operators-own-choice-1234"
    own = both.cli("client", "add", "rs2", "--secret-stdin", "--grant",
                   "client_credentials,password,refresh_token",
                   "--scope", "read write introspect", "--json", stdin=given + "\n")
    assert own["grants"] == ["client_credentials", "password", "refresh_token"]
    key = both.cli("key", "rotate", "--json")
    assert key["kid"] and key["state"] == "pending"

    service = served(both)
    token = service.tokens("carol", "the password of carol", client=("rs2", given))["access_token"]
    assert service.introspect(token, ("web", client["client_secret"]))["sub"] == made["user_id"]


def test_a_users_life(both):
    def row():
        return {user["username"]: user
                for user in both.cli("user", "list", "--json")["users"]}.get("carol")

    assert row() is None
    user_id = both.cli("user", "add", "carol", "--json", stdin="the password of carol\n")["user_id"]
    assert row()["roles"] == [] and row()["scope"] == "" and row()["disabled"] is False
    both.cli("user", "roles", "carol", "--role", "a", "--role", "b", "--scope", "read")
    assert row()["roles"] == ["a", "b"] and row()["scope"] == "read"
    both.cli("user", "roles", "carol", "--role", "")
    assert row()["roles"] == [] and row()["scope"] == "read"
    both.cli("user", "roles", "carol", "--scope", "")
    assert row()["scope"] == ""
    both.cli("user", "disable", user_id)
    assert row()["disabled"] is True
    both.cli("user", "enable", "CAROL")
    assert row()["disabled"] is False and row()["user_id"] == user_id
    both.cli("user", "passwd", "carol", stdin="another password of carol\n")
    both.cli("user", "logout", "carol")
    both.cli("user", "remove", "carol")
    assert row() is None
    for words in (["disable"], ["enable"], ["logout"], ["remove"], ["roles"]):
        assert "no such user" in both.refused("user", *words, "carol",
                                              *(["--role", "x"] if words == ["roles"] else []))
    both.refused("user", "passwd", "carol", stdin="yet another password\n")


def test_a_removed_users_name_is_free_and_the_old_tokens_stay_dead(service):
    old = service.tokens()
    service.cli("user", "remove", "alice")
    oauth_error(service.login(), 400, "invalid_grant")
    service.cli("user", "add", "alice", "--id", "u-alice", "--scope", "read write",
                stdin=PASSWORDS["alice"] + "\n")
    assert not service.is_active(old["access_token"])
    oauth_error(service.refresh(old["refresh_token"]), 400, "invalid_grant")
    assert service.is_active(service.tokens()["access_token"])


@pytest.mark.parametrize("name, flags, password, says", [
    ("alice", [], "a good password", "exists already"),
    ("ALICE", [], "a good password", "exists already"),
    ("new", ["--id", "u-alice"], "a good password", "exists already"),
    ("new", ["--id", "client:rs"], "a good password", "user id"),
    ("new", ["--id", "a b"], "a good password", "user id"),
    ("new", ["--id", "x" * 65], "a good password", "user id"),
    ("new", ["--role", "two words"], "a good password", "ole"),
    ("new", ["--role", "a/b"], "a good password", "ole"),
    ("new", ["--role", 'a"b'], "a good password", "ole"),
    ("new", ["--scope", "a  b"], "a good password", "scopes"),
    ("new", ["--scope", "a a"], "a good password", "scopes"),
    ("new", ["--scope", "x" * 1100], "a good password", "scopes"),
    ("", [], "a good password", "user name"),
    (" new", [], "a good password", "user name"),
    ("new\n", [], "a good password", "user name"),
    ("n\x1bew", [], "a good password", "user name"),
    ("n" * 256, [], "a good password", "user name"),
    ("new", [], "", "no password"),
    ("new", [], "p" * 1025, "password"),
    ("new", [], "p" * 5000, "long"),
])
def test_a_user_who_cannot_be(both, name, flags, password, says):
    before = both.cli("user", "list", "--json")
    text = both.refused("user", "add", name, *flags, stdin=password + "\n")
    assert says in text, text
    assert both.cli("user", "list", "--json") == before


def test_a_password_that_is_not_utf8(both):
    done = subprocess.run([binary(), "user", "add", "new", *map(str, both.flags())],
                          input=b"\xff\xfe pass word\n",
                          capture_output=True, env=environment(), check=False)
    assert done.returncode == 1 and b"UTF-8" in done.stderr


def test_only_the_first_line_is_the_password(fleet):
    service = fleet.serve()
    service.cli("user", "add", "carol", stdin="first line of two\r\nsecond line of two\n")
    ok(service.login("carol", "first line of two"))
    service.cli("user", "add", "dave", stdin="without an end of line")
    ok(service.login("dave", "without an end of line"))


def test_rights_need_something_to_set(both):
    assert "neither" in both.refused("user", "roles", "alice")


def test_many_users_are_listed_page_by_page(service):
    first = service.admin("GET", "/admin/users?limit=2").json
    assert len(first["users"]) == 2
    rest = service.admin("GET", f"/admin/users?limit=2&after={first['next']}").json
    names = [user["username"] for user in first["users"] + rest["users"]]
    assert names == sorted(PASSWORDS) and "next" not in rest


def test_a_long_listing_says_that_there_is_more(fleet):
    service = fleet.make()
    service.cli("init")
    with sqlite3.connect(service.data / "tokend.db") as database:
        database.executemany(
            "INSERT INTO users SELECT :new, :new, :new, phc, roles, scopes, epoch, epoch_at, "
            "disabled, created_at, updated_at, version FROM users WHERE id = 'u-bob'",
            [{"new": f"user{i:04}"} for i in range(1000)])
    database.close()
    done = service.try_cli("user", "list")
    assert done.returncode == 0 and done.stdout.count(b"\n") == 1001
    assert done.stderr == b"tokend: there are more: --after 'user0996'\n"
    rest = service.cli("user", "list", "--after", "user0996", "--json")
    assert [user["username"] for user in rest["users"]] == ["user0997", "user0998", "user0999"]
    assert "next" not in rest
    service.start()
    assert service.cli("user", "list", "--after", "user0996", "--json") == rest
    assert service.cli("client", "list", "--after", "default",
                       "--json")["clients"][0]["client_id"] == "rs"


def test_tables_for_people(both):
    text = both.cli("user", "list")
    assert text.splitlines()[0].split() == ["user_id", "username", "roles", "scope", "disabled",
                                            "created_at"]
    assert "u-bob" in text and "user support" in text
    assert both.cli("client", "list").splitlines()[0].startswith("client_id")
    assert both.cli("key", "list").splitlines()[0].startswith("kid")
    assert both.cli("user", "logout", "alice") == ""


# ---- clients ----

@pytest.mark.parametrize("client_id, flags, secret, says", [
    ("rs", ["--grant", "password"], None, "exists already"),
    ("new", [], None, "grants"),
    ("new", ["--grant", "implicit"], None, "grants"),
    ("new", ["--grant", ""], None, "grants"),
    ("a b", ["--grant", "password"], None, "client id"),
    ("x" * 65, ["--grant", "password"], None, "client id"),
    ("ü", ["--grant", "password"], None, "client id"),
    ("new", ["--grant", "client_credentials", "--public"], None, "public"),
    ("new", ["--grant", "password", "--scope", "a  b"], None, "scopes"),
    ("new", ["--grant", "password", "--secret-stdin"], "too short", "32"),
    ("new", ["--grant", "password", "--secret-stdin"], "", "no secret"),
    ("new", ["--grant", "password", "--secret-stdin"], "x" * 257, "256"),
])
def test_a_client_that_cannot_be(both, client_id, flags, secret, says):
    before = both.cli("client", "list", "--json")
    text = both.refused("client", "add", client_id, *flags, stdin=(secret + "\n")
                        if secret is not None else "")
    assert says in text, text
    assert both.cli("client", "list", "--json") == before


def test_a_clients_life(both):
    both.cli("client", "add", "web", "--grant", "password client_credentials")
    assert len(both.cli("client", "secret", "web", "--json")["client_secret"]) >= 32
    both.cli("client", "secret", "web", "--secret-stdin", "--only", stdin="x" * 40 + "\n")
    both.cli("client", "remove", "web")
    for words in (["secret"], ["remove"]):
        assert "no such client" in both.refused("client", *words, "web")
    assert "public" in both.refused("client", "secret", "default")


def test_the_secret_comes_with_a_warning(both):
    done = both.try_cli("client", "secret", "rs")
    assert done.returncode == 0 and b"client_secret: " in done.stdout
    assert b"cannot be shown again" in done.stderr
    both.secrets.add(done.stdout.decode().split("client_secret: ")[1].split("\n")[0])


# ---- tokens ----

def test_token_check(service):
    pair = service.tokens()
    told = service.cli("token", "check", "--json", stdin=pair["access_token"] + "\n")
    assert told["active"] and told["username"] == "alice" and told["roles"] == ["user"]
    text = service.cli("token", "check", stdin=pair["refresh_token"])
    assert "active: true" in text and "token_use: refresh" in text
    for bad in ("x", "a.b.c", pair["access_token"][:-5], "tkr_x"):
        done = service.try_cli("token", "check", "--json", stdin=bad + "\n")
        assert done.returncode == 1 and json.loads(done.stdout)["active"] is False
    assert service.try_cli("token", "check", stdin="").returncode == 1
    assert service.try_cli("token", "check", stdin="x" * 20000).returncode == 1
    # Without a daemon the same code looks at the same data.
    service.stop()
    assert service.cli("token", "check", "--json", stdin=pair["access_token"])["active"]
    assert service.cli("token", "check", "--json", stdin=pair["refresh_token"])["active"]


def test_what_is_done_without_a_daemon_is_in_force_when_one_starts(service):
    pair, other = service.tokens(), service.tokens("bob")
    service.stop()
    service.cli("user", "logout", "alice")
    service.cli("client", "remove", "svc")
    kid = service.cli("key", "rotate", "--now", "--json")["kid"]
    service.start()
    assert not service.is_active(pair["access_token"]) and service.is_active(other["access_token"])
    oauth_error(service.post("/introspect", {"token": "x"}, basic=SVC), 401, "invalid_client")
    assert jwt.header(service.tokens()["access_token"])["kid"] == kid


# ---- configuration ----

def test_config_show_and_check(fleet, tmp_path):
    service = fleet.make({"access_token.ttl_s": 7})
    shown = service.cli("config", "show", "--json")
    assert shown["access_token.ttl_s"] == 7 and shown["issuer"] == service.issuer
    assert "access_token.ttl_s: 7" in service.cli("config", "show")
    assert service.cli("config", "check") == "the configuration is good\n"
    path = tmp_path / "tokend.yaml"
    path.write_text("access_token:\n  ttl_s: 90s\nthrottle: {enabled: false}\n")
    done = run("config", "show", "--json", "--config", path)
    assert json.loads(done.stdout)["access_token.ttl_s"] == 90
    lines = run("config", "show", "--config", path).stdout.decode().splitlines()
    flags = [line.replace(": ", "=") for line in lines if line.endswith((": true", ": false"))]
    assert "throttle.enabled=false" in flags
    again = run("config", "show", "--json", "--config", path, *sum((["--set", f] for f in flags), []))
    assert again.returncode == 0 and again.stdout == done.stdout, said(again)
    path.write_text("access_token:\n  ttl_s: 90s\n  nonsense: 1\n")
    done = run("config", "check", "--config", path)
    assert done.returncode == 1 and f"{path}:3: ".encode() in done.stderr, said(done)


def test_the_environment_is_below_the_command_line(tmp_path):
    env = environment(TOKEND_ACCESS_TOKEN__TTL_S="11")
    shown = json.loads(run("config", "show", "--json", env=env).stdout)
    assert shown["access_token.ttl_s"] == 11
    done = run("config", "show", "--json", "--set", "access_token.ttl_s=12", env=env)
    assert json.loads(done.stdout)["access_token.ttl_s"] == 12
    done = run("config", "check", env=environment(TOKEND_NONSENSE="1"))
    assert done.returncode == 1 and b"TOKEND_NONSENSE" in done.stderr


@pytest.mark.parametrize("setting, says", [
    ("access_token.ttl_s=0", "access_token.ttl_s"),
    ("access_token.ttl_s=86401", "access_token.ttl_s"),
    ("access_token.ttl_s=-1", "access_token.ttl_s"),
    ("access_token.ttl_s=ten", "access_token.ttl_s"),
    ("access_token.ttl_s=", "access_token.ttl_s"),
    ("access_token.ttl_s", "access_token.ttl_s"),
    ("access_token.ttl=5", "did you mean access_token.ttl_s"),
    ("nonsense=5", "unknown option"),
    ("throttle.enabled=maybe", "throttle.enabled"),
    ("log.level=loud", "log.level"),
    ("refresh.grace_s=601", "refresh.grace_s"),
    ("http.connections_max=99999999999999999999", "http.connections_max"),
    ("argon2.m_kib=1024", "argon2"),
    ("listen=localhost", "listen"),
    ("listen=127.0.0.1:99999", "listen"),
    ("cors.origins=*", "cors.origins"),
    ("login.default_client=a b", "login.default_client"),
    ("throttle.trusted_proxies=10.0.0.1/8", "throttle.trusted_proxies"),
    ("tls.cert_file=/x", "tls.key_file"),
    ("admin.listen=0.0.0.0:81", "admin.listen"),
    ("issuer=a b", "issuer"),
])
def test_a_setting_that_cannot_be(tmp_path, setting, says):
    for words in (["config", "check"], ["serve"], ["init"], ["user", "list"]):
        done = run(*words, "--data", tmp_path / "data", "--set", setting)
        assert done.returncode == 1 and says in done.stderr.decode(), said(done)
        assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "data").exists()


# ---- from a terminal ----

class Terminal:
    def __init__(self, *words):
        self.shown = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execve(binary(), [binary(), *map(str, words)], environment())
        self.pid = pid

    def wait_for(self, text):
        def seen():
            self.shown += os.read(self.fd, 1000)
            return text in self.shown
        wait_until(seen, f"it says {text!r}")

    def write(self, text):
        os.write(self.fd, text)

    def end(self):
        try:
            while True:
                more = os.read(self.fd, 1000)
                if not more:
                    break
                self.shown += more
        except OSError:
            pass  # the other side has gone
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_password_is_asked_twice_and_not_shown(fleet):
    service = fleet.make()
    terminal = Terminal("user", "add", "carol", *service.flags())
    terminal.wait_for(b"password: ")
    terminal.write(b"the password of carol\n")
    terminal.wait_for(b"again: ")
    terminal.write(b"the password of carol\n")
    assert terminal.end() == 0, terminal.shown
    assert b"the password of carol" not in terminal.shown
    ok(service.start().login("carol", "the password of carol"))


def test_two_passwords_that_differ(fleet):
    service = fleet.make()
    terminal = Terminal("user", "passwd", "alice", *service.flags())
    terminal.wait_for(b"password: ")
    terminal.write(b"one password or\n")
    terminal.wait_for(b"again: ")
    terminal.write(b"another password\n")
    assert terminal.end() == 1 and b"not the same" in terminal.shown
    ok(service.start().login())


def test_a_command_waits_for_a_daemon_that_is_starting(fleet):
    """Whoever has the folder first: neither fails, and neither is in the other's way."""
    service = fleet.make()
    for _ in range(8):
        before = len(service.log()) if service.log_path.exists() else 0
        service.spawn()
        answers = at_once(*[lambda: service.try_cli("user", "list", "--json")] * 3)
        assert {done.returncode for done in answers} == {0}, list(map(said, answers))
        wait_until(lambda: "ready on" in service.log(before), "it is ready")
        service.stop()
