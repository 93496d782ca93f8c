"""Another master key: everything that was given out goes on, whoever does it and whenever it dies."""

import os

import pytest

from support.service import SVC, ok
from support.wait import Background

KEYS = ("1" * 64, "2" * 64, "3" * 64)


def write_key(path, text=KEYS[0]):
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def rewrap(service, path, *words):
    return service.cli("key", "rewrap", "--new-master-key-file", path, "--json", *words)


def still_good(service, pair):
    assert service.is_active(pair["access_token"])
    assert service.client_token(SVC)["access_token"]
    return ok(service.refresh(pair["refresh_token"]))


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_new_master_key_takes_nothing_away(service, tmp_path, running):
    pair = service.tokens()
    path = write_key(tmp_path / "new.key")
    old = (service.data / "master.key").read_text()
    if not running:
        service.stop()
    done = rewrap(service, path, "--reason", "yearly")
    assert done["switched"] and done["rows"] >= 5 and "master.key" in done["next"]
    assert (service.data / "master.key").read_text() != old
    assert not (service.data / "master.key.next").exists()
    assert (service.data / "master.key").stat().st_mode & 0o777 == 0o600
    if running:
        pair = still_good(service, pair)
        service.kill()
    # The operator's copy is not needed any more.
    path.unlink()
    service.start()
    still_good(service, pair)
    event = service.admin("GET", "/admin/audit").json["events"]
    assert any(row["event"] == "master_key_changed" and row["reason"] == "yearly" and
               row["object"] == done["master_key_id"] for row in event)


def test_a_master_key_of_the_operators(fleet, tmp_path):
    first, second = (write_key(tmp_path / f"{i}.key", KEYS[i]) for i in (0, 1))
    service = fleet.serve({"master_key_file": first}, empty=True)
    service.cli("user", "add", "carol", stdin="the password of carol\n")
    pair = service.tokens("carol", "the password of carol")
    done = rewrap(service, second)
    assert not done["switched"] and "master_key_file" in done["next"]
    assert rewrap(service, second)["rows"] == 0
    service.stop()
    # The old one is refused, and the command knows which it was.
    assert "sealed under another master key" in service.refused("key", "list")
    text = service.refused("key", "rewrap", "--new-master-key-file", second)
    assert f"sealed under {second} already" in text and "master_key_file" in text
    third = write_key(tmp_path / "third.key", KEYS[2])
    text = service.refused("key", "rewrap", "--new-master-key-file", third)
    assert "sealed under another master key" in text
    service.options["master_key_file"] = str(second)
    service.start()
    ok(service.refresh(pair["refresh_token"]))


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_files_that_are_no_key(service, tmp_path, running):
    if not running:
        service.stop()
    before = (service.data / "master.key").read_text()
    text = service.refused("key", "rewrap")
    assert "--new-master-key-file" in text
    assert "no such file" in service.refused("key", "rewrap", "--new-master-key-file",
                                             tmp_path / "nothing")
    for content, mode in (("short", 0o600), (KEYS[0] + "0", 0o600), ("", 0o600),
                          (KEYS[0], 0o644)):
        path = write_key(tmp_path / "bad.key", content)
        path.chmod(mode)
        text = service.refused("key", "rewrap", "--new-master-key-file", path)
        assert str(path) in text and KEYS[0] not in text
    if os.geteuid() != 0:
        write_key(tmp_path / "shut.key").chmod(0)
        service.refused("key", "rewrap", "--new-master-key-file", tmp_path / "shut.key")
    assert (service.data / "master.key").read_text() == before


def test_an_interrupted_switch_is_finished_by_the_next_start(service, tmp_path):
    """As after a death between the database and the file: the new key lies staged, the old in place."""
    pair = service.tokens()
    old = (service.data / "master.key").read_text()
    rewrap(service, write_key(tmp_path / "new.key"))
    service.kill()
    (service.data / "master.key").rename(service.data / "master.key.next")
    write_key(service.data / "master.key", old.strip())
    service.start()
    still_good(service, pair)
    assert "master_key_changed" in service.log()
    assert not (service.data / "master.key.next").exists()
    service.restart()


def test_no_request_notices(service, tmp_path):
    pair = service.tokens()

    def journey():
        ok(service.verify(pair["access_token"], "?role=user"))
        fresh = service.tokens()
        ok(service.refresh(fresh["refresh_token"]))
        assert service.client_token(SVC)["access_token"]

    with Background(journey, threads=3) as load:
        for i, key in enumerate(KEYS):
            load.rounds(3)
            rewrap(service, write_key(tmp_path / f"{i}.key", key))
            service.cli("key", "rotate", "--now", "--json")
        load.rounds(3)
    assert not load.failures, load.failures
