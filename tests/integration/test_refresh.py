"""Refresh tokens: lost answers and races are harmless, theft is fatal to the session."""

import functools

import pytest

from support import jwt
from support.service import APP, PASSWORDS, RS, oauth_error, ok
from support.wait import at_once, wait_until

RACERS = 16

both_paths = pytest.mark.parametrize("path", ["/refresh", "/token"])


def refused(answer):
    oauth_error(answer, 400, "invalid_grant")


# ---- refusals ----

@both_paths
def test_without_a_token_it_is_invalid_request(shared, path):
    oauth_error(shared.refresh(None, path=path), 400, "invalid_request")
    oauth_error(shared.refresh("", path=path), 400, "invalid_request")


@both_paths
def test_what_is_no_refresh_token_of_ours_is_refused(shared, path):
    good = shared.tokens()
    token, access = good["refresh_token"], good["access_token"]
    middle = len(token) // 2
    flipped = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
    for bad in ("x", "tkr_", token[:-1], token + "A", token[4:], token.upper(), flipped, access,
                "tkr_" + "A" * 79, token + "=", " " + token, token * 100):
        refused(shared.refresh(bad, path=path))
    ok(shared.refresh(token, path=path))  # none of it did the session any harm


def test_every_letter_counts(shared):
    token = shared.tokens()["refresh_token"]
    for i in range(4, len(token)):
        refused(shared.refresh(token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1:]))
    ok(shared.refresh(token))


def test_another_clients_token_is_refused_audited_and_left_alone(service):
    token = service.tokens(client=APP)["refresh_token"]
    for client in (RS, None):
        refused(service.refresh(token, client=client))
    events = service.admin("GET", "/admin/audit").json["events"]
    assert [event["event"] for event in events[:2]] == ["refresh_wrong_client"] * 2
    ok(service.refresh(token, client=APP))


# ---- the answer ----

@both_paths
def test_a_refresh_gives_a_new_pair_of_the_same_session(shared, path):
    first = shared.tokens()
    answer = shared.refresh(first["refresh_token"], path=path)
    second = ok(answer)
    assert set(second) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert answer.one("pragma") == "no-cache"
    assert second["scope"] == "read write" and second["token_type"] == "Bearer"
    assert second["refresh_token"] != first["refresh_token"]
    old, new = jwt.claims(first["access_token"]), jwt.claims(second["access_token"])
    assert old["jti"] != new["jti"]
    for name in ("sub", "sid", "client_id", "scope", "roles", "username", "epoch", "aud", "iss"):
        assert old[name] == new[name]
    assert shared.is_active(first["access_token"]) and shared.is_active(second["access_token"])


def test_a_chain_goes_on_and_on(shared):
    token = shared.tokens()["refresh_token"]
    seen = {token}
    for _ in range(30):
        token = ok(shared.refresh(token))["refresh_token"]
        assert token not in seen
        seen.add(token)


def test_scope_narrows_this_access_token_only(shared):
    token = shared.tokens()["refresh_token"]
    narrow = ok(shared.refresh(token, scope="read"))
    assert narrow["scope"] == "read" and jwt.claims(narrow["access_token"])["scope"] == "read"
    assert ok(shared.refresh(narrow["refresh_token"]))["scope"] == "read write"


def test_scope_never_widens(shared):
    token = shared.tokens(scope="read")["refresh_token"]
    for asked in ("write", "read write", "admin", "read  read"):
        oauth_error(shared.refresh(token, scope=asked), 400, "invalid_scope")
    assert ok(shared.refresh(token))["scope"] == "read"  # and a refusal costs nothing


# ---- lost answers ----

def test_a_lost_answer_is_repeated_byte_for_byte(shared):
    first = shared.tokens()["refresh_token"]
    answers = [ok(shared.refresh(first)) for _ in range(5)]
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({jwt.claims(answer["access_token"])["jti"] for answer in answers}) == 5
    assert all(shared.is_active(answer["access_token"]) for answer in answers)
    ok(shared.refresh(answers[0]["refresh_token"]))


def test_the_successor_is_the_same_across_a_restart_and_a_change_of_keys(service):
    first = service.tokens()["refresh_token"]
    second = ok(service.refresh(first))["refresh_token"]
    service.cli("key", "rotate", "--now")
    service.restart()
    assert ok(service.refresh(first))["refresh_token"] == second
    ok(service.refresh(second))


def race(service, token, racers=RACERS, client=None):
    """One token, many at once: the one successor that all of them got."""
    answers = at_once(*[functools.partial(service.refresh, token, client=client)] * racers)
    tokens = [ok(answer) for answer in answers]
    assert len({answer["refresh_token"] for answer in tokens}) == 1
    assert len({answer["access_token"] for answer in tokens}) == racers
    return tokens


def test_sixteen_at_once_get_one_successor_round_after_round(service):
    token = service.tokens()["refresh_token"]
    for _ in range(25):
        tokens = race(service, token)
        token = tokens[0]["refresh_token"]
    assert all(service.is_active(answer["access_token"]) for answer in tokens)
    sessions = {jwt.claims(answer["access_token"])["sid"] for answer in tokens}
    assert len(sessions) == 1


