"""Another program that holds the lock of the database: a backup, an administrator with a shell."""

from database import locked
from support.service import APP, RS, SVC, ok
from support.wait import Background, wait_until


def test_a_write_waits_for_a_while_and_checks_do_not(fleet):
    service = fleet.serve({"store.busy_timeout_ms": 60000})
    pair = service.tokens(client=APP)
    with Background(lambda: service.login(client=APP), threads=1) as logins:
        with locked(service.data / "tokend.db"):
            before = len(logins.results)
            for _ in range(100):
                assert service.is_active(pair["access_token"], RS)
            service.client_token(SVC)
            # One may have been written when the lock came, and not yet counted.
            assert len(logins.results) <= before + 1
        logins.rounds(2)
    assert {answer.status for answer in logins.results} == {200}


def test_a_write_that_waits_too_long_is_refused(fleet):
    service = fleet.serve({"store.busy_timeout_ms": 100})
    pair = service.tokens(client=APP)
    with locked(service.data / "tokend.db"):
        for _ in range(3):
            assert service.login(client=APP).status == 503
            assert service.refresh(pair["refresh_token"], client=APP).status == 503
            assert service.is_active(pair["access_token"], RS)
        assert service.get("/healthz/ready").status == 503
    wait_until(lambda: service.get("/healthz/ready").status == 200, "it writes again by itself")
    ok(service.refresh(pair["refresh_token"], client=APP))
    ok(service.login(client=APP))
