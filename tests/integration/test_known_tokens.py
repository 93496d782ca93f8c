"""Between two identical requests: the first was answered yes, and the loop remembers the token; the second must be
answered by what is true now. At /introspect and at /verify, over loops that all know the token."""

import re
import time

import pytest

from support import jwt
from support.configured import Configured, reload
from support.service import APP, RS, SVC, ok
from support.signing import Key
from support.wait import wait_until
from test_policy_file import CLOSED, OPEN, write

LOOPS = 2


def metric(service, name):
    text = service.admin("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\d+)$", text, re.MULTILINE)
    assert found, f"no {name} in\n{text}"
    return int(found[1])


def hits(service):
    return metric(service, 'tokend_token_cache_lookups_total{result="hit"}')


def entries(service):
    return metric(service, "tokend_token_cache_entries")


def make_known(service, token):
    """Until every loop remembers it, and then once more at both endpoints."""
    before = entries(service)

    def everywhere():
        assert service.is_active(token)
        return entries(service) >= LOOPS

    wait_until(everywhere, f"all loops know the token ({before} before)")
    seen = hits(service)
    assert service.is_active(token)
    assert hits(service) == seen + 2


@pytest.fixture
def service(fleet):
    return fleet.serve({"http.loops_count": LOOPS})


# ---- what may happen to a token ----

def revoke_it(service, pair):
    ok(service.revoke(pair["access_token"], client=APP))


def end_its_session(service, pair):
    ok(service.revoke(pair["refresh_token"], client=APP))


def use_a_refresh_token_twice(service, pair):
    second = ok(service.refresh(pair["refresh_token"], client=APP))
    ok(service.refresh(second["refresh_token"], client=APP))
    assert service.refresh(pair["refresh_token"], client=APP).status == 400


def disable_its_user(service, pair):
    service.cli("user", "disable", "alice")


def change_its_users_roles(service, pair):
    service.cli("user", "roles", "alice", "--role", "guest")


def change_its_users_password(service, pair):
    service.cli("user", "passwd", "alice", stdin="another password of alice\n")


def log_its_user_out(service, pair):
    service.cli("user", "logout", "alice")


def remove_its_user(service, pair):
    service.cli("user", "remove", "alice")


def remove_its_client(service, pair):
    service.cli("client", "remove", "app")


def revoke_its_key(service, pair):
    service.cli("key", "revoke", jwt.header(pair["access_token"])["kid"])


@pytest.mark.parametrize("event", [
    revoke_it, end_its_session, use_a_refresh_token_twice, disable_its_user, change_its_users_roles,
    change_its_users_password, log_its_user_out, remove_its_user, remove_its_client,
    revoke_its_key], ids=lambda event: event.__name__)
def test_the_second_of_two_identical_requests_is_refused(service, event):
    pair = service.tokens(client=APP)
    make_known(service, pair["access_token"])
    event(service, pair)
    for _ in range(2 * LOOPS):
        assert not service.is_active(pair["access_token"])
    other = service.tokens("bob")
    assert service.is_active(other["access_token"])


def test_it_expires_on_time(fleet):
    service = fleet.serve({"http.loops_count": LOOPS, "access_token.ttl_s": 5})
    token = service.tokens()["access_token"]
    make_known(service, token)
    wait_until(lambda: time.time() >= jwt.claims(token)["exp"], "its time is over")
    for _ in range(2 * LOOPS):
        assert not service.is_active(token)


def test_a_rotation_forgets_nothing_and_a_revocation_after_it_counts(service):
    token = service.tokens()["access_token"]
    make_known(service, token)
    service.cli("key", "rotate")
    seen = hits(service)
    assert service.is_active(token)
    assert hits(service) == seen + 2
    service.cli("key", "revoke", jwt.header(token)["kid"])
    assert not service.is_active(token)


def test_a_changed_letter_is_another_token(service):
    token = service.tokens()["access_token"]
    make_known(service, token)
    seen = hits(service)
    for at in range(0, len(token), 7):
        letter = "A" if token[at] != "A" else "B"
        assert not service.is_active(token[:at] + letter + token[at + 1:])
    assert hits(service) == seen


