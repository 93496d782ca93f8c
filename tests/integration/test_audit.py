"""What is written down, how it is found again, and what happens when it cannot be written."""

import json
import sqlite3
import time

import pytest

from support.service import APP, PASSWORDS, RS, ok, oauth_error
from support.wait import wait_until


def events(service, query=""):
    return ok(service.admin("GET", f"/admin/audit{query}"))["events"]


def words(rows):
    return [row["event"] for row in rows]


@pytest.fixture(params=["daemon", "no daemon"])
def both(request, fleet):
    """A data folder, served or not: every command must do the same."""
    service = fleet.make()
    return service.start() if request.param == "daemon" else service


# ---- who, what and why ----

CHANGES = [
    ("user_added", ["user", "add", "carol"], "the password of carol\n"),
    ("user_password", ["user", "passwd", "carol"], "another password of carol\n"),
    ("user_rights", ["user", "roles", "carol", "--role", "a"], ""),
    ("user_disabled", ["user", "disable", "carol"], ""),
    ("user_enabled", ["user", "enable", "carol"], ""),
    ("user_logout", ["user", "logout", "carol"], ""),
    ("user_removed", ["user", "remove", "carol"], ""),
    ("client_added", ["client", "add", "web", "--grant", "client_credentials"], ""),
    ("client_secret", ["client", "secret", "web"], ""),
    ("client_removed", ["client", "remove", "web"], ""),
    ("key_created", ["key", "rotate"], ""),
]


def test_every_command_tells_why(both):
    for number, (event, command, stdin) in enumerate(CHANGES):
        why = f"ticket {number}: grüße & 100%"
        both.cli(*command, "--reason", why, stdin=stdin)
        row = both.cli("audit", "list", "--limit", "1", "--json")["events"][0]
        assert (row["event"], row["reason"]) == (event, why), command
        assert row["actor"].startswith("uid:")
    kid = both.cli("key", "list", "--json")["keys"][0]["kid"]
    both.cli("key", "revoke", kid, "--reason", "a drill")
    assert both.cli("audit", "list", "--event", "key_revoked", "--json")["events"][0][
        "reason"] == "a drill"


def test_a_key_that_is_brought_tells_why(both, tmp_path):
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps({"kty": "oct", "alg": "HS256", "kid": "brought",
                                "k": "Zm9yZ2VyIGZvcmdlciBmb3JnZXIgZm9yZ2VyIGZvcmdlciBicm8"}))
    both.cli("key", "import", file, "--reason", "from the old system")
    row = both.cli("audit", "list", "--event", "key_imported", "--limit", "1", "--json")["events"][0]
    assert row["reason"] == "from the old system" and row["object"] == "brought"


@pytest.mark.parametrize("why", ["two\nlines", "\x1b[2J", "x" * 201, "\x7f", "a\u0085b"])
def test_a_reason_that_cannot_be(both, why):
    before = both.cli("user", "list", "--json")
    for command in (["user", "disable", "alice"], ["user", "remove", "alice"], ["key", "rotate"]):
        assert "reason" in both.refused(*command, "--reason", why)
    assert both.cli("user", "list", "--json") == before


def test_a_reload_is_written_down(service):
    ok(service.admin("POST", "/admin/reload", {"reason": "new origins"}))
    row = events(service, "?limit=1")[0]
    assert row["event"] == "reloaded" and row["reason"] == "new origins"
    assert row["actor"].startswith("uid:")


# ---- finding it again ----

def test_audit_list_by_whom_what_and_when(both):
    both.cli("user", "disable", "alice")
    both.cli("user", "disable", "bob")
    both.cli("client", "secret", "svc")

    def listed(*flags):
        return words(both.cli("audit", "list", *flags, "--json")["events"])

    assert listed("--user", "alice") == ["user_disabled", "user_added"]
    assert listed("--user", "u-alice", "--event", "user_added") == ["user_added"]
    assert listed("--client", "svc") == ["client_secret", "client_added"]
    assert listed("--event", "user_disabled") == ["user_disabled", "user_disabled"]
    assert listed("--since", "1h")[:3] == ["client_secret", "user_disabled", "user_disabled"]
    assert listed("--since", str(int(time.time()) + 60)) == []
    assert listed("--since", "2001-09-09", "--user", "bob") == ["user_disabled", "user_added"]
    rows = both.cli("audit", "list", "--limit", "3", "--json")
    assert rows["next"] == rows["events"][2]["id"]
    first = rows["events"][0]["id"]
    assert words(both.cli("audit", "list", "--after", str(first), "--limit", "2", "--json")[
        "events"]) == ["user_disabled", "user_disabled"]
    both.cli("user", "enable", "alice")
    assert listed("--before", str(first)) == ["user_enabled"]
    assert "no such user" in both.refused("audit", "list", "--user", "nobody")
    assert "no such client" in both.refused("audit", "list", "--client", "nobody")
    assert "events are" in both.refused("audit", "list", "--event", "nonsense")
    assert "since is" in both.refused("audit", "list", "--since", "yesterday")
    assert "row" in both.refused("audit", "list", "--after", "x")


