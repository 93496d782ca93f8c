"""kill -9 at any moment: what was acknowledged is there, nothing is half there, and one key signs."""

import random

import pytest

from books import Books
from database import check_database
from support.wait import Background

ROUNDS = 4
LONG_ROUNDS = 200
ROUNDS_PER_SERVICE = 5


def crash(service, books):
    """Killed at a moment that nothing about the service decides."""
    with Background(books.act, threads=6) as crowd:
        crowd.rounds(random.randrange(1, 120))
        service.kill()
    assert not crowd.failures, crowd.failures
    check_database(service.data / "tokend.db")
    service.start()
    books.audit()


def test_kill_9_in_the_middle_of_everything(fleet):
    service = fleet.serve()
    books = Books(service)
    for _ in range(ROUNDS):
        crash(service, books)


@pytest.mark.long
def test_kill_9_hundreds_of_times(fleet):
    for _ in range(LONG_ROUNDS // ROUNDS_PER_SERVICE):
        service = fleet.serve()
        books = Books(service)
        for _ in range(ROUNDS_PER_SERVICE):
            crash(service, books)
        service.stop()


@pytest.mark.parametrize("name", ["lock", "tokend.db", "tokend.db-wal", "master.key", "admin.sock"])
def test_kill_9_while_it_starts_for_the_first_time(fleet, name):
    """Cut off when this file has just appeared, it leaves something that starts."""
    service = fleet.make(empty=True).spawn()
    while service.running() and not (service.data / name).exists():
        pass
    assert service.running(), service.log()
    service.kill()
    service.start()
    states = [key["state"] for key in service.cli("key", "list", "--json")["keys"]]
    assert states == ["active"]
