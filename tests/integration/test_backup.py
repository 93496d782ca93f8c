"""tokend backup FILE while it serves or not, and the restore that the README describes."""

import os
import shutil
import stat

import pytest

from support.service import APP, Service, oauth_error, ok
from support.wait import Background


def restore(service, backup):
    """As the README says: stop, drop the log of the database that goes, put the copy in its place."""
    service.stop()
    for end in ("-wal", "-shm"):
        (service.data / f"tokend.db{end}").unlink(missing_ok=True)
    shutil.copy(backup, service.data / "tokend.db")
    os.chmod(service.data / "tokend.db", 0o600)
    return service.start()


def events(service):
    return [event["event"] for event in service.admin("GET", "/admin/audit").json["events"]]


# ---- refusals ----

def test_what_is_there_is_kept_unless_told(fleet, tmp_path):
    service = fleet.make()
    target = tmp_path / "copy.db"
    target.write_text("precious")
    assert "--force" in service.refused("backup", target)
    assert target.read_text() == "precious"
    assert service.cli("backup", target, "--force", "--json") == {"file": str(target)}
    assert target.read_bytes().startswith(b"SQLite format 3")
    service.refused("backup", service.data / "tokend.db", "--force")
    service.refused("backup", tmp_path / "none" / "copy.db")
    service.refused("backup", code=2)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == [
        "copy.db"]


def test_of_no_database_it_makes_none(tmp_path):
    service = Service(tmp_path / "nothing")
    service.refused("backup", tmp_path / "copy.db")
    assert not list(tmp_path.iterdir())


# ---- copies ----

@pytest.mark.parametrize("served", [True, False])
def test_another_folder_goes_on_from_a_backup(fleet, tmp_path, served):
    service = fleet.serve() if served else fleet.make()
    backup = tmp_path / "copy.db"
    service.cli("backup", backup)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other = fleet.make()
    shutil.copy(backup, other.data / "tokend.db")
    shutil.copy(service.data / "master.key", other.data / "master.key")
    other.start()
    ok(other.login())


def test_logins_go_on_while_it_copies(fleet, tmp_path):
    service = fleet.serve()
    with Background(lambda: ok(service.login())):
        for _ in range(5):
            service.cli("backup", tmp_path / "copy.db", "--force")
    restore(service, tmp_path / "copy.db")
    ok(service.login())


def test_a_restore_keeps_rotated_sessions_and_forgets_revocations(fleet, tmp_path):
    service = fleet.serve({"refresh.grace_s": 0})
    rotated, revoked = service.tokens(client=APP), service.tokens(client=APP)
    service.cli("backup", tmp_path / "copy.db")

    token = rotated["refresh_token"]
    for _ in range(3):
        token = ok(service.refresh(token, client=APP))["refresh_token"]
    ok(service.revoke(revoked["refresh_token"], client=APP))
    oauth_error(service.refresh(revoked["refresh_token"], client=APP), 400, "invalid_grant")
    later = service.tokens(client=APP)
    restore(service, tmp_path / "copy.db")

    # The session that had gone on is taken up where it was left.
    pair = ok(service.refresh(token, client=APP))
    assert "refresh_jumped" in events(service)
    assert service.is_active(pair["access_token"])
    # What was revoked after the backup is not, and what began after it is unknown.
    ok(service.refresh(revoked["refresh_token"], client=APP))
    oauth_error(service.refresh(later["refresh_token"], client=APP), 400, "invalid_grant")
    # Only once: the same token again is a reuse, and ends the session.
    oauth_error(service.refresh(token, client=APP), 400, "invalid_grant")
    oauth_error(service.refresh(pair["refresh_token"], client=APP), 400, "invalid_grant")
    assert "refresh_reuse" in events(service)
