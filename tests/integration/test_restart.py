"""What was acknowledged is there: after SIGTERM, after SIGKILL, and while things change."""

import random
import signal
import threading

from support import wire
from support.service import APP, PASSWORDS, RS, Service, oauth_error, ok
from support.wait import Background, wait_until

FORM = ("Content-Type", "application/x-www-form-urlencoded")


# ---- SIGTERM ----

def test_a_clean_stop_is_exit_code_0(fleet):
    for number in (signal.SIGTERM, signal.SIGINT):
        service = fleet.serve()
        ok(service.login())
        service.signal(number)
        assert service.wait() == 0
        assert not (service.data / "tokend.db-wal").exists()


def test_all_is_still_true_after_a_restart(service):
    pair, revoked, dead = (service.tokens(client=APP) for _ in range(3))
    ok(service.revoke(revoked["access_token"], client=APP))
    ok(service.revoke(dead["refresh_token"], client=APP))
    claims = service.introspect(pair["access_token"])
    for stop in (service.stop, service.kill):
        stop()
        service.start()
        assert service.introspect(pair["access_token"]) == claims
        for pair_ended in revoked, dead:
            assert not service.is_active(pair_ended["access_token"])
        oauth_error(service.refresh(dead["refresh_token"], client=APP), 400, "invalid_grant")
        pair["refresh_token"] = ok(service.refresh(pair["refresh_token"],
                                                   client=APP))["refresh_token"]


def test_logins_under_way_are_answered_before_the_end(fleet):
    """One is being hashed and two wait for it when the signal comes."""
    service = fleet.serve({"argon2.m_kib": 131072, "argon2.t": 4, "hasher.threads_count": 1,
                           "http.drain_s": 60})
    form = wire.encode({"grant_type": "password", "username": "alice",
                        "password": PASSWORDS["alice"]})
    login = wire.request_bytes("POST", "/token", [FORM], form.encode())
    idle, *busy = [wire.Wire(service.port) for _ in range(4)]
    idle.send(wire.request_bytes("GET", "/healthz/live"))
    assert idle.answer().status == 200
    for connection in busy:
        connection.send(login)
    wait_until(lambda: "tokend_hasher_waiting 2" in service.admin("GET", "/metrics").body.decode(),
               "two logins wait")
    service.signal(signal.SIGTERM)
    wait_until(lambda: not listens(service), "it takes no new connections")
    idle.send(wire.request_bytes("GET", "/healthz/ready"))
    draining = idle.answer()
    assert draining.status == 503 and draining.json == {"detail": "draining"}
    assert draining.one("connection") == "close"
    answers = [connection.answer() for connection in busy]
    for connection, answer in zip(busy, answers):
        assert answer.status == 200 and answer.one("connection") == "close"
        assert connection.is_closed()
    assert idle.is_closed()
    assert service.wait() == 0
    for connection in (idle, *busy):
        connection.close()
    service.start()
    for answer in answers:
        assert service.is_active(answer.json["access_token"])
        ok(service.refresh(answer.json["refresh_token"]))


def listens(service):
    try:
        wire.Wire(service.port).close()
        return True
    except ConnectionRefusedError:
        return False


def test_a_stop_in_the_middle_of_a_load_loses_nothing(service):
    books = Books(service)
    with Background(books.entry, threads=4) as load:
        load.rounds(40)
        service.stop()
    service.start()
    books.audit()


# ---- SIGKILL ----

class Books:
    """Works like a crowd of callers, and writes down only what has been acknowledged."""

    def __init__(self, service):
        self.service = service
        self.lock = threading.Lock()
        self.live, self.revoked, self.logins = [], [], 0

    def entry(self):
        """One caller's journey; it ends early when the service does."""
        try:
            return self._entry()
        except (wire.Closed, ConnectionError, OSError, AssertionError) as end:
            if not self.service.running() or isinstance(end, (wire.Closed, OSError)):
                return None
            raise

    def _entry(self):
        pair = self.service.login("alice", client=APP)
        if pair.status == 503:
            return None
        pair = ok(pair)
        record = {"refresh": pair["refresh_token"], "access": [pair["access_token"]]}
        with self.lock:
            self.live.append(record)
        for _ in range(random.randrange(4)):
            answer = self.service.refresh(record["refresh"], client=APP)
            if answer.status != 200:
                assert answer.status == 503, answer
                return None
            record["refresh"] = answer.json["refresh_token"]
            record["access"].append(answer.json["access_token"])
        if random.random() < 0.4:
            # From the moment it is asked for, both are true answers; only a 200 makes it certain.
            with self.lock:
                self.live.remove(record)
            if self.service.revoke(record["refresh"], client=APP).status == 200:
                with self.lock:
                    self.revoked.append(record)
        return record

    def audit(self):
        assert self.live and self.revoked
        for record in self.live:
            for token in record["access"]:
                assert self.service.is_active(token, RS)
            # Also where an answer was lost: inside the grace the same successor comes again.
            answer = ok(self.service.refresh(record["refresh"], client=APP))
            record["refresh"] = answer["refresh_token"]
        for record in self.revoked:
            for token in record["access"]:
                assert not self.service.is_active(token, RS)
            oauth_error(self.service.refresh(record["refresh"], client=APP), 400, "invalid_grant")


