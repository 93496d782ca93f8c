"""A disk without room: writes are refused in words, checks go on, and with room all is well again.

No file of the service may grow (RLIMIT_FSIZE): to a program this is a full disk, and it needs no mount. The log
is a file too.
"""

import resource

from books import Books
from support.service import APP, RS, SVC, ok
from support.wait import Background, wait_until

ROOM = resource.RLIM_INFINITY


def let_files_grow_to(service, size):
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, ROOM))


def is_ready(service):
    return service.get("/healthz/ready").status == 200


def refused(answer):
    """The words of RFC 6749 at its endpoints, ours elsewhere; Retry-After is checked for every 503."""
    assert answer.status == 503, answer
    assert answer.json.get("error") == "temporarily_unavailable" or "detail" in answer.json, answer


def test_without_room_nothing_is_written_and_all_else_goes_on(fleet):
    service = fleet.serve()
    session, other, third = (service.tokens(client=APP) for _ in range(3))
    let_files_grow_to(service, 0)
    for _ in range(3):
        refused(service.login(client=APP))
        refused(service.refresh(session["refresh_token"], client=APP))
        refused(service.revoke(other["access_token"], client=APP))
        refused(service.revoke(third["refresh_token"], client=APP))
        refused(service.admin("POST", "/admin/users", {"username": "late", "password": "much too late"}))
        refused(service.admin("POST", "/admin/keys/rotate", {"now": True}))
        for pair in (session, other, third):
            assert service.is_active(pair["access_token"], RS)
        service.client_token(SVC)
        ok(service.get("/.well-known/jwks.json"))
    answer = service.get("/healthz/ready")
    refused(answer)
    assert "store_not_writable" in answer.body.decode()
    assert service.get("/healthz/live").status == 200

    let_files_grow_to(service, ROOM)
    wait_until(lambda: is_ready(service), "it writes again by itself")
    ok(service.refresh(session["refresh_token"], client=APP))
    ok(service.revoke(other["access_token"], client=APP))
    ok(service.revoke(third["refresh_token"], client=APP))
    assert not service.is_active(other["access_token"], RS)
    assert not service.is_active(third["access_token"], RS)
    users = service.cli("user", "list", "--json")["users"]
    assert "late" not in [user["username"] for user in users]
    ok(service.login(client=APP))


def fill_up(service, books, size):
    """A load during which the disk fills up."""
    log = service.data / "tokend.db-wal"
    with Background(books.act, threads=4) as crowd:
        crowd.rounds(20)
        let_files_grow_to(service, log.stat().st_size + size)
        wait_until(lambda: crowd.results.count(503) >= 20 or crowd.failures, "writes are refused", 60)
    assert not crowd.failures, crowd.failures


def test_filling_up_in_the_middle_of_a_load_loses_nothing_acknowledged(fleet):
    service = fleet.serve({"log.level": "error"})
    books = Books(service)
    for size in (0, 4096, 50000):
        fill_up(service, books, size)
        let_files_grow_to(service, ROOM)
        wait_until(lambda: is_ready(service), "it writes again by itself")
        books.audit()


def test_a_crash_with_a_full_disk_loses_nothing_acknowledged(fleet):
    service = fleet.serve({"log.level": "error"})
    books = Books(service)
    fill_up(service, books, 10000)
    service.kill()
    service.start()
    books.audit()
