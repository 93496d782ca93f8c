"""The lines that people paste: those of `tokend init --demo`, and all those of README.md."""

import json
import os
import pathlib
import re
import subprocess

import passlib.hash
import pytest

from support.service import binary, environment
from support.wait import limit

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture
def demo(fleet):
    """A service as `./dev serve` makes it, and what its making has printed."""
    service = fleet.make(empty=True)
    printed = service.cli("init", "--demo")
    password, = re.findall(r"password  (\S+)", printed)
    secret, = re.findall(r"secret    (\S+)", printed)
    service.secrets |= {password, secret}
    service.start()
    return service, printed, {"PASSWORD": password, "SECRET": secret}


def pasted(lines, stdin="", cwd=None, **variables):
    """What the lines print, one after the other in one shell."""
    done = subprocess.run(["sh", "-eu", "-c", "\n".join(lines)], env=environment(**variables),
                          input=stdin.encode(), capture_output=True, timeout=limit(30), cwd=cwd,
                          check=False)
    assert done.returncode == 0, done
    return done.stdout.decode()


def chapters():
    """Title -> the lines of README.md below it that stand there to be pasted."""
    found, title = {}, None
    for line in README.splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        elif line.startswith("    ") and line.strip():
            found.setdefault(title, []).append(line.strip())
    return found


def filled(lines, names):
    """The lines with what the reader puts in place of the names."""
    for name, value in names.items():
        assert any(name in line for line in lines), f"README.md has no {name} any more"
        lines = [line.replace(name, str(value)) for line in lines]
    return lines


def test_every_line_of_the_readme_is_pasted_here():
    assert set(chapters()) == {"Two commands", "A first token", "For the operator", "Moving in",
                               "Backup and restore"}


def test_the_two_commands_are_there():
    verbs = pasted([f"{ROOT}/dev help"])
    for line in chapters()["Two commands"]:
        word, verb, *_ = line.split()
        assert word == "./dev" and re.search(rf"^  {verb} ", verbs, re.MULTILINE), line


def assert_admin(printed):
    """The answers of /introspect and /verify, which stand at the end, one right after the other."""
    start = printed.index('{"active"')
    introspected, end = json.JSONDecoder().raw_decode(printed, start)
    rest = printed[end:].strip()
    verified = json.loads(rest)
    for told in (introspected, verified):
        assert told["active"] is True and told["username"] == "admin" and "admin" in told["roles"]


def test_the_lines_of_the_demo(demo):
    _, printed, _ = demo
    lines = [line for line in printed.splitlines() if "curl " in line]
    assert len(lines) == 3
    assert_admin(pasted(lines))


def test_a_first_token(demo):
    service, _, secrets = demo
    lines = chapters()["A first token"]
    assert len(lines) == 3 and all("127.0.0.1:8080" in line for line in lines)
    here = filled(lines, {"127.0.0.1:8080": f"127.0.0.1:{service.port}"})
    assert_admin(pasted(here, **secrets))


def test_a_wrong_password_gets_no_token(demo):
    _, printed, secrets = demo
    lines = [line.replace(secrets["PASSWORD"], "wrong")
             for line in printed.splitlines() if "curl " in line]
    answers = pasted(lines)
    assert '"active": true' not in answers and '"active":true' not in answers
    assert "Could not validate credentials" in answers


# ---- the operator's lines, where `tokend` is the binary and `data` its data folder ----

PASSWORD = "the password of alice, which is long"


@pytest.fixture
def place(fleet, tmp_path):
    service = fleet.make(empty=True)
    (tmp_path / "data").symlink_to(service.data.name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tokend").symlink_to(binary())
    service.cli("init")
    service.start()
    return service, tmp_path


def in_place(place, lines, stdin=""):
    service, folder = place
    service.secrets.add(PASSWORD)
    return pasted(lines, stdin, folder, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")


def test_the_operators_lines(place):
    service, folder = place
    make_key, = re.findall(r"`(\([^`]*\) *)`", README)
    file = folder / "new.key"
    kid = service.cli("key", "list", "--json")["keys"][0]["kid"]
    names = {"KID": kid, "FILE": file}
    lines = filled(chapters()["For the operator"], names)
    add = [line for line in lines if line.startswith("tokend user add")]
    rest = [line for line in lines if line not in add]
    assert all(line.startswith("tokend ") for line in lines) and len(add) == 1
    in_place(place, add, stdin=PASSWORD + "\n")
    token = service.tokens("alice", PASSWORD)["access_token"]
    assert service.verify(token, "?role=user&scope=read%20write").status == 200
    in_place(place, filled([make_key], {"FILE": file}))
    in_place(place, rest)
    assert service.verify(token).status == 401
    assert "my-api" in {client["client_id"]
                        for client in service.cli("client", "list", "--json")["clients"]}
    assert len(service.cli("key", "list", "--json")["keys"]) == 2


def test_moving_in(place):
    service, folder = place
    names, = re.findall(r"`(username,[^`]*)`", README)
    row = {"username": "ann", "password_hash": passlib.hash.bcrypt.using(rounds=4).hash(PASSWORD),
           "id": "42", "roles": "user"}
    table = [names, ",".join(row.get(name, "") for name in names.split(","))]
    (folder / "users.csv").write_text("\n".join(table) + "\n")
    tried, done = (in_place(place, [line]) for line in chapters()["Moving in"])
    assert "bcrypt" in tried and done
    assert service.verify(service.tokens("ann", PASSWORD)["access_token"], "?owner=42").status == 200


def test_backup_and_restore(place):
    service, folder = place
    for name in ("backup", "safe"):
        (folder / name).mkdir()
    lines = filled(chapters()["Backup and restore"],
                   {"/backup": folder / "backup", "/safe": folder / "safe", "DIR": "data",
                    " -o tokend -g tokend": ""})
    stop, start = (next(i for i, line in enumerate(lines) if line.startswith(words))
                   for words in ("systemctl stop tokend", "systemctl start tokend"))
    service.cli("user", "add", "alice", stdin=PASSWORD + "\n")
    in_place(place, lines[:stop])
    made, = (folder / "backup").iterdir()
    service.cli("user", "add", "late", stdin=PASSWORD + "\n")
    service.stop()
    in_place(place, filled(lines[stop + 1:start], {"tokend-DAY.db": made.name}))
    assert start == len(lines) - 1
    service.start()
    service.tokens("alice", PASSWORD)
    assert service.login("late", PASSWORD).status == 400
