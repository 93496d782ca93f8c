"""What an administrator has changed is in force everywhere when the answer comes: on each loop, at each place that
checks, for connections that were open before and for new ones."""

import contextlib

import pytest

from support import wire
from support.service import APP, RS, oauth_error, ok
from support.wire import Wire

LOOPS = 4
CONNECTIONS = 12  # enough that every loop has some


@pytest.fixture
def service(fleet):
    return fleet.serve({"http.loops_count": LOOPS})


def on(connection, method, target, headers, body=None):
    connection.send(wire.request_bytes(method, target, headers, body))
    return connection.answer()


def ask(connection, token):
    """/verify and /introspect over a connection that stays open: they must agree."""
    verified = on(connection, "GET", "/verify", [("Authorization", f"Bearer {token}")])
    told = on(connection, "POST", "/introspect",
              [("Authorization", wire.basic(*RS)),
               ("Content-Type", "application/x-www-form-urlencoded")],
              wire.encode({"token": token}).encode())
    assert (verified.status == 200) == told.json["active"], (verified, told)
    return verified.status == 200


def sid_of(service):
    return service.admin("GET", "/admin/sessions?user=alice").json["sessions"][0]["sid"]


# What is changed, and what is left: may the session be refreshed?
CHANGES = {
    "disabling a user": (lambda s: s.admin("POST", "/admin/users/alice/disable"), False),
    "a password": (lambda s: s.admin("POST", "/admin/users/alice/password",
                                     {"password": "another password of alice"}), False),
    "roles": (lambda s: s.admin("POST", "/admin/users/alice/rights", {"roles": ["x"]}), True),
    "scopes": (lambda s: s.admin("POST", "/admin/users/alice/rights", {"scope": "read"}), True),
    "logging a user out": (lambda s: s.admin("POST", "/admin/users/alice/logout"), False),
    "removing a user": (lambda s: s.admin("DELETE", "/admin/users/alice"), False),
    "removing a client": (lambda s: s.admin("DELETE", "/admin/clients/app"), None),
    "ending a session": (lambda s: s.admin("DELETE", f"/admin/sessions/{sid_of(s)}"), False),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_check_knows(service, what):
    change, goes_on = CHANGES[what]
    pair, others = service.tokens(client=APP), service.tokens("bob", client=RS)
    with contextlib.ExitStack() as stack:
        open_before = [stack.enter_context(contextlib.closing(Wire(service.port)))
                       for _ in range(CONNECTIONS)]
        assert all(ask(connection, pair["access_token"]) for connection in open_before)
        assert change(service).status == 200
        assert not any(ask(connection, pair["access_token"]) for connection in open_before)
        for _ in range(CONNECTIONS):
            assert not service.is_active(pair["access_token"], RS)
        assert all(ask(connection, others["access_token"]) for connection in open_before)
    refreshed = service.refresh(pair["refresh_token"], client=APP)
    if goes_on:
        assert service.is_active(ok(refreshed)["access_token"], RS)
    elif goes_on is None:
        oauth_error(refreshed, 401, "invalid_client")
    else:
        oauth_error(refreshed, 400, "invalid_grant")
