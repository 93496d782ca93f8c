"""The lines that people paste first: those of `tokend init --demo`, and those of README.md."""

import json
import pathlib
import re
import subprocess

import pytest

from support.service import environment
from support.wait import limit

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


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


def pasted(lines, **variables):
    """What the lines print, one after the other in one shell."""
    done = subprocess.run(["sh", "-eu", "-c", "\n".join(lines)], env=environment(**variables),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=limit(30),
                          check=False)
    assert done.returncode == 0, done
    return done.stdout.decode()


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


def test_the_lines_of_the_readme(demo):
    service, _, secrets = demo
    section = README.read_text().split("## A first token")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    here = [line.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}") for line in lines]
    assert all(str(service.port) in line for line in here)
    assert_admin(pasted(here, **secrets))


def test_a_wrong_password_gets_no_token(demo):
    _, printed, secrets = demo
    lines = [line.replace(secrets["PASSWORD"], "wrong")
             for line in printed.splitlines() if "curl " in line]
    answers = pasted(lines)
    assert '"active": true' not in answers and '"active":true' not in answers
    assert "Could not validate credentials" in answers
