"""tokend-fastapi as it is installed: a wheel, built and put into a clean environment, without a network."""

import ast
import email
import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tokend_fastapi import Tokend

from support.wait import limit

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "api" / "fastapi"
SOURCES = sorted((PACKAGE / "src" / "tokend_fastapi").glob("*.py"))
ALLOWED = {"fastapi", "starlette", "httpx", "jwt"}


def run(*command, cwd):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit(300),
                          check=False)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: a build leaves things behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE, folder / "source")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w",
        folder / "out", folder / "source", cwd=folder)
    built, = (folder / "out").glob("tokend_fastapi-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Debian's packages are what the wheel needs; nothing else comes from outside."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--system-site-packages", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", wheel, cwd=folder)
    return python


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        described, = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(archive.read(described))
    assert names == {f"tokend_fastapi/{path.name}" for path in SOURCES} | {"tokend_fastapi/py.typed"}
    assert metadata["Name"] == "tokend-fastapi" and metadata["Requires-Python"] == ">=3.9"
    needs = [need.partition(";")[0].strip() for need in metadata.get_all("Requires-Dist")]
    assert sorted(re.match("[a-z]+", need)[0] for need in needs) == ["fastapi", "httpx", "pyjwt"]
    assert metadata.get_payload().startswith("# tokend-fastapi")


def test_it_works_where_it_is_installed(environment, tmp_path):
    """Not from this tree: its folder is not on that interpreter's path."""
    program = tmp_path / "program.py"
    program.write_text('''
import tokend_fastapi, tokend_fastapi.local, tokend_fastapi.testing
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
assert "site-packages" in tokend_fastapi.__file__, tokend_fastapi.__file__
auth = tokend_fastapi.Tokend("https://auth.example", "id", "secret")
app = FastAPI()

@app.get("/me")
def me(user: tokend_fastapi.User = Depends(auth.user)):
    return user.id

with tokend_fastapi.testing.FakeIssuer().checking(auth) as issuer:
    assert TestClient(app).get("/me", headers=issuer.headers("alice")).json() == "alice"
    assert TestClient(app).get("/me").status_code == 401
print("works")
''')
    assert run(environment, program, cwd=tmp_path).strip() == "works"


def test_pip_finds_nothing_missing(environment, tmp_path):
    told = run(environment, "-m", "pip", "show", "tokend-fastapi", cwd=tmp_path)
    assert "Requires: fastapi, httpx" in told


# ---- its README ----

README = (PACKAGE / "README.md").read_text()


def test_the_code_of_the_readme_works(environment, tmp_path):
    """As it stands there, the application and then its test, in one file."""
    application, its_test = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "test_readme.py").write_text(
        "import pytest\nfrom fastapi.testclient import TestClient\n"
        "from tokend_fastapi.testing import FakeIssuer\nSECRET = 'x'\n" + application + its_test)
    told = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".", cwd=tmp_path)
    assert "1 passed" in told


def test_the_commands_of_the_readme_work(fleet):
    """The client that they make may introspect; the option that they set is one."""
    lines = [line.partition("#")[0].split()[1:] for line in README.splitlines()
             if line.startswith("    tokend ")]
    client, serve = lines
    service = fleet.make(dict([serve[serve.index("--set") + 1].split("=", 1)]))
    secret = re.search(r"[A-Za-z0-9_-]{32,}", service.cli(*client))[0]
    service.start()
    told = service.introspect(service.tokens()["access_token"], client=(client[2], secret))
    assert told["active"] is True


@pytest.mark.parametrize("name", [name for name in inspect.signature(Tokend).parameters
                                  if name not in ("issuer", "client_id", "client_secret", "check")])
def test_the_readme_has_every_argument_and_its_default(name):
    row, = [line.split("|") for line in README.splitlines()
            if line.startswith("|") and f"`{name}`" in line.split("|")[1]]
    default = inspect.signature(Tokend).parameters[name].default
    if isinstance(default, (int, float)):
        assert f"{default:g}" in row[2]


# ---- Python 3.9 ----

@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_its_syntax_is_that_of_python_39(path):
    ast.parse(path.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_evaluates_nothing_that_python_39_has_not(path):
    """`X | Y` between types, and what newer standard libraries have."""
    tree = ast.parse(path.read_text())
    lazy = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    annotations = {id(inner) for node in ast.walk(tree) for part in annotated(node)
                   for inner in ast.walk(part)} if lazy else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            assert id(node) in annotations, f"line {node.lineno}"
        if isinstance(node, ast.keyword):
            assert node.arg not in ("slots", "kw_only"), f"line {node.value.lineno}"
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "asyncio":
            assert node.attr not in ("timeout", "TaskGroup", "Runner"), f"line {node.lineno}"


def annotated(node):
    return [part for name in ("annotation", "returns")
            if (part := getattr(node, name, None)) is not None]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_needs_nothing_but_what_it_says(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
            [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            top = name.partition(".")[0]
            assert top in ALLOWED or top in sys.stdlib_module_names, f"line {node.lineno}: {name}"
