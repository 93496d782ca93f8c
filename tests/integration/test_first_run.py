"""From nothing to a service, and every way in which a start goes wrong: one clear line."""

import os
import shutil
import socket
import sqlite3
import stat
import subprocess

import pytest

from support.service import Service, binary, environment, free_port, ok, refusal, run, said
from support.wait import limit, wait_until


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def start_fails(service):
    """serve ends by itself with exit code 1 and one line that says why."""
    done = run("serve", *service.flags(), env=service.env)
    return refusal(done)


# ---- init ----

def test_init_makes_a_private_folder_and_no_user(tmp_path):
    data = tmp_path / "new"
    done = run("init", "--data", data)
    assert done.returncode == 0, said(done)
    assert b"master key" in done.stderr and b"is ready" in done.stdout
    assert mode(data) == 0o700
    assert {path.name for path in data.iterdir()} >= {"lock", "master.key", "tokend.db"}
    assert all(mode(path) == 0o600 for path in data.iterdir())
    listed = run("user", "list", "--json", "--data", data)
    assert b'"users":[]' in listed.stdout.replace(b" ", b"")


def test_init_again_changes_nothing(tmp_path):
    data = tmp_path / "new"
    assert run("init", "--data", data).returncode == 0
    before = run("key", "list", "--json", "--data", data).stdout, (data / "master.key").read_bytes()
    again = run("init", "--data", data, "--json")
    assert again.returncode == 0 and again.stderr == b"" and b"ready" in again.stdout
    assert (run("key", "list", "--json", "--data", data).stdout,
            (data / "master.key").read_bytes()) == before


def test_who_removes_the_default_client_does_not_find_it_back(fleet):
    service = fleet.make()
    service.cli("client", "remove", "default")
    service.cli("init")
    assert "default" not in [row["client_id"]
                             for row in service.cli("client", "list", "--json")["clients"]]


def test_the_demo_can_be_tried_as_it_says(fleet):
    service = fleet.make(empty=True)
    text = service.cli("init", "--demo")
    assert "demo" not in service.cli("init",
                                     "--demo").replace(str(service.data), "")  # shown only once
    words = text.split()
    password, secret = words[words.index("password") + 1], words[words.index("secret") + 1]
    service.start()
    token = service.tokens("admin", password)["access_token"]
    told = service.introspect(token, ("demo-service", secret))
    assert told["username"] == "admin" and "admin" in told["roles"]
    ok(service.verify(token, "?role=admin"))
    commands = text[text.index("TOKEN="):]
    done = subprocess.run(["sh", "-c", commands], capture_output=True, timeout=limit(60),
                          check=False,
                          env=environment()) if shutil.which("curl") else None
    if done:
        assert done.stdout.count(b'"active":true') == 2, said(done)


def test_the_demo_says_where_it_will_be_served(tmp_path):
    """./dev serve gives both commands the same flags."""
    done = run("init", "--demo", "--data", tmp_path / "data", "--listen", "127.0.0.1:9090")
    assert done.stdout.count(b"http://127.0.0.1:9090/") == 3, said(done)


def test_serve_alone_makes_everything(fleet):
    service = fleet.serve(empty=True)
    assert mode(service.data) == 0o700 and mode(service.data / "master.key") == 0o600
    assert "master_key_made" in service.log()
    service.cli("user", "add", "carol", stdin="the password of carol\n")
    ok(service.verify(service.tokens("carol", "the password of carol")["access_token"]))


def test_the_defaults_are_safe(fleet):
    """With nothing set: loopback, and real costs of a hash."""
    service = fleet.make(empty=True)
    service.options = {}
    service.cli("init")
    shown = service.cli("config", "show", "--json")
    assert (shown["argon2.m_kib"], shown["argon2.t"], shown["throttle.enabled"]) == (19456, 2, True)
    assert run("config", "show", "--json").stdout.find(b'"127.0.0.1:8080"') > 0
    service.cli("user", "add", "carol", stdin="the password of carol\n")
    service.start()
    ok(service.login("carol", "the password of carol"))
    with sqlite3.connect(f"file:{service.data}/tokend.db?mode=ro", uri=True) as database:
        dump = "\n".join(database.iterdump())
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in dump


def test_the_seeds_words_on_the_command_line(fleet):
    service = fleet.make()
    service.process = subprocess.Popen(
        [binary(), "serve", "--data", service.data, "--listen", f"127.0.0.1:{service.port}",
         "--set", "access_token.ttl_s=5", "--set", "throttle.enabled=false"],
        stderr=open(service.log_path, "wb"), env=environment())
    wait_until(lambda: f"tokend: ready on http://127.0.0.1:{service.port}\n" in service.log(),
               "it is ready")
    got = service.tokens()
    assert got["expires_in"] == 5


