"""What an operator does in a year, by the command line alone: rotate, drill, disable, another master key, back
up, restore; once with the daemon running, and once with none."""

import os
import shutil

import pytest

from support import jwt
from support.service import RS, SVC, oauth_error, ok

JWKS = "/.well-known/jwks.json"


class Operator:
    """Every command is given while the service runs, or while it does not; everybody else asks a service that
    does."""

    def __init__(self, service, running):
        self.service, self.running = service, running

    def does(self, *words, **more):
        if self.running:
            return self.service.cli(*words, **more)
        self.service.stop()
        said = self.service.cli(*words, **more)
        self.service.start()
        return said

    def keys(self):
        return {key["kid"]: key for key in self.does("key", "list", "--json")["keys"]}

    def state(self, kid):
        return self.keys()[kid]["state"]


def signer(pair):
    return jwt.header(pair["access_token"])["kid"]


def good(service, pair):
    return service.introspect(pair["access_token"], SVC)["active"]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_the_operators_year(service, tmp_path, running):
    operator = Operator(service, running)
    bob, alice = service.tokens("bob"), service.tokens("alice")
    first = signer(alice)

    rotates(operator, alice, first)
    second = rotates_at_once(operator, alice)
    alice = rotates_what_nobody_sees(operator, alice)
    bob = ok(service.refresh(bob["refresh_token"]))
    alice, bob = drills(operator, second, alice, bob)
    disables(operator, bob)
    moves_to_another_master_key(operator, alice, tmp_path)
    alice = backs_up_and_restores(operator, alice, tmp_path)
    the_books_tell_it(service)


def rotates(operator, alice, first):
    """Nothing changes until every verifier can know it."""
    made = operator.does("key", "rotate", "--json")
    assert made["state"] == "pending" and "warning" not in made
    assert made["activate_at"] >= made["created_at"] + 330
    row = operator.keys()[made["kid"]]
    assert (row["next_step"], row["next_at"]) == ("activate", made["activate_at"])
    service = operator.service
    assert made["kid"] in {key["kid"] for key in service.get(JWKS).json["keys"]}
    assert signer(service.tokens()) == first
    assert operator.does("key", "rotate", "--json")["kid"] == made["kid"]
    assert good(service, alice)


def rotates_at_once(operator, alice):
    """Who cannot wait is told what may break, and nothing does that asks us."""
    said = operator.does("key", "rotate", "--now", "--json")
    assert said["state"] == "active" and "verifiers" in said["warning"]
    assert signer(operator.service.tokens()) == said["kid"]
    assert operator.state(signer(alice)) == "retiring"
    assert good(operator.service, alice)
    return said["kid"]


def rotates_what_nobody_sees(operator, alice):
    for use in ("refresh-mac", "secret-digest"):
        made = operator.does("key", "rotate", "--use", use, "--json")
        assert (made["number"], made["state"]) == (2, "current")
    service = operator.service
    new = ok(service.refresh(alice["refresh_token"]))
    assert ok(service.refresh(alice["refresh_token"]))["refresh_token"] == new["refresh_token"]
    assert good(service, new) and service.introspect(new["access_token"], RS)["active"]
    return new


def drills(operator, kid, alice, bob):
    """The report first, and then the same report, and it is done."""
    service = operator.service
    sessions = 4  # alice's and bob's, and two logins above
    drill = operator.does("key", "revoke", kid, "--dry-run", "--json")
    assert (drill["dry_run"], drill["sessions"], drill["state"]) == (True, sessions, "active")
    assert signer(alice) == signer(bob) == kid and good(service, alice) and good(service, bob)
    done = operator.does("key", "revoke", kid, "--reason", "the laptop of the intern", "--json")
    assert (done["dry_run"], done["sessions"], done["state"]) == (False, sessions, "revoked")
    assert done["clients"] == drill["clients"] == [{"client_id": "default", "sessions": sessions}]
    assert not good(service, alice) and not good(service, bob)
    assert kid not in {key["kid"] for key in service.get(JWKS).json["keys"]}
    # The sessions were spared.
    alice, bob = (ok(service.refresh(pair["refresh_token"])) for pair in (alice, bob))
    assert signer(alice) == signer(bob) != kid and good(service, alice) and good(service, bob)
    assert list(key["state"] for key in operator.keys().values()).count("active") == 1
    return alice, bob


def disables(operator, bob):
    operator.does("user", "disable", "bob")
    service = operator.service
    assert not good(service, bob)
    oauth_error(service.refresh(bob["refresh_token"]), 400, "invalid_grant")
    oauth_error(service.login("bob"), 400, "invalid_grant")


def moves_to_another_master_key(operator, alice, folder):
    path = folder / "next.key"
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    before = (operator.service.data / "master.key").read_bytes()
    done = operator.does("key", "rewrap", "--new-master-key-file", path, "--reason", "yearly",
                         "--json")
    # Both versions of both symmetric keys, the audit key, and every signing key that lives.
    assert done["switched"] and done["rows"] >= 5 + 2
    assert (operator.service.data / "master.key").read_bytes() != before
    path.unlink()
    operator.service.restart()
    assert good(operator.service, alice)


def backs_up_and_restores(operator, alice, folder):
    service, copy = operator.service, folder / "copy.db"
    assert operator.does("backup", copy, "--json") == {"file": str(copy)}
    went_on = ok(service.refresh(alice["refresh_token"]))
    # All of this is lost with the restore.
    operator.does("user", "enable", "bob")
    operator.does("user", "disable", "alice")
    operator.does("key", "rotate", "--use", "refresh-mac", "--json")
    born_after = service.tokens("bob")
    assert not good(service, went_on)

    service.stop()
    for end in ("-wal", "-shm"):
        (service.data / f"tokend.db{end}").unlink(missing_ok=True)
    shutil.copy(copy, service.data / "tokend.db")
    (service.data / "tokend.db").chmod(0o600)
    service.start()
    oauth_error(service.login("bob"), 400, "invalid_grant")
    # Its session went on while it was not written down, and is taken up where it is.
    alice = ok(service.refresh(went_on["refresh_token"]))
    assert good(service, alice)
    # A token under a MAC key that is younger than the backup is a stranger's.
    oauth_error(service.refresh(born_after["refresh_token"]), 400, "invalid_grant")
    return alice


def the_books_tell_it(service):
    rows = service.admin("GET", "/admin/audit").json["events"][::-1]
    told = [(row["event"], row.get("reason", "")) for row in rows
            if row["event"].startswith(("key_", "symmetric_", "user_d", "user_e", "master",
                                        "refresh_j"))]
    # From the stock: the first signing key, and the forger's.
    assert told[:3] == [("key_created", ""), ("key_activated", ""), ("key_imported", "")]
    assert told[3:] == [
        ("key_created", ""),
        ("key_activated", ""), ("key_deactivated", ""),
        ("symmetric_key_created", ""), ("symmetric_key_created", ""),
        ("key_created", "the laptop of the intern"),
        ("key_revoked", "the laptop of the intern"), ("key_activated", "the laptop of the intern"),
        ("user_disabled", ""),
        ("master_key_changed", "yearly"),
        ("refresh_jumped", ""),
    ]
    by_hand = [row for row in rows if row.get("reason") and row["event"] != "login_failed"]
    assert by_hand and all(row["actor"] == f"uid:{os.geteuid()}" for row in by_hand)
