"""What the lint scripts share: which files there are, C without its comments, and how to report.

A check is a script `check_<name>` with one function `findings(root)` that yields
(path, line, text). It exits 1 when there is any finding and 2 when it could not look at all:
a check that looked at nothing must not say that all is well.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

# Never looked at when there is no git to ask: what builds, tests and services leave behind.
LEFT_BEHIND = {".git", "build", "data", "__pycache__", ".pytest_cache", ".cache"}

COMMENT_OR_LITERAL = re.compile(
    r"""/\*.*?\*/ | //(?:\\\n|[^\n])* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)


def project_files(root):
    """Every file that is or could be committed, as sorted paths relative to root."""
    listed = subprocess.run(
        # The checkout may belong to another user than the one who lints it (containers do that).
        ["git", "-c", "safe.directory=*", "-C", str(root),
         "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False,
    ) if (root / ".git").exists() and git_exists() else None
    if listed and listed.returncode == 0:
        names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    else:
        names = set(walked(root))
    return [pathlib.PurePosixPath(name) for name in sorted(names) if (root / name).is_file()]


def git_exists():
    return any(os.access(os.path.join(folder, "git"), os.X_OK) for folder in os.get_exec_path())


def walked(root):
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in LEFT_BEHIND]
        for name in names:
            yield pathlib.Path(folder, name).relative_to(root).as_posix()


def c_files(root, *rooms):
    """The C sources, headers and X-macro tables below the given top folders."""
    return [path for path in project_files(root)
            if path.suffix in {".c", ".h", ".def"} and path.parts[0] in rooms]


def read(root, path):
    # Not read_text(): it would hide carriage returns.
    return (root / path).read_bytes().decode("utf-8", "replace")


def bare(text):
    """C with comments and the insides of literals blanked; every line keeps its number."""
    def blank(match):
        piece = match.group(0)
        if piece[0] == "/":
            return re.sub(r"[^\n]", " ", piece)
        return piece[0] + re.sub(r"[^\n]", " ", piece[1:-1]) + piece[-1]
    return COMMENT_OR_LITERAL.sub(blank, text)


def main(findings):
    """Run a check from the command line and never return."""
    script = os.path.basename(sys.argv[0])
    parser = argparse.ArgumentParser(prog=script, description=findings.__doc__)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2],
                        help="the project to look at (default: this one)")
    root = parser.parse_args().root
    if not project_files(root):
        print(f"{script}: no files under {root}", file=sys.stderr)
        sys.exit(2)
    found = list(findings(root))
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    sys.exit(1 if found else 0)
