"""Guessing is slow, whoever is guessed at; nobody else is hindered."""

import functools

import pytest

from support.service import APP, PASSWORDS, RS, SVC, oauth_error, ok
from support.wait import at_once, wait_until

FREE = 3
WRONG = "surely not the password"
WRONG_SECRET = "surely-not-the-secret-0123456789-0123456789"
ON = {"throttle.enabled": "true", "throttle.free_failures": FREE, "throttle.base_delay_s": 60,
      "throttle.trusted_proxies": "127.0.0.1"}


@pytest.fixture
def service(fleet):
    return fleet.serve(ON)


def throttled(answer):
    oauth_error(answer, 429, "temporarily_unavailable")
    assert 1 <= int(answer.one("retry-after")) <= 900
    return answer


def login_from(service, address, username="alice", password=WRONG):
    form = {"grant_type": "password", "username": username, "password": password}
    return service.post("/token", form, headers=[("X-Forwarded-For", address)] if address else [])


def tire(service, username="alice", address=None):
    """Uses up the free failures."""
    for _ in range(FREE):
        oauth_error(login_from(service, address, username), 400, "invalid_grant")


@pytest.mark.parametrize("username", ["alice", "nobody-of-this-name", "", "boss\x02", "ÄÖÜ"])
def test_after_the_free_failures_comes_429_for_whoever_it_is(service, username):
    username = username or "x" * 300
    tire(service, username)
    answer = throttled(login_from(service, None, username))
    assert int(answer.one("retry-after")) <= 60
    other = "somebody-else"
    tire(service, other)
    assert throttled(login_from(service, None, other)).body == answer.body


def test_the_right_password_waits_too_and_names_have_no_case(service):
    tire(service, "alice")
    for name in ("alice", "ALICE", "Alice"):
        throttled(service.login(name, PASSWORDS["alice"]))


def test_other_accounts_and_other_networks_are_unaffected(service):
    tire(service, "alice", "192.0.2.1")
    throttled(login_from(service, "192.0.2.1"))
    ok(login_from(service, "192.0.2.1", "bob", PASSWORDS["bob"]))
    ok(login_from(service, "192.0.2.2", "alice", PASSWORDS["alice"]))
    ok(login_from(service, None, "alice", PASSWORDS["alice"]))


def test_checks_are_never_throttled(service):
    token = service.tokens()["access_token"]
    tire(service)
    throttled(service.login())
    assert service.is_active(token)
    for _ in range(3 * FREE):
        service.verify("nonsense")
    ok(service.verify(token))


def test_a_success_forgets_the_failures(service):
    for _ in range(3):
        for _ in range(FREE - 1):
            oauth_error(service.login("alice", WRONG), 400, "invalid_grant")
        ok(service.login())


def test_the_delay_ends_and_doubles(fleet):
    service = fleet.serve(ON | {"throttle.base_delay_s": 1})
    tire(service)
    assert throttled(service.login("alice", WRONG)).one("retry-after") == "1"
    last = wait_until(lambda: _unless(service.login("alice", WRONG), 429),
                      "the first delay is over")
    oauth_error(last, 400, "invalid_grant")
    assert throttled(service.login("alice", WRONG)).one("retry-after") == "2"
    ok(wait_until(lambda: _unless(service.login(), 429), "the second delay is over"))


def _unless(answer, status):
    return None if answer.status == status else answer


def test_a_parallel_burst_does_not_slip_under(service):
    for _ in range(3):
        for username in ("alice", "nobody-of-this-name", "bob"):
            burst = [functools.partial(login_from, service, None, username)] * 24
            statuses = [answer.status for answer in at_once(*burst)]
            assert set(statuses) <= {400, 429}
            assert statuses.count(400) <= FREE
        assert statuses.count(429) == 24 or statuses.count(400) == FREE


def test_a_network_that_tries_many_accounts(fleet):
    service = fleet.serve(ON | {"throttle.prefix_free_failures": 10})
    for i in range(10):
        oauth_error(login_from(service, "192.0.2.7", f"user{i}"), 400, "invalid_grant")
    throttled(login_from(service, "192.0.2.7", "user10"))
    oauth_error(login_from(service, "192.0.2.8", "user10"), 400, "invalid_grant")


