"""node, with the npm packages of tests/clients/npm, and the programs there."""

import json
import pathlib
import select
import subprocess

from support.service import environment
from support.wait import limit

# Made by ./dev test clients. The programs are linked there: node finds packages above a program.
FOLDER = pathlib.Path(__file__).resolve().parents[3] / "build" / "npm"
NODE = ["node", "--preserve-symlinks", "--preserve-symlinks-main"]
GRANTED = {"access_token", "refresh_token"}


def package(name):
    """The folder of a package."""
    folder = FOLDER / "node_modules" / name
    assert folder.is_dir(), f"no npm package {name} in build/npm: run ./dev test clients"
    return folder


class Thrown(Exception):
    """By the library: name, code, message and what else its error has said; `cause` the same."""

    def __init__(self, told):
        super().__init__(told)
        self.told = told

    def __getattr__(self, name):
        return self.told.get(name)


class Program:
    """tests/clients/npm/NAME.mjs, which does one thing for each line that it is given. What it is
    granted goes into `secrets`. `ca`: of a certificate to be trusted."""

    def __init__(self, name, secrets, ca=None):
        package("jose")
        self.secrets = secrets
        self.process = subprocess.Popen(
            [*NODE, FOLDER / "programs" / f"{name}.mjs"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment(NODE_EXTRA_CA_CERTS=str(ca or "")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(limit(10))
        finally:
            self.process.kill()
            self.process.stdout.close()

    def do(self, action, **given):
        """What came of it, or Thrown."""
        self.process.stdin.write(json.dumps({"do": action} | given) + "\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], limit(30))[0], f"{action} hangs"
        line = self.process.stdout.readline()
        assert line, f"{action} ended the program"
        told = json.loads(line)
        if "thrown" in told:
            raise Thrown(told["thrown"])
        if isinstance(told["done"], dict):
            self.secrets |= {told["done"][name] for name in GRANTED & told["done"].keys()}
        return told["done"]