def test_races_of_several_sessions_do_not_mix(service):
    chains = [service.tokens(name)["refresh_token"] for name in ("alice", "bob", "boss", "alice")]
    for _ in range(5):
        answers = at_once(*[functools.partial(service.refresh, token) for token in chains * 4])
        nexts = [ok(answer)["refresh_token"] for answer in answers]
        chains = nexts[:4]
        assert nexts == chains * 4 and len(set(chains)) == 4


@pytest.mark.long
def test_sixteen_at_once_for_a_thousand_rounds(service):
    token = service.tokens()["refresh_token"]
    for _ in range(1000):
        token = race(service, token)[0]["refresh_token"]


# ---- theft ----

def assert_dead(service, pairs):
    for pair in pairs:
        refused(service.refresh(pair["refresh_token"]))
        assert not service.is_active(pair["access_token"])


def test_an_older_number_ends_the_session_at_once(service):
    pairs = [service.tokens()]
    for _ in range(2):
        pairs.append(ok(service.refresh(pairs[-1]["refresh_token"])))
    other = service.tokens()
    refused(service.refresh(pairs[0]["refresh_token"]))  # two behind: no grace
    assert_dead(service, pairs)
    assert service.is_active(other["access_token"])  # the same user's other session
    event = service.admin("GET", "/admin/audit").json["events"][0]
    assert event["event"] == "refresh_reuse" and event["user_id"] == "u-alice"
    assert event["object"] == jwt.claims(pairs[0]["access_token"])["sid"]


def test_after_the_grace_the_predecessor_ends_the_session(fleet):
    service = fleet.serve({"refresh.grace_s": 1})
    first = service.tokens()
    second = ok(service.refresh(first["refresh_token"]))
    last = wait_until(lambda: _unless_repeated(service, first, second), "the grace is over")
    refused(last)
    assert_dead(service, [first, second])


def _unless_repeated(service, first, second):
    answer = service.refresh(first["refresh_token"])
    if answer.status == 200:
        assert answer.json["refresh_token"] == second["refresh_token"]
        return None
    return answer


def test_without_grace_every_repetition_is_reuse(fleet):
    service = fleet.serve({"refresh.grace_s": 0})
    first = service.tokens()
    second = ok(service.refresh(first["refresh_token"]))
    refused(service.refresh(first["refresh_token"]))
    assert_dead(service, [first, second])


def test_a_session_killed_by_reuse_stays_dead_after_a_restart(service):
    first = service.tokens()
    second = ok(service.refresh(first["refresh_token"]))
    third = ok(service.refresh(second["refresh_token"]))
    refused(service.refresh(first["refresh_token"]))
    service.kill()
    service.start()
    assert_dead(service, [first, second, third])


# ---- ends ----

def test_an_idle_session_is_over(fleet):
    service = fleet.serve({"refresh.idle_s": 1, "refresh.grace_s": 0})
    token = service.tokens(client=RS)["refresh_token"]
    assert service.is_active(token, RS)
    wait_until(lambda: not service.is_active(token, RS), "the session is idle too long")
    refused(service.refresh(token, client=RS))


def test_a_revoked_session_has_no_grace(service):
    first = service.tokens()
    second = ok(service.refresh(first["refresh_token"]))
    ok(service.revoke(second["refresh_token"]))
    assert_dead(service, [first, second])


# ---- the user of today ----

def test_todays_roles_and_scopes_count(service):
    token = service.tokens()["refresh_token"]
    service.cli("user", "roles", "alice", "--role", "auditor", "--scope", "read")
    got = ok(service.refresh(token))
    claims = jwt.claims(got["access_token"])
    assert claims["roles"] == ["auditor"] and claims["role"] == "auditor"
    assert got["scope"] == "read" == claims["scope"]
    # What came later than the login was not granted then, and comes with the next login.
    service.cli("user", "roles", "alice", "--scope", "read write more")
    assert ok(service.refresh(got["refresh_token"]))["scope"] == "read write"
    oauth_error(service.refresh(got["refresh_token"], scope="more"), 400, "invalid_scope")


@pytest.mark.parametrize("words", [("user", "disable"), ("user", "remove"), ("user", "logout")])
def test_a_user_who_is_disabled_removed_or_logged_out(service, words):
    pairs = [service.tokens(), service.tokens(client=APP)]
    bob = service.tokens("bob")
    service.cli(*words, "alice")
    refused(service.refresh(pairs[0]["refresh_token"]))
    refused(service.refresh(pairs[1]["refresh_token"], client=APP))
    assert not any(service.is_active(pair["access_token"]) for pair in pairs)
    ok(service.refresh(bob["refresh_token"]))


def test_who_is_enabled_again_logs_in_again(service):
    pair = service.tokens()
    service.cli("user", "disable", "alice")
    service.cli("user", "enable", "alice")
    assert_dead(service, [pair])
    assert service.is_active(service.tokens()["access_token"])


def test_a_new_password_ends_all_sessions(service):
    pair = service.tokens()
    service.cli("user", "passwd", "alice", stdin="a new password of alice\n")
    assert_dead(service, [pair])
    refused(service.login("alice", PASSWORDS["alice"]))
    assert service.is_active(service.tokens("alice", "a new password of alice")["access_token"])