def test_audit_list_for_people(both):
    both.cli("user", "disable", "alice", "--reason", "left the company")
    done = both.try_cli("audit", "list", "--limit", "1")
    head, row = done.stdout.decode().splitlines()
    assert head.split() == ["id", "at", "event", "count", "actor", "user_id", "client_id", "object",
                            "peer", "reason"]
    assert "user_disabled" in row and "u-alice" in row and row.endswith("left the company")
    assert time.strftime("%Y-%m-%dT", time.gmtime()) in row
    number = row.split()[0]
    assert done.stderr.decode() == f"tokend: there are more: --after '{number}'\n"


def test_who_was_removed_is_found_by_id(both):
    both.cli("user", "remove", "alice")
    rows = both.cli("audit", "list", "--user", "u-alice", "--json")["events"]
    assert words(rows) == ["user_removed", "user_added"]


def test_a_rare_event_among_very_many_is_found(fleet):
    """A page looks at 5,000 rows at most: the command goes on by itself."""
    service = fleet.make()
    service.cli("user", "disable", "alice")
    with sqlite3.connect(service.data / "tokend.db") as database:
        database.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
            "INSERT INTO audit (at_us, event, actor, peer, request_id, reason, user_id, client_id, "
            "object) SELECT ?, 'login', '', '', '', '', 'u-alice', 'app', '' FROM n",
            [int(time.time() * 1e6)])
    database.close()
    rows = service.cli("audit", "list", "--user", "alice", "--event", "user_disabled", "--json")
    assert words(rows["events"]) == ["user_disabled"]
    service.start()
    page = ok(service.admin("GET", "/admin/audit?user=alice&event=user_disabled"))
    assert page["events"] == [] and page["next"]
    assert service.cli("audit", "list", "--user", "alice", "--event", "user_disabled",
                       "--json") == rows


# ---- failures are summed ----

def test_failed_logins_of_an_account_are_two_rows_a_minute(fleet):
    service = fleet.serve()
    for _ in range(7):
        oauth_error(service.login("alice", "not the password of alice"), 400, "invalid_grant")
    service.login("bob", "not the password of bob")
    wait_until(lambda: len(events(service, "?event=login_failed")) >= 2, "the first ones are written")
    service.stop()  # what is summed is written at the end
    rows = service.cli("audit", "list", "--event", "login_failed", "--json")["events"]
    of_alice = [row for row in rows if row["user_id"] == "u-alice"]
    # The minute may have turned meanwhile: then there are two of each.
    assert len(of_alice) <= 4 and sum(row.get("count", 1) for row in of_alice) == 7
    assert any(row.get("count", 1) > 1 for row in of_alice)
    assert len([row for row in rows if row["user_id"] == "u-bob"]) == 1


def test_unknown_names_cannot_fill_the_table(fleet):
    service = fleet.serve({"audit.failures_per_minute": 5})
    for number in range(40):
        service.login(f"nobody {number}", "some password or other")
    service.stop()
    rows = service.cli("audit", "list", "--event", "login_failed", "--json")["events"]
    assert sum(row.get("count", 1) for row in rows) == 40
    assert len(rows) <= 2 * (5 + 1)  # as above
    assert any(row["reason"] == "others" for row in rows)


# ---- it cannot be written ----

class Broken:
    """An audit table that takes no row, in a database that takes everything else."""

    def __init__(self, service):
        self.path = service.data / "tokend.db"

    def run(self, sql):
        database = sqlite3.connect(self.path, timeout=20)
        with database:
            database.execute(sql)
        database.close()

    def __enter__(self):
        self.run("CREATE TRIGGER broken BEFORE INSERT ON audit "
                 "BEGIN SELECT RAISE(ABORT, 'broken'); END")

    def __exit__(self, *_):
        self.run("DROP TRIGGER broken")


