"""`./dev example`, and the lines of the example's README as they are pasted."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from peers.program import listens
from support.service import environment, free_port
from support.wait import limit, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "api" / "fastapi" / "example" / "README.md"


def start(folder, tokend, notes):
    """With addresses and a folder of its own; else as README.md has it."""
    command, = (line.partition("#")[0].split() for line in README.read_text().splitlines()
                if "./dev " in line)
    assert command == ["./dev", "example"]
    more = ["--tokend", f"127.0.0.1:{tokend}", "--notes", f"127.0.0.1:{notes}",
            "--data", folder / "example"]
    with open(folder / "out", "wb") as out:
        return subprocess.Popen([*command, *map(str, more)], cwd=ROOT, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                                env=environment(TOKEND_BIN=os.environ["TOKEND_BIN"]))


def said(folder):
    return (folder / "out").read_text()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Its process, its folder and its two ports."""
    folder = tmp_path_factory.mktemp("dev_example")
    tokend, notes = free_port(), free_port()
    process = start(folder, tokend, notes)
    try:
        wait_until(lambda: "Ctrl-C ends it" in said(folder) or process.poll() is not None,
                   "it says that it runs", 60)
        assert process.poll() is None, said(folder)
        yield process, folder, tokend, notes
    finally:
        # As Ctrl-C in a terminal: to all of the group, of which its two servers are none.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(limit(30)) == 0, said(folder)
        assert not listens(tokend) and not listens(notes), "a server is left"


def pasted(folder, tokend, notes):
    """What each of README's lines prints."""
    lines = [line.strip() for line in README.read_text().splitlines() if line.startswith("    ")]
    lines = [line for line in lines if not line.startswith("./dev")]
    assert len(lines) == 6
    text = "\n".join(f"{line}\necho; echo ----" for line in lines)
    for theirs, ours in (("build/example/", f"{folder}/example/"),
                         ("127.0.0.1:8080", f"127.0.0.1:{tokend}"),
                         ("127.0.0.1:8000", f"127.0.0.1:{notes}")):
        assert theirs in text
        text = text.replace(theirs, ours)
    done = subprocess.run(["sh", "-eu", "-c", text], cwd=ROOT, env=environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=limit(30),
                          check=False)
    assert done.returncode == 0, done
    return [part.strip() for part in done.stdout.decode().split("----")][:len(lines)]


def test_the_lines_of_the_readme(example):
    _, folder, tokend, notes = example
    _, _, added, listed, bobs, counts = pasted(folder, tokend, notes)
    assert json.loads(added) == {"id": 1, "text": "buy milk"}
    assert json.loads(listed) == [json.loads(added)]
    assert json.loads(bobs) == json.loads(counts) == {
        "detail": "Access forbidden: Insufficient permissions"}


def test_what_it_says(example):
    """Where, who and how: and the logins that it prints are those that work."""
    _, folder, tokend, notes = example
    text = said(folder)
    for words in (f"http://127.0.0.1:{notes}/docs", f"{folder}/example/passwords"):
        assert words in text
    logins = dict(re.findall(r"^  (alice|bob|admin) +(\S+)$", text, re.MULTILINE))
    assert len(logins) == 3
    for name, password in logins.items():
        told = subprocess.run(
            ["curl", "-s", f"http://127.0.0.1:{tokend}/token", "-d", "grant_type=password", "-d",
             f"username={name}", "--data-urlencode", f"password={password}"],
            capture_output=True, timeout=limit(30), check=True)
        assert json.loads(told.stdout)["access_token"]


def test_nobody_else_reads_its_secrets(example):
    _, folder, _, _ = example
    assert (folder / "example").stat().st_mode & 0o777 == 0o700
    assert (folder / "example" / "passwords").stat().st_mode & 0o777 == 0o600


def test_a_second_one_at_the_same_place_is_told_so(example):
    """And takes nothing away from the first."""
    _, folder, tokend, notes = example
    other = folder / "other"
    other.mkdir()
    before = (folder / "example" / "passwords").read_text()
    done = start(other, tokend, notes)
    assert done.wait(limit(30)) == 1
    assert said(other).strip() == f"./dev example: 127.0.0.1:{tokend}: Address already in use"
    assert (folder / "example" / "passwords").read_text() == before and listens(notes)


def test_when_the_application_dies_tokend_goes_too(tmp_path):
    tokend, notes = free_port(), free_port()
    process = start(tmp_path, tokend, notes)
    try:
        wait_until(lambda: "Ctrl-C ends it" in said(tmp_path), "it runs", 60)
        server, = re.findall(r"Started server process \[(\d+)\]", said(tmp_path))
        os.kill(int(server), signal.SIGKILL)
        assert process.wait(limit(30)) == 1
        assert said(tmp_path).rstrip().endswith("./dev example: the application has ended")
    finally:
        process.terminate()
        process.wait(limit(30))
    assert not listens(tokend) and not listens(notes)
