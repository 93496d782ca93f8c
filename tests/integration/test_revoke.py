"""POST /revoke: in force before the answer, and only by the client whose token it is."""

import pytest

from support.service import APP, RS, oauth_error, ok
from support.wait import at_once


def test_a_missing_or_repeated_token_is_invalid_request(shared):
    for form in ({}, {"token": ""}, [("token", "a"), ("token", "a")]):
        oauth_error(shared.post("/revoke", form, basic=APP), 400, "invalid_request")


@pytest.mark.parametrize("token", ["x", "a.b.c", "tkr_x", "tkr_" + "A" * 79, "a" * 9000, "ä"])
def test_what_is_no_token_is_revoked_already(shared, token):
    ok(shared.revoke(token, client=APP))


def test_an_access_token_alone(service):
    pair = service.tokens(client=APP)
    ok(service.revoke(pair["access_token"], client=APP))
    assert not service.is_active(pair["access_token"])
    renewed = ok(service.refresh(pair["refresh_token"], client=APP))
    assert service.is_active(renewed["access_token"])
    ok(service.revoke(pair["access_token"], client=APP))  # twice is as good as once


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_refresh_token_takes_the_session_and_its_access_tokens_along(service, which):
    first = service.tokens(client=APP)
    last = ok(service.refresh(first["refresh_token"], client=APP))
    other = service.tokens(client=APP)
    ok(service.revoke({"first": first, "last": last}[which]["refresh_token"], client=APP))
    for pair in first, last:
        assert not service.is_active(pair["access_token"])
        oauth_error(service.refresh(pair["refresh_token"], client=APP), 400, "invalid_grant")
    assert service.is_active(other["access_token"])
    ok(service.revoke(last["refresh_token"], client=APP))
    service.kill()
    service.start()
    assert not service.is_active(first["access_token"])
    assert service.is_active(other["access_token"])


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_changes_nothing(service, hint):
    first, second = (service.tokens(client=APP) for _ in range(2))
    ok(service.revoke(first["access_token"], client=APP, token_type_hint=hint))
    ok(service.revoke(second["refresh_token"], client=APP, token_type_hint=hint))
    assert not service.is_active(first["access_token"])
    assert not service.is_active(second["access_token"])


def test_another_clients_token_is_left_alone(service):
    pair = service.tokens(client=APP)
    for client in (RS, None):
        for token in pair["access_token"], pair["refresh_token"]:
            oauth_error(service.revoke(token, client=client), 400, "invalid_grant")
    assert service.is_active(pair["access_token"])
    ok(service.refresh(pair["refresh_token"], client=APP))


def test_a_clients_own_token(service):
    token = service.client_token(RS)["access_token"]
    ok(service.revoke(token, client=RS))
    assert not service.is_active(token)


def test_the_default_client_revokes_its_own(service):
    pair = service.tokens()
    ok(service.revoke(pair["refresh_token"]))
    assert not service.is_active(pair["access_token"])


def test_it_is_in_force_everywhere_when_the_answer_comes(service):
    """Every event loop has been told: each check comes on a connection of its own."""
    for _ in range(10):
        pair = service.tokens(client=APP)
        assert all(at_once(*[lambda: service.is_active(pair["access_token"])] * 4))
        ok(service.revoke(pair["refresh_token"], client=APP))
        assert not any(at_once(*[lambda: service.is_active(pair["access_token"])] * 8))


def test_many_at_once_all_hold_after_kill_9(service):
    pairs = [service.tokens(client=APP) for _ in range(16)]
    for answer in at_once(*[lambda pair=pair: service.revoke(pair["access_token"], client=APP)
                            for pair in pairs]):
        ok(answer)
    service.kill()
    service.start()
    assert not any(service.is_active(pair["access_token"]) for pair in pairs)


def test_a_full_list_of_single_tokens_is_503_and_never_holds_a_logout_up(fleet):
    """Without a bound, whoever may log in could fill the memory of every loop with revoked tokens."""
    service = fleet.serve({"revocation.tokens_max": 2})
    pairs = [service.tokens(client=APP) for _ in range(3)]
    for pair in pairs[:2]:
        ok(service.revoke(pair["access_token"], client=APP))
    full = service.revoke(pairs[2]["access_token"], client=APP)
    oauth_error(full, 503, "temporarily_unavailable")
    ok(service.revoke(pairs[0]["access_token"], client=APP))  # revoked already
    ok(service.revoke("nothing of ours", client=APP))
    ok(service.revoke(pairs[2]["refresh_token"], client=APP))
    assert not service.is_active(pairs[2]["access_token"])
