"""Somebody else's server: its process, from start to stop."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess

from support.wait import limit, wait_until


def path_of(name):
    """Debian keeps servers in /usr/sbin, which not everybody has in PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    assert found, f"no {name} here: ./dev need peers"
    return found


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(command, port, folder, env=None):
    """Until the block ends. `command` must stay in the foreground and serve on `port`."""
    log_path = folder / "log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env=env, start_new_session=True)

    def ready():
        assert process.poll() is None, f"{command[0]} ended:\n{log_path.read_text()}"
        return listens(port)

    try:
        wait_until(ready, f"{command[0]} serves on {port}", 30)
        yield process
        assert process.poll() is None, f"{command[0]} died:\n{log_path.read_text()[-4000:]}"
    finally:
        stop(process)


def stop(process):
    """Politely, and then with all that it has started."""
    process.terminate()
    try:
        process.wait(limit(10))
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(limit(10))