def health(service):
    return ok(service.get("/healthz/ready"))


def metric(service, name):
    body = service.get("/metrics", address=service.socket_path()).body.decode()
    return int(next(line for line in body.splitlines() if line.startswith(f"{name} ")).split()[1])


def test_a_change_that_cannot_be_written_down_is_not_made(service):
    sid = ok(service.login(client=APP)) and ok(service.admin("GET", "/admin/sessions"))[
        "sessions"][0]["sid"]
    kid = service.admin("GET", "/admin/keys").json["keys"][0]["kid"]
    changes = [("POST", "/admin/users/alice/disable", {}), ("POST", "/admin/users/alice/enable", {}),
               ("POST", "/admin/users/alice/logout", {}),
               ("POST", "/admin/users/alice/password", {"password": "another password of alice"}),
               ("POST", "/admin/users/alice/rights", {"roles": ["x"]}),
               ("POST", "/admin/users", {"username": "carol", "password": "the password of carol"}),
               ("DELETE", "/admin/users/alice", None),
               ("POST", "/admin/clients", {"client_id": "web", "grants": ["password"]}),
               ("POST", "/admin/clients/app/secret", {}), ("DELETE", "/admin/clients/app", None),
               ("DELETE", f"/admin/sessions/{sid}", None), ("POST", "/admin/keys/rotate", {}),
               ("POST", f"/admin/keys/{kid}/revoke", {}), ("POST", "/admin/reload", {})]

    def state():
        lists = [service.admin("GET", f"/admin/{name}").json
                 for name in ("users", "clients", "sessions", "keys", "audit")]
        for key in lists[3]["keys"]:
            key.pop("jwks_fetches", None)
        return lists

    before = state()
    with Broken(service):
        for method, path, body in changes:
            answer = service.admin(method, path, body)
            assert answer.status == 503 and "audit log" in answer.json["detail"], (path, answer)
            assert int(answer.one("retry-after")) >= 1
        assert "audit log" in service.refused("user", "disable", "alice")
        assert state() == before
        assert health(service) == {"status": "degraded", "reason": "audit"}
        assert metric(service, "tokend_audit_rows_lost_total") == 0
    assert service.is_active(service.tokens(client=APP)["access_token"])
    assert health(service) == {"status": "ok"}
    ok(service.admin("POST", "/admin/users/alice/disable", {}))


def test_a_login_goes_on_and_readiness_says_degraded(service):
    with Broken(service):
        pair = service.tokens(client=APP)
        assert service.is_active(pair["access_token"])
        degraded = health(service)
        assert degraded == {"status": "degraded", "reason": "audit"}
        assert ok(service.get("/healthz/ready", address=service.socket_path())) == degraded
        assert service.cli("health") == "ready, degraded: audit\n"
        assert service.cli("health", "--json") == {"ready": True, "degraded": "audit"}
        renewed = ok(service.refresh(pair["refresh_token"], client=APP))
        ok(service.revoke(renewed["refresh_token"], client=APP))
        assert not service.is_active(renewed["access_token"])
        oauth_error(service.login("alice", "not the password of alice"), 400, "invalid_grant")
        wait_until(lambda: metric(service, "tokend_audit_rows_lost_total") == 3,
                   "login, revocation and failure are counted")
        assert metric(service, "tokend_audit_works") == 0
        assert metric(service, "tokend_store_writable") == 1
    assert '"audit_not_stored"' in service.log()
    assert health(service) == {"status": "degraded", "reason": "audit"}  # nothing has shown it yet
    service.tokens(client=APP)
    assert health(service) == {"status": "ok"}
    assert service.cli("health") == "ready\n"
    assert metric(service, "tokend_audit_works") == 1


def test_reuse_ends_the_session_though_nobody_can_read_of_it(fleet):
    service = fleet.serve({"refresh.grace_s": 0})
    pair = service.tokens(client=APP)
    renewed = ok(service.refresh(pair["refresh_token"], client=APP))
    with Broken(service):
        oauth_error(service.refresh(pair["refresh_token"], client=APP), 400, "invalid_grant")
        assert not service.is_active(renewed["access_token"], RS)
        oauth_error(service.refresh(renewed["refresh_token"], client=APP), 400, "invalid_grant")
    assert ok(service.login("alice", PASSWORDS["alice"], client=APP))
