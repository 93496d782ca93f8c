"""node, with the npm packages of tests/clients/npm, and the programs there."""

import json
import pathlib
import select
import subprocess

from support.service import environment
from support.wait import limit

# Made by ./dev test clients. The programs are linked there, where node finds the packages above them.
FOLDER = pathlib.Path(__file__).resolve().parents[3] / "build" / "npm"
NODE = ["node", "--preserve-symlinks", "--preserve-symlinks-main"]


def package(name):
    """The folder of a package."""
    folder = FOLDER / "node_modules" / name
    assert folder.is_dir(), f"no npm package {name} in build/npm: run ./dev test clients"
    return folder


class Refused(Exception):
    """What the library has thrown: `told` has its name, code, message and what the program added."""

    def __init__(self, told):
        super().__init__(told)
        self.told = told


class Program:
    """tests/clients/npm/NAME.mjs, which does one thing for each line that it is given."""

    def __init__(self, name, settings, ca=None):
        more = {"NODE_EXTRA_CA_CERTS": str(ca)} if ca else {}
        package("jose")
        self.process = subprocess.Popen(
            [*NODE, FOLDER / "programs" / (name + ".mjs"), json.dumps(settings)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(**more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(limit(10))
        finally:
            self.process.kill()
            self.process.stdout.close()

    def do(self, action, **arguments):
        """What came of it, or Refused."""
        self.process.stdin.write(json.dumps({"do": action} | arguments) + "\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], limit(30))[0], f"{action} hangs"
        line = self.process.stdout.readline()
        assert line, f"{action} ended the program"
        told = json.loads(line)
        if "thrown" in told:
            raise Refused(told["thrown"])
        return told["done"]
