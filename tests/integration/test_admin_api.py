"""The administrative interface: on the socket for who may open it, over TCP for who has a token."""

import json
import time

import pytest

from support import wire
from support.fleet import fleet_in
from support.service import RS, free_port, ok
from support.wait import wait_until


# ---- the socket ----

@pytest.mark.parametrize("path", ["/", "/admin", "/admin/", "/admin/nothing",
                                  "/admin/users/alice/nothing",
                                  "/admin/users/", "/admin/users//disable", "/admin/users/%zz",
                                  "/token",
                                  "/admin/keys/rotate/x", "/verify"])
def test_another_path_is_404(shared, path):
    assert shared.admin("GET", path).status == 404


@pytest.mark.parametrize("method, path", [("GET", "/admin/keys/rotate"), ("DELETE", "/admin/users"),
                                          ("POST", "/admin/keys"), ("PUT", "/admin/users/alice")])
def test_another_method_is_405(shared, method, path):
    assert shared.admin(method, path).status == 405


@pytest.mark.parametrize("body, says", [
    ("{", ""), ("[]", "object"), ("null", "JSON"), ('{"username":1}', "username"),
    ('{"username":"x","password":"y","roles":"a b c","roles":"d"}', ""),
    ('{"username":"x","password":"y","roles":[1]}', "roles"),
    ('{"username":"x","password":"y","roles":{"a":1}}', "roles"),
    ('{"username":"x"}', "password"), ('{"password":"a good one"}', "user name"), ("", ""),
])
def test_a_body_that_cannot_be(shared, body, says):
    answer = shared.request("POST", "/admin/users", [("Content-Type", "application/json")],
                            body.encode(),
                            address=shared.socket_path())
    assert answer.status == 400 and says in answer.json["detail"], answer


def test_a_user_is_made_shown_and_removed(shared):
    made = shared.admin("POST", "/admin/users", {"username": "Zoë",
                                                 "password": "the password of zoë",
                                                 "roles": ["a", "b"], "scope": "read"})
    assert made.status == 201
    user_id = made.json["user_id"]
    assert ok(shared.admin("GET", f"/admin/users/{user_id}"))["username"] == "Zoë"
    assert ok(shared.admin("GET", "/admin/users/zo%C3%AB"))["user_id"] == user_id
    again = shared.admin("POST", "/admin/users", {"username": "zoë",
                                                  "password": "the password of zoë"})
    assert again.status == 409 and "exists already" in again.json["detail"]
    assert ok(shared.admin("DELETE", f"/admin/users/{user_id}")) == {"done": True}
    assert shared.admin("GET", f"/admin/users/{user_id}").status == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "nonsense=1",
                                   "after=%zz", "limit=-1"])
def test_a_listing_that_cannot_be(shared, query):
    for path in ("/admin/users", "/admin/clients", "/admin/audit"):
        assert shared.admin("GET", f"{path}?{query}").status == 400


def test_answers_never_hold_hashes_or_digests(shared):
    for path in ("/admin/users", "/admin/users/alice", "/admin/clients", "/admin/keys",
                 "/admin/audit"):
        body = ok(shared.admin("GET", path))
        assert not members(body) & {"phc", "password", "digest", "sealed", "client_secret",
                                    "secret", "d", "k"}
        assert "argon2" not in json.dumps(body)


def members(value):
    """Every name in it, however deep."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set()


def test_records_say_since_when_they_are(shared):
    now = time.time()
    rows = [shared.admin("GET", path).json[name][0]
            for path, name in (("/admin/users", "users"), ("/admin/clients", "clients"))]
    for row in rows:
        assert now - 3600 < row["created_at"] <= row["updated_at"] <= now + 1


def test_who_did_what_is_written_down(service):
    service.cli("user", "roles", "alice", "--role", "guest")
    service.cli("client", "secret", "svc")
    pair = service.tokens()
    service.revoke(pair["refresh_token"])
    events = service.admin("GET", "/admin/audit").json["events"]
    assert [event["event"] for event in events[:4]] == ["session_ended", "login", "client_secret",
                                                        "user_rights"]
    assert [event["id"] for event in events] == sorted((event["id"] for event in events),
                                                       reverse=True)
    assert events[3]["actor"].startswith("uid:") and events[3]["user_id"] == "u-alice"
    assert events[1]["peer"] == "127.0.0.1" and events[1]["request_id"]
    page = service.admin("GET", "/admin/audit?limit=2").json
    assert page["events"] == events[:2]
    assert service.admin("GET",
                         f"/admin/audit?limit=2&after={page['next']}").json["events"] == events[2:4]


def test_failed_logins_are_written_down_without_names_that_are_nobodys(service):
    service.login("alice", "not the password of alice")
    service.login("typed a password here", "x")
    service.secrets.add("typed a password here")

    def events():
        rows = service.admin("GET", "/admin/audit").json["events"]
        return [row for row in rows if row["event"] == "login_failed"]

    nobody, alice = wait_until(lambda: events() if len(events()) == 2 else None, "both are written")
    assert alice["user_id"] == "u-alice" and alice["reason"] == "wrong_password"
    assert "user_id" not in nobody and "typed" not in str(nobody)


def test_the_public_side_does_not_know_it(shared):
    boss = shared.tokens("boss")["access_token"]
    for path in ("/admin/users", "/admin/keys", "/metrics", "/admin/reload"):
        assert shared.get(path, [("Authorization", f"Bearer {boss}")]).status == 404


# ---- loopback TCP ----

@pytest.fixture(scope="module")
def over_tcp(stocked, tmp_path_factory):

    with fleet_in(stocked, tmp_path_factory.mktemp("tcp")) as fleet:
        port = free_port()
        service = fleet.serve({"admin.listen": f"127.0.0.1:{port}"})
        service.admin_port = port
        yield service


def ask(service, token=None, path="/admin/users", headers=()):
    given = list(headers) + ([("Authorization", f"Bearer {token}")] if token else [])
    return service.get(path, given, address=service.admin_port)


@pytest.mark.parametrize("path", ["/admin/users", "/admin/keys", "/metrics"])
def test_without_a_token_it_is_401(over_tcp, path):
    answer = ask(over_tcp, path=path)
    assert answer.status == 401 and answer.one("www-authenticate").startswith("Bearer realm=")
    assert ask(over_tcp, "nonsense", path).status == 401
    assert ask(over_tcp, path=path, headers=[("Authorization", wire.basic(*RS))]).status == 401


def test_without_the_role_it_is_403(over_tcp):
    for token in (over_tcp.tokens("alice"), over_tcp.client_token(RS)):
        answer = ask(over_tcp, token["access_token"])
        assert answer.status == 403 and "insufficient_scope" in answer.one("www-authenticate")


def test_with_the_role_it_opens_until_it_is_taken_away(over_tcp):
    token = over_tcp.tokens("boss")["access_token"]
    assert len(ok(ask(over_tcp, token))["users"]) == 3
    assert b"tokend_logins_total" in ask(over_tcp, token, "/metrics").body
    assert ask(over_tcp, token, "/verify").status == 404
    made = over_tcp.request("POST", "/admin/users", [("Authorization", f"Bearer {token}")],
                            json.dumps({"username": "erin",
                                        "password": "the password of erin"}).encode(),
                            address=over_tcp.admin_port)
    assert made.status == 201
    assert over_tcp.admin("GET", "/admin/audit").json["events"][0]["actor"] == "u-boss"
    over_tcp.cli("user", "logout", "boss")
    assert ask(over_tcp, token).status == 401


def test_health_needs_no_token(over_tcp):
    assert ask(over_tcp, path="/healthz/ready").status == 200
