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


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/admin/reload", "POST"), ("GET", "/admin/keys/rotate", "POST"), ("DELETE", "/admin/users", "GET, HEAD, POST"),
    ("POST", "/admin/keys", "GET, HEAD"), ("PUT", "/admin/users/alice", "GET, HEAD, DELETE"),
    ("OPTIONS", "/admin/token/check", "POST")])
def test_another_method_is_405(shared, method, path, allow):
    answer = shared.admin(method, path)
    assert answer.status == 405 and answer.one("allow") == allow


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
    assert ok(shared.admin("DELETE", f"/admin/users/{user_id}")) == {"done": True, "changed": True}
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


# ---- entity tags ----

def conditional(service, method, path, headers, body=None):
    """`headers`: pairs, so that one may stand on two lines."""
    data = json.dumps(body).encode() if body is not None else b""
    return service.request(method, path, list(headers), data, address=service.socket_path())


def test_what_has_not_changed_is_304(service):
    sid = ok(service.login()) and service.admin("GET", "/admin/sessions").json["sessions"][0]["sid"]
    kid = service.admin("GET", "/admin/keys").json["keys"][0]["kid"]
    for path in ("/admin/users/alice", "/admin/clients/app", f"/admin/keys/{kid}",
                 f"/admin/sessions/{sid}"):
        first = service.admin("GET", path)
        tag = first.one("etag")
        assert tag.startswith('"') and tag.endswith('"') and len(tag) > 2
        for given in ([("If-None-Match", tag)], [("If-None-Match", f'"x", W/{tag}')],
                      [("If-None-Match", '"x"'), ("If-None-Match", tag)], [("If-None-Match", "*")]):
            answer = conditional(service, "GET", path, given)
            assert answer.status == 304 and answer.body == b"" and answer.one("etag") == tag, path
        assert conditional(service, "GET", path, [("If-None-Match", '"x"')]).status == 200
        head = conditional(service, "HEAD", path, [])
        assert head.status == 200 and head.one("etag") == tag
        assert conditional(service, "HEAD", path, [("If-None-Match", tag)]).status == 304
    assert not service.admin("GET", "/admin/users").has("etag")


def test_a_change_is_made_to_what_was_seen(service):
    seen = service.admin("GET", "/admin/users/alice").one("etag")
    other = ok(service.admin("POST", "/admin/users/alice/rights", {"roles": ["other"]}))
    stale = conditional(service, "POST", "/admin/users/alice/rights", [("If-Match", seen)],
                        {"roles": ["mine"]})
    assert stale.status == 412 and "read it again" in stale.json["detail"]
    now = service.admin("GET", "/admin/users/alice")
    assert now.json == other and now.one("etag") != seen
    for given in ([("If-Match", now.one("etag"))],):
        answer = conditional(service, "POST", "/admin/users/alice/rights", given, {"roles": ["mine"]})
        assert answer.status == 200 and answer.json["roles"] == ["mine"]
    # The answer's tag is the one to go on with, and a list may stand on several lines.
    tag = answer.one("etag")
    answer = conditional(service, "POST", "/admin/users/alice/disable",
                         [("If-Match", '"x"'), ("If-Match", tag)])
    assert answer.status == 200 and answer.json["disabled"] is True
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", tag)]).status == 412
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", "alice")]).status == 400
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", "")]).status == 400
    tag = answer.one("etag")
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", f"W/{tag}")]).status == 412
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", tag)]).status == 200
    assert conditional(service, "DELETE", "/admin/users/alice", [("If-Match", "*")]).status == 412


def test_a_tag_tells_nothing_of_the_password(service):
    """It is no digest of what it must not tell: the same password again is another tag, a login none."""
    first = service.admin("GET", "/admin/users/alice").one("etag")
    service.tokens("alice")
    assert service.admin("GET", "/admin/users/alice").one("etag") == first
    tags = {first}
    for _ in range(3):
        answer = service.admin("POST", "/admin/users/alice/password",
                               {"password": "another password of alice"})
        tags.add(answer.one("etag"))
    assert len(tags) == 4