@pytest.mark.parametrize("first, second, same", [
    ("192.0.2.1", "192.0.2.1, 127.0.0.1", True),       # the last hop that a proxy of ours has seen
    ("192.0.2.1", "203.0.113.9, 192.0.2.1", True),
    # what stands further left was written by strangers
    ("192.0.2.1", "192.0.2.1:4711", True),
    ("2001:db8::1", "2001:db8::2", True),              # one /64
    ("2001:db8::1", "[2001:db8::99]:80", True),
    ("2001:db8::1", "2001:db8:0:1::1", False),
    ("192.0.2.1", "192.0.2.9", False),
    ("192.0.2.1", "::ffff:192.0.2.1", True),
    ("192.0.2.1", "192.0.2.9, nonsense", False),
    # nobody is believed: the connection's own address
])
def test_which_network_it_is(service, first, second, same):
    tire(service, "alice", first)
    answer = login_from(service, second)
    assert answer.status == (429 if same else 400), answer


@pytest.mark.parametrize("lines, same", [
    (["203.0.113.9", "192.0.2.1"], True),     # the stranger's own line, and the one of a proxy of ours
    (["192.0.2.1", "127.0.0.1"], True),       # past two proxies of ours, each with a line
    (["203.0.113.9, 192.0.2.1", "127.0.0.1"], True),
    (["192.0.2.1", "203.0.113.9"], False),
    (["192.0.2.1", "nonsense"], False),
], ids=str)
def test_several_lines_are_one_list(service, lines, same):
    tire(service, "alice", "192.0.2.1")
    form = {"grant_type": "password", "username": "alice", "password": WRONG}
    answer = service.post("/token", form, headers=[("X-Forwarded-For", line) for line in lines])
    assert answer.status == (429 if same else 400), answer


def test_strangers_cannot_choose_their_network(fleet):
    service = fleet.serve(ON | {"throttle.trusted_proxies": ""})
    for i in range(FREE):
        oauth_error(login_from(service, f"192.0.2.{i}"), 400, "invalid_grant")
    throttled(login_from(service, "192.0.2.200"))


@pytest.mark.parametrize("path, form", [("/token", {"grant_type": "client_credentials"}),
                                        ("/introspect", {"token": "x"}),
                                        ("/revoke", {"token": "x"}),
                                        ("/refresh", {"refresh_token": "x"})])
def test_client_secrets_count_too(service, path, form):
    for _ in range(FREE):
        oauth_error(service.post(path, form, basic=(RS[0], WRONG_SECRET)), 401, "invalid_client")
    throttled(service.post(path, form, basic=(RS[0], WRONG_SECRET)))
    oauth_error(service.post(path, form, basic=(APP[0], WRONG_SECRET)), 401, "invalid_client")
    # A stranger who guesses in its name must not shut a service out.
    assert service.introspect("x", RS) == {"active": False}
    assert service.introspect("x", SVC) == {"active": False}


def test_unknown_clients_are_told_the_same(service):
    for _ in range(FREE):
        oauth_error(service.post("/revoke", {"token": "x"}, basic=("nobody", WRONG_SECRET)), 401,
                    "invalid_client")
    throttled(service.post("/revoke", {"token": "x"}, basic=("nobody", WRONG_SECRET)))


def test_fastapi_style_keeps_429(fleet):
    service = fleet.serve(ON | {"login.error_style": "fastapi"})
    for _ in range(FREE):
        assert service.login("alice", WRONG).status == 401
    throttled(service.login("alice", WRONG))


def test_it_can_be_turned_off(fleet):
    service = fleet.serve({"throttle.enabled": "false", "throttle.free_failures": 1})
    for _ in range(8):
        oauth_error(service.login("alice", WRONG), 400, "invalid_grant")
    ok(service.login())


def test_a_small_table_still_slows_down(fleet):
    service = fleet.serve(ON | {"throttle.entries_max": 64})
    for i in range(200):
        login_from(service, f"198.51.{i // 100}.{i % 100}", f"user{i}")
    tire(service, "alice", "192.0.2.1")
    throttled(login_from(service, "192.0.2.1"))