def test_several_addresses(fleet):
    service = fleet.make()
    other = free_port()
    service.options["listen"] = f"127.0.0.1:{service.port} [::1]:{other}"
    service.start()
    assert f"ready on http://127.0.0.1:{service.port} http://[::1]:{other}\n" in service.log()
    assert service.get("/healthz/live", address=("127.0.0.1", service.port)).status == 200
    with socket.socket(socket.AF_INET6) as probe:
        probe.connect(("::1", other))


def test_a_port_of_the_kernels_choice(fleet):
    service = fleet.make()
    service.options["listen"] = "127.0.0.1:0"
    service.start()
    port = int(service.log().split("ready on http://127.0.0.1:")[1].split("\n")[0])
    assert service.get("/healthz/live", address=port).status == 200


# ---- what lies in the folder ----

def test_nothing_in_the_folder_is_a_usable_secret(service):
    pair = service.tokens(client=("rs", "the-secret-of-rs-0123456789abcdefghij"))
    secret = service.cli("client", "secret", "svc", "--json")["client_secret"]
    ok(service.refresh(pair["refresh_token"], client=("rs",
                                                      "the-secret-of-rs-0123456789abcdefghij")))
    stored = b"".join(path.read_bytes() for path in service.data.iterdir() if path.is_file())
    for text in (pair["access_token"].rpartition(".")[2], pair["refresh_token"], secret,
                 "alice's password", "the-secret-of-rs", "Zm9yZ2VyIGZvcmdlciBmb3JnZXI"):
        assert text.encode() not in stored


def test_the_socket_is_private_and_goes_with_the_daemon(service):
    path = service.data / "admin.sock"
    assert stat.S_ISSOCK(os.stat(path).st_mode) and mode(path) == 0o600
    assert all(mode(path) & 0o077 == 0 for path in service.data.iterdir())
    service.stop()
    service.refused("health")
    service.start()
    assert service.cli("health") == "ready\n"


def test_a_stale_socket_is_no_obstacle(fleet):
    service = fleet.serve()
    service.kill()
    assert (service.data / "admin.sock").exists()
    assert service.cli("user", "list",
                       "--json")["users"]  # nobody answers there: done without a daemon
    service.start()
    assert service.cli("health") == "ready\n"


def test_a_folder_with_a_very_long_name(stocked, tmp_path):
    folder = tmp_path
    for i in range(6):
        folder = folder / (f"{i}" + "long" * 10)
    folder.mkdir(parents=True)
    shutil.copytree(stocked, folder / "data")
    service = Service(folder / "data").start()
    try:
        assert len(str(service.data)) > 108
        assert service.cli("user", "list", "--json")["users"]
        assert service.cli("health") == "ready\n"
    finally:
        service.stop()


# ---- who is there already ----

def test_two_daemons_on_one_folder(service):
    second = Service(service.data)
    assert "in use by another tokend" in start_fails(second)
    assert service.cli("health") == "ready\n"
    ok(service.login())
    assert "in use" in second.refused("init")
    assert "in use" in second.refused("migrate")


def test_two_daemons_on_one_port(fleet):
    first = fleet.serve()
    second = fleet.make(port=first.port)
    text = start_fails(second)
    assert f"127.0.0.1:{first.port}: somebody else listens there already" in text
    ok(first.login())


def test_a_port_of_another_program(fleet):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        text = start_fails(fleet.make(port=other.getsockname()[1]))
    assert "somebody else listens there already" in text


def test_a_taken_port_leaves_no_folder_behind(fleet):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        service = fleet.make(port=other.getsockname()[1], empty=True)
        assert "somebody else listens there already" in start_fails(service)
        assert not service.data.exists()
    service.start()


def test_a_second_start_leaves_the_first_ones_socket_alone(service):
    start_fails(Service(service.data, port=service.port))
    assert service.cli("health") == "ready\n"


# ---- the master key ----

def test_a_missing_master_key(fleet):
    service = fleet.make()
    os.unlink(service.data / "master.key")
    text = start_fails(service)
    assert "master.key is missing" in text and "master_key_file" in text
    assert not (service.data / "master.key").exists()


@pytest.mark.parametrize("content, says", [
    (b"A" * 43 + b"\n", "cannot be opened"),
    (b"0" * 64 + b"\n", "cannot be opened"),
    (os.urandom(32).replace(b"\n", b"x"), "cannot be opened"),
    (b"", "32 bytes"), (b"short", "32 bytes"), (b"!" * 43, "32 bytes"), (b"g" * 64, "32 bytes"),
    (b"A" * 500, "32 bytes"),
])
def test_a_wrong_master_key(fleet, content, says):
    service = fleet.make()
    (service.data / "master.key").write_bytes(content)
    assert says in start_fails(service)
    assert says in service.refused("user", "list")


