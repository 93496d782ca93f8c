"""Security events are in the log whatever its level; the level is for everything else."""

from support.service import APP, oauth_error, ok
from support.wait import wait_until


def test_security_events_are_logged_at_every_level(fleet):
    service = fleet.serve({"log.level": "error", "refresh.grace_s": 0})
    pair = service.tokens(client=APP)
    oauth_error(service.login("alice", "not her password", client=APP), 400, "invalid_grant")
    ok(service.refresh(pair["refresh_token"], client=APP))
    oauth_error(service.refresh(pair["refresh_token"], client=APP), 400, "invalid_grant")
    ok(service.revoke(service.tokens(client=APP)["access_token"], client=APP))
    service.cli("key", "rotate")
    for verb in "logout", "disable", "remove":
        service.cli("user", verb, "alice")
    service.cli("client", "remove", "app")
    for event in ("login_failed", "refresh", "revoked", "key_created", "user_logout",
                  "user_disabled", "user_removed", "client_removed"):
        wait_until(lambda event=event: f'"event":"{event}"' in service.log(), f"{event} is logged")


def test_a_command_without_a_daemon_shows_its_answer_alone(fleet):
    service = fleet.serve()
    service.stop()
    done = service.try_cli("key", "rotate", "--json")
    assert done.returncode == 0 and done.stderr == b"", done.stderr