def test_a_session_has_another_tag_when_it_goes_on(service):
    pair = service.tokens()
    sid = service.admin("GET", "/admin/sessions").json["sessions"][0]["sid"]
    seen = service.admin("GET", f"/admin/sessions/{sid}").one("etag")
    ok(service.refresh(pair["refresh_token"]))
    assert conditional(service, "DELETE", f"/admin/sessions/{sid}",
                       [("If-Match", seen)]).status == 412
    assert service.is_active(pair["access_token"])
    now = service.admin("GET", f"/admin/sessions/{sid}").one("etag")
    assert conditional(service, "DELETE", f"/admin/sessions/{sid}", [("If-Match", now)]).status == 200
    assert not service.is_active(pair["access_token"])


# ---- removing what is not there ----

def test_a_removal_may_be_repeated(service):
    sid = ok(service.login()) and service.admin("GET", "/admin/sessions").json["sessions"][0]["sid"]
    for path in (f"/admin/sessions/{sid}", "/admin/users/alice", "/admin/clients/app"):
        assert ok(service.admin("DELETE", path + "?reason=leaves")) == {"done": True, "changed": True}
        newest = service.admin("GET", "/admin/audit?limit=1").json["events"][0]
        assert newest["reason"] == "leaves"
        for _ in range(2):
            assert ok(service.admin("DELETE", path)) == {"done": True, "changed": False}
        assert service.admin("GET", "/admin/audit?limit=1").json["events"][0] == newest
    assert ok(service.admin("DELETE", "/admin/users/nobody")) == {"done": True, "changed": False}
    assert "no such user" in service.refused("user", "remove", "nobody")
    assert "no such client" in service.refused("client", "remove", "nobody")


# ---- filters ----

def test_users_by_beginning_role_and_state(service):
    service.cli("user", "disable", "bob")

    def names(*flags):
        return [user["username"] for user in service.cli("user", "list", *flags, "--json")["users"]]

    assert names() == ["alice", "bob", "boss"]
    assert names("--prefix", "BO") == ["bob", "boss"]
    assert names("--prefix", "bo", "--after", "bob") == ["boss"]
    assert names("--disabled") == ["bob"]
    assert names("--role", "tokend:admin") == ["boss"]
    assert names("--role", "support", "--disabled", "--prefix", "b") == ["bob"]
    assert names("--limit", "1") == ["alice"]
    assert "limit" in service.refused("user", "list", "--limit", "5000")


@pytest.mark.parametrize("path", ["/admin/users/nobody", "/admin/clients/nobody",
                                  "/admin/keys/nobody", "/admin/sessions/nobody",
                                  "/admin/sessions?user=nobody", "/admin/sessions?client=nobody",
                                  "/admin/keys?after=nobody", "/admin/audit?user=nobody"])
def test_an_unknown_id_is_404(shared, path):
    answer = shared.admin("GET", path)
    assert answer.status == 404 and "no such" in answer.json["detail"]


@pytest.mark.parametrize("path, body, says", [
    ("/admin/users/alice/disable", {"nonsense": 1}, "nothing but reason"),
    ("/admin/users/alice/password", {"pasword": "x"}, "password, reason"),
    ("/admin/users/alice/rights", {"roles": {"a": 1}}, "roles"),
    ("/admin/users/alice/logout", {"reason": 1}, "reason is not a string"),
    ("/admin/token/check", {"token": "x", "reason": "x"}, "nothing but token"),
    ("/admin/clients/app/secret", {"only": "yes"}, "only is not true or false"),
])
def test_a_member_that_cannot_be(shared, path, body, says):
    answer = shared.admin("POST", path, body)
    assert answer.status == 400 and says in answer.json["detail"], answer


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
