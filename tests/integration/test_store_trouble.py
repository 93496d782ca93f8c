"""Another process has locked the database: checks go on, what is not stored is not acknowledged."""

import contextlib
import sqlite3

import pytest

from support.service import APP, oauth_error, ok


@contextlib.contextmanager
def locked(service):
    database = sqlite3.connect(service.data / "tokend.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


@pytest.fixture
def service(fleet):
    return fleet.serve({"store.busy_timeout_ms": 100})


def unavailable(answer):
    oauth_error(answer, 503, "temporarily_unavailable")
    assert int(answer.one("retry-after")) >= 1


def test_a_write_that_cannot_be_is_503_and_has_not_been(service):
    pair = service.tokens(client=APP)
    other = service.tokens(client=APP)
    with locked(service):
        unavailable(service.login(client=APP))
        unavailable(service.refresh(pair["refresh_token"], client=APP))
        unavailable(service.revoke(pair["access_token"], client=APP))
        unavailable(service.revoke(pair["refresh_token"], client=APP))
        # What was refused has not happened: a dropped revocation is never answered with 200.
        assert service.is_active(pair["access_token"])
        ok(service.verify(pair["access_token"], "?role=user"))
        assert service.client_token(("rs", "the-secret-of-rs-0123456789abcdefghij"))["access_token"]
    renewed = ok(service.refresh(pair["refresh_token"], client=APP))
    assert service.is_active(renewed["access_token"])
    ok(service.revoke(other["refresh_token"], client=APP))
    assert not service.is_active(other["access_token"])
    ok(service.login(client=APP))


def test_commands_say_so_in_one_line(service):
    with locked(service):
        service.refused("user", "add", "carol", stdin="the password of carol\n")
        service.refused("key", "rotate")
        assert service.cli("user", "list", "--json")["users"]  # reading needs no lock
    service.cli("user", "add", "carol", stdin="the password of carol\n")