# ---- what may happen around it ----

def test_policy_is_asked_each_time(fleet, tmp_path):
    path = write(tmp_path, OPEN)
    service = fleet.serve({"http.loops_count": LOOPS, "policy.file": path,
                           "forward_auth.trusted_peers": "127.0.0.1"})
    token = service.tokens()["access_token"]

    def ask():
        return service.get("/verify/forwarded", [
            ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/x"),
            ("Authorization", f"Bearer {token}")]).status

    make_known(service, token)
    assert ask() == 200
    path.write_text(CLOSED)
    assert reload(service) is None
    for _ in range(2 * LOOPS):
        assert ask() == 403


def test_demands_are_asked_each_time(service):
    token = service.tokens()["access_token"]
    make_known(service, token)
    assert service.verify(token, "?owner=u-alice&role=user").status == 200
    assert service.verify(token, "?owner=u-bob").status == 403
    assert service.verify(token, "?role=admin").status == 403


def test_a_trusted_issuer_is_trusted_until_a_reload_says_otherwise(fleet, tmp_path):
    key = Key("HS256", secret=b"an old application's secret, long enough")
    (tmp_path / "old.secret").write_bytes(b"an old application's secret, long enough\n")
    trusting = ("trusted_issuers:\n  - secret_file: old.secret\n    algorithms: [HS256]\n"
                "    for_tokens_without: [iss, kid, aud]\n")
    set_up = Configured(fleet, tmp_path, trusting, {"http.loops_count": LOOPS}).start()
    service = set_up.service
    token = key.token({"sub": "42", "exp": int(time.time()) + 600, "role": "boss"})
    make_known(service, token)
    set_up.write(trusting + "    roles: {boss: chief}\n")
    assert reload(service) is None
    assert service.introspect(token)["roles"] == ["chief"]
    set_up.write("")
    assert reload(service) is None
    for _ in range(2 * LOOPS):
        assert not service.is_active(token)


# ---- who asks ----

def test_a_client_that_is_gone_or_wrong_is_refused_however_often_it_was_right(service):
    token = service.tokens()["access_token"]
    for _ in range(2 * LOOPS):
        assert service.introspect(token, SVC)["active"]
    wrong = (SVC[0], SVC[1][:-1] + "X")
    for _ in range(LOOPS):
        assert service.post("/introspect", {"token": token}, basic=wrong).status == 401
        assert service.post("/introspect", {"token": token}, basic=(RS[0], SVC[1])).status == 401
    service.cli("client", "remove", SVC[0])
    for _ in range(2 * LOOPS):
        assert service.post("/introspect", {"token": token}, basic=SVC).status == 401


def test_a_secret_that_was_replaced_twice_opens_nothing(service):
    token = service.tokens()["access_token"]
    for _ in range(2 * LOOPS):
        assert service.introspect(token, SVC)["active"]
    newer = (SVC[0], service.cli("client", "secret", SVC[0], "--json")["client_secret"])
    assert service.introspect(token, SVC)["active"]  # there are two for a while
    newest = (SVC[0], service.cli("client", "secret", SVC[0], "--json")["client_secret"])
    for _ in range(2 * LOOPS):
        assert service.post("/introspect", {"token": token}, basic=SVC).status == 401
        assert service.introspect(token, newer)["active"]
        assert service.introspect(token, newest)["active"]


# ---- the memory itself ----

def test_without_memory_every_check_verifies(fleet):
    service = fleet.serve({"http.loops_count": LOOPS, "check.cache_bytes": 0})
    token = service.tokens()["access_token"]
    for _ in range(3):
        assert service.is_active(token)
    assert hits(service) == 0
    assert entries(service) == 0


def test_more_tokens_than_it_holds_push_out_the_oldest(fleet):
    service = fleet.serve({"http.loops_count": 1, "check.cache_bytes": 8192})
    tokens = [ok(service.post("/token", {"grant_type": "client_credentials"},
                              basic=SVC))["access_token"] for _ in range(100)]
    assert 10 < entries(service) < 60
    for token in tokens:
        assert service.is_active(token)
    assert 10 < entries(service) < 60