def crash_round(service, books, rounds):
    with Background(books.entry, threads=6) as load:
        load.rounds(rounds)
        service.kill()
    assert not load.failures, load.failures
    service.start()
    books.audit()


def test_kill_9_in_the_middle_of_a_load_loses_nothing_acknowledged(service):
    books = Books(service)
    for rounds in (30, 10, 25):
        crash_round(service, books, rounds)


def test_kill_9_while_keys_rotate_leaves_one_that_signs(service):
    def rotate():
        done = service.try_cli("key", "rotate", "--now")
        return done.returncode

    for _ in range(4):
        token = service.tokens()["access_token"]
        with Background(rotate, threads=1) as load:
            load.rounds(1)
            service.kill()
        service.start()
        states = [key["state"] for key in service.cli("key", "list", "--json")["keys"]]
        assert states.count("active") == 1
        assert service.is_active(token) and service.is_active(service.tokens()["access_token"])


# ---- a copy, and an older copy ----

def test_a_restored_backup_accepts_tokens_that_are_ahead_of_it(fleet):
    """A genuine number above the row's is accepted, and written down."""
    import shutil
    service = fleet.serve()
    first = service.tokens(client=APP)
    service.stop()
    shutil.copytree(service.data, fleet.folder / "backup")
    service.start()
    token = first["refresh_token"]
    for _ in range(3):
        token = ok(service.refresh(token, client=APP))["refresh_token"]
    service.stop()
    restored = Service(fleet.folder / "backup", port=service.port)
    fleet.services.append(restored)
    restored.start()
    ahead = ok(restored.refresh(token, client=APP))
    assert restored.is_active(ahead["access_token"])
    assert restored.admin("GET", "/admin/audit").json["events"][0]["event"] == "refresh_jumped"
    ok(restored.refresh(ahead["refresh_token"], client=APP))


# ---- SIGHUP ----

def test_a_reload_is_all_or_nothing(fleet, tmp_path):
    service = fleet.make()
    path = tmp_path / "tokend.yaml"

    def configure(text):
        path.write_text(text)

    configure("refresh: {grace_s: 30s}\n")
    del service.options["log.access"]  # --set would have the last word
    service.flags = lambda flags=service.flags: [*flags(), "--config", path]
    service.start()
    assert service.tokens()["expires_in"] == 600

    assert '"request"' not in service.log()
    configure("access_token: {ttl_s: 77}\ncors: {origins: https://app.example}\n"
              "log: {access: true}\n")
    service.signal(signal.SIGHUP)
    wait_until(lambda: service.tokens()["expires_in"] == 77, "the new life of a token is in force")
    answer = service.post("/token", {}, headers=[("Origin", "https://app.example")])
    assert answer.one("access-control-allow-origin") == "https://app.example"
    wait_until(lambda: answer.one("x-request-id") in service.log(), "the request is logged")

    for text, says in (("access_token: {ttl_s: 88}\nnonsense: 1\n", "nonsense"),
                       ("access_token: {ttl_s: 0}\n", "access_token.ttl_s"),
                       ("access_token: {ttl_s: 99}\nissuer: https://other.example\n", "issuer"),
                       ("access_token: [", str(path))):
        refusals = service.log().count("reload_refused")
        configure(text)
        service.signal(signal.SIGHUP)
        wait_until(lambda: service.log().count("reload_refused") > refusals,
                   "the reload is refused")
        assert says in service.log().rpartition("reload_refused")[2]
        assert service.tokens()["expires_in"] == 77
        assert service.admin("POST", "/admin/reload").status != 200

    configure("access_token: {ttl_s: 55}\n")
    assert ok(service.admin("POST", "/admin/reload")) == {"done": True}
    assert service.tokens()["expires_in"] == 55
