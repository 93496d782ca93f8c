"""Nobody reads the standard error of a service: its lines are lost, and nothing waits for them."""

import contextlib
import json
import os
import re
import signal
import subprocess

import pytest

from support.service import APP, READY, binary, oauth_error, ok
from support.wait import limit, wait_until


@contextlib.contextmanager
def unread(service):
    """The service, started, its standard error a pipe; the reading end, to be read by nobody."""
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:
        try:
            service.process = subprocess.Popen([binary(), "serve", *map(str, service.flags())],
                                               stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, stderr=writing,
                                               env=service.env)
        finally:
            os.close(writing)
        wait_until(lambda: service.running() and is_ready(service), "it is ready", 30)
        yield pipe


def is_ready(service):
    try:
        return service.get("/healthz/ready").status == 200
    except OSError:
        return False


def lost(service):
    text = service.admin("GET", "/metrics").body.decode()
    return int(re.search(r"^tokend_log_lines_lost_total (\d+)$", text, re.MULTILINE)[1])


def fail_to_log_in(service):
    oauth_error(service.login("alice", "not her password", client=APP), 400, "invalid_grant")


def fill(service):
    """Each failed login leaves a line of its own and one of the access log."""
    assert lost(service) == 0
    for _ in range(2000):
        fail_to_log_in(service)
        if lost(service) > 0:
            return
    pytest.fail("the pipe is never full")


def test_a_service_whose_log_nobody_reads_answers_and_ends(fleet):
    service = fleet.make()
    with unread(service) as pipe:
        fill(service)
        before = lost(service)
        for _ in range(20):
            assert service.get("/healthz/live").status == 200
        pair = service.tokens(client=APP)
        ok(service.refresh(pair["refresh_token"], client=APP))
        ok(service.verify(pair["access_token"]))
        fail_to_log_in(service)
        service.cli("key", "rotate")
        assert lost(service) > before
        service.signal(signal.SIGTERM)
        assert service.wait() == 0
        written = pipe.read()
    # Where the fleet looks for secrets.
    service.log_path.write_bytes(written)
    assert written.endswith(b"\n")
    assert READY.search(service.log())
    for line in READY.sub("", service.log()).splitlines():
        assert json.loads(line)["event"]


def test_a_log_that_is_read_again_goes_on(fleet):
    service = fleet.make()
    with unread(service) as pipe:
        fill(service)
        taken = os.read(pipe.fileno(), 1 << 20)
        before = lost(service)
        service.get("/healthz/live", [("X-Request-Id", "once-there-is-room")])
        service.stop()
        service.log_path.write_bytes(taken + pipe.read())
    assert '"once-there-is-room"' in service.log()
    assert before > 0