def test_a_master_key_that_others_can_read(fleet):
    service = fleet.make()
    os.chmod(service.data / "master.key", 0o644)
    text = start_fails(service)
    assert "can be read by others" in text and "chmod 600" in text


def test_a_master_key_from_elsewhere(fleet, tmp_path):
    service = fleet.make()
    key = (service.data / "master.key").read_text()
    service.options["master_key_file"] = str(tmp_path / "key")
    assert "does not exist" in start_fails(service)
    os.rename(service.data / "master.key", tmp_path / "key")
    service.start()
    ok(service.login())
    service.stop()
    del service.options["master_key_file"]
    service.env = environment(TOKEND_MASTER_KEY=key)
    service.start()
    ok(service.login())
    service.stop()
    os.mkdir(tmp_path / "credentials")
    os.rename(tmp_path / "key", tmp_path / "credentials" / "tokend.master-key")
    service.env = environment(CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))
    service.start()
    ok(service.login())
    assert not (service.data / "master.key").exists()
    assert key.strip() not in service.log()


def test_a_master_key_that_cannot_be_read(fleet):
    """By root neither: its folder is a file, or it is a folder itself."""
    service = fleet.make()
    for path in (service.data / "lock" / "key", service.data):
        service.options["master_key_file"] = path
        assert str(path) in start_fails(service)


# ---- the database ----

def change(service, sql):
    with sqlite3.connect(service.data / "tokend.db") as database:
        database.execute(sql)
    database.close()


def test_a_newer_database(fleet):
    service = fleet.make()
    change(service, "PRAGMA user_version=9999")
    for text in (start_fails(service), service.refused("migrate"), service.refused("user", "list")):
        assert "newer tokend" in text and "9999" in text


def test_a_database_of_another_program(fleet):
    service = fleet.make()
    change(service, "PRAGMA application_id=1")
    assert "another program" in start_fails(service)


def test_a_database_that_is_none(fleet):
    service = fleet.make()
    (service.data / "tokend.db").write_bytes(b"this is no database at all" * 100)
    assert "tokend.db" in start_fails(service)


def test_migrate_says_from_where_to_where(fleet):
    service = fleet.make()
    done = service.cli("migrate", "--json")
    assert done["from"] == done["to"] >= 1
    assert "already" in service.cli("migrate")
    empty = fleet.make(empty=True)
    assert "does not exist" in empty.refused("migrate")


# ---- the folder ----

def test_a_folder_that_others_can_enter(fleet):
    service = fleet.make()
    for bits in (0o755, 0o750, 0o701):
        os.chmod(service.data, bits)
        text = start_fails(service)
        assert "can be entered by others" in text and "chmod 700" in text
        assert mode(service.data) == bits  # it is refused, not silently changed
    os.chmod(service.data, 0o700)
    service.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else(fleet):
    service = fleet.make()
    os.chown(service.data, 12345, 12345)
    assert "belongs to uid 12345" in start_fails(service)


def test_a_folder_that_cannot_be(fleet, tmp_path):
    service = fleet.make(empty=True)
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "not" / "there"):
        service.data = path
        assert str(path) in start_fails(service)
    service.data = fleet.folder / "x"
    for words in (["user", "list"], ["migrate"], ["key", "rotate"], ["user", "add", "x"]):
        service.data = tmp_path / "nothing"
        assert "tokend init" in service.refused(*words, stdin="a good password\n")
    assert not (tmp_path / "nothing").exists()


# ---- addresses ----

@pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "192.0.2.1", ""])
def test_plain_http_beyond_loopback_is_refused(fleet, address):
    service = fleet.make()
    service.options["listen"] = f"{address}:{service.port}"
    text = start_fails(service)
    assert "clear" in text and "listen.insecure=true" in text


def test_plain_http_beyond_loopback_when_a_proxy_ends_tls(fleet):
    service = fleet.make({"listen.insecure": "true"})
    service.options["listen"] = f"0.0.0.0:{service.port}"
    service.start()
    ok(service.login())


def test_an_address_that_is_not_ours(fleet):
    service = fleet.make({"listen.insecure": "true"})
    service.options["listen"] = f"192.0.2.1:{service.port}"
    assert "192.0.2.1" in start_fails(service)


def test_too_few_open_files(fleet):
    service = fleet.make()
    done = subprocess.run(["sh", "-c", 'ulimit -n 512; exec "$@"', "sh", binary(), "serve",
                           *map(str, service.flags())],
                          capture_output=True, env=environment(), timeout=limit(60), check=False)
    text = refusal(done)
    assert "http.connections_max" in text and "512" in text
