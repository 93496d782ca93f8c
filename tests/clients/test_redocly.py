"""Redocly's linter on the description of the interface."""

import subprocess

from peers.node import package
from support.description import FILE
from support.service import environment
from support.wait import limit

# Its own rules as they are recommended: none is turned off, and a warning counts as an error.
LINT = ["lint", "--extends", "recommended", "--max-problems", "1000", "--format", "stylish"]


def lint(path):
    program = package("@redocly/cli") / "bin" / "cli.js"
    quiet = environment(REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true", CI="true")
    done = subprocess.run(["node", program, *LINT, path], cwd=path.parent, env=quiet, text=True,
                          capture_output=True, timeout=limit(120), check=False)
    return done.returncode, done.stdout + done.stderr


def test_redocly_finds_nothing():
    code, said = lint(FILE)
    assert code == 0 and "warning" not in said and "error" not in said, said


def test_redocly_would_find_something(tmp_path):
    """What it says is read rightly: a mistake and a mere blemish."""
    text = FILE.read_text()
    for told, spoilt in (
            ("error", text.replace("operationId: live", "operationId: ready", 1)),
            ("warning", text.replace("  schemas:\n", "  schemas:\n    Nobody: {type: string}\n", 1))):
        copy = tmp_path / "openapi.yaml"
        copy.write_text(spoilt)
        _, said = lint(copy)
        assert spoilt != text and told in said, said
