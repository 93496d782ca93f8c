"""Rotation of the keys behind refresh tokens and client secrets: nothing that was given out notices."""

import time

import pytest

from support.service import RS, SVC, oauth_error, ok
from support.wait import Background, wait_until

MAC, DIGEST = "refresh-mac", "secret-digest"


def symmetric(service, use):
    """number -> row"""
    rows = service.cli("key", "list", "--json")["symmetric_keys"]
    return {row["number"]: row for row in rows if row["use"] == use}


def rotate(service, use, *words):
    return service.cli("key", "rotate", "--use", use, "--json", *words)


def events(service):
    rows = service.admin("GET", "/admin/audit").json["events"]
    return [(row["event"], row["object"], row["actor"]) for row in rows[::-1]
            if row["event"].startswith("symmetric_key_")]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_was_given_out_goes_on(service, running):
    pair = service.tokens()
    if not running:
        service.stop()
    for number in (2, 3):
        for use in (MAC, DIGEST):
            made = rotate(service, use)
            assert (made["use"], made["number"], made["state"]) == (use, number, "current")
    assert [row["state"] for row in symmetric(service, MAC).values()][-2:] == ["accepted", "current"]
    if not running:
        service.start()
    first = ok(service.refresh(pair["refresh_token"]))
    # The answer was lost; in between the key changed once more.
    rotate(service, MAC)
    assert ok(service.refresh(pair["refresh_token"]))["refresh_token"] == first["refresh_token"]
    second = ok(service.refresh(first["refresh_token"]))
    assert service.is_active(second["access_token"], SVC)
    service.restart()
    ok(service.refresh(second["refresh_token"]))
    assert service.is_active(second["access_token"], SVC)
    assert service.introspect(second["access_token"], RS)["active"]


def test_an_old_key_waits_for_the_last_session_that_began_under_it(service):
    service.cli("user", "add", "dora", stdin="the password of dora\n")
    old = service.tokens("dora", "the password of dora")
    before = symmetric(service, MAC)[1]
    assert before["state"] == "current"
    rotate(service, MAC)
    moved = ok(service.refresh(old["refresh_token"]))
    row = symmetric(service, MAC)[1]
    assert (row["state"], row["sessions"]) == ("accepted", 1)
    assert row["superseded_at"] >= row["created_at"] == before["created_at"]
    assert row["gone_at"] > time.time() + 86400
    ok(service.refresh(moved["refresh_token"]))
    assert 1 in symmetric(service, MAC)
    service.cli("user", "remove", "dora")
    wait_until(lambda: 1 not in symmetric(service, MAC), "the old key is gone")
    told = events(service)
    assert [(event, key) for event, key, _ in told] == [
        ("symmetric_key_created", "refresh-mac 2"), ("symmetric_key_dropped", "refresh-mac 1")]
    assert told[0][2].startswith("uid:") and told[1][2] == "schedule"
    # Who held a token of it is a stranger.
    oauth_error(service.refresh(old["refresh_token"]), 400, "invalid_grant")


def test_reuse_is_found_under_a_key_of_long_ago(fleet):
    service = fleet.serve({"refresh.grace_s": 0})
    stolen = live = service.tokens()
    for _ in range(4):
        rotate(service, MAC)
        live = ok(service.refresh(live["refresh_token"]))
    oauth_error(service.refresh(stolen["refresh_token"]), 400, "invalid_grant")
    assert not service.is_active(live["access_token"])
    oauth_error(service.refresh(live["refresh_token"]), 400, "invalid_grant")


def test_an_old_digest_key_waits_for_its_clients(service):
    rotate(service, DIGEST)
    waiting = symmetric(service, DIGEST)[1]
    assert SVC[0] in waiting["clients"] and RS[0] in waiting["clients"]
    assert waiting["clients_count"] == len(waiting["clients"])
    secrets = {}
    for client in waiting["clients"]:
        made = service.cli("client", "secret", client, "--json")
        secrets[client] = made["client_secret"]
    # Beside the new secrets the old ones are still good.
    token = service.tokens()["access_token"]
    assert service.introspect(token, SVC)["active"]
    assert service.introspect(token, (SVC[0], secrets[SVC[0]]))["active"]
    assert 1 in symmetric(service, DIGEST)
    for client in waiting["clients"]:
        service.cli("client", "secret", client, "--only", "--json")
    wait_until(lambda: set(symmetric(service, DIGEST)) == {2}, "the old key is gone")


def test_too_many_are_said_and_change_nothing(service):
    for _ in range(15):
        rotate(service, DIGEST)
        service.cli("client", "add", f"c{_}", "--grant", "client_credentials", "--json")
    text = service.refused("key", "rotate", "--use", DIGEST)
    assert "16 versions of secret-digest" in text
    assert len(symmetric(service, DIGEST)) == 16
    assert rotate(service, MAC)["number"] == 2


@pytest.mark.parametrize("use", ["audit", "master", ""])
def test_what_does_not_rotate(shared, use):
    shared.refused("key", "rotate", "--use", use)
    assert shared.admin("POST", "/admin/keys/rotate", {"use": use}).status == 400


def test_now_is_for_signing_keys(shared):
    assert "signing keys" in shared.refused("key", "rotate", "--use", MAC, "--now")
    assert shared.admin("POST", "/admin/keys/rotate", {"use": 7}).status == 400
    assert set(symmetric(shared, MAC)) == {1}


def test_the_schedule_renews_the_mac_key_alone(fleet):
    service = fleet.serve({"keys.rotate_every": "1s", "keys.jwks_max_age_s": 0,
                           "keys.publish_margin_s": 0})
    wait_until(lambda: max(symmetric(service, MAC)) > 2, "it has been renewed twice")
    assert set(symmetric(service, DIGEST)) == {1}


def test_no_refresh_fails_while_it_rotates(service):
    """Lost answers are repeated on other connections, so on other loops, and must give the same bytes."""
    def journey():
        token = service.tokens()["refresh_token"]
        for _ in range(4):
            answers = {ok(service.refresh(token))["refresh_token"] for _ in range(3)}
            assert len(answers) == 1, answers
            token = answers.pop()
        assert service.client_token(SVC)["access_token"]

    with Background(journey, threads=4) as load:
        for _ in range(10):
            load.rounds(2)
            rotate(service, MAC)
        for _ in range(4):
            load.rounds(2)
            rotate(service, DIGEST)
        load.rounds(4)
    assert not load.failures, load.failures
    made = [key for event, key, _ in events(service) if event == "symmetric_key_created"]
    assert made == [f"{MAC} {n}" for n in range(2, 12)] + [f"{DIGEST} {n}" for n in range(2, 6)]
