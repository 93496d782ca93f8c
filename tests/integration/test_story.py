"""The whole story in one test, from an empty folder to a killed process, over real HTTP."""

import functools

from support import jwt
from support.service import oauth_error, ok
from support.wait import Background, at_once, wait_until

PASSWORD = "correct horse battery staple"
SECRET = "the-secret-of-the-resource-server-0123456789"
RS = ("rs", SECRET)


def test_the_whole_story(fleet):
    service = fleet.make({"refresh.grace_s": 2}, empty=True)

    # An operator makes a data folder, people and programs.
    service.cli("init")
    service.cli("init")
    alice = service.cli("user", "add", "alice", "--role", "user", "--scope", "read write", "--json",
                        stdin=PASSWORD + "\n")["user_id"]
    service.cli("user", "add", "bob", "--role", "user", "--scope", "read", "--json",
                stdin=PASSWORD + "2\n")
    svc = service.cli("client", "add", "svc", "--grant", "client_credentials", "--scope",
                      "introspect", "--json")
    svc = (svc["client_id"], svc["client_secret"])
    service.cli("client", "add", "rs", "--secret-stdin", "--grant",
                "client_credentials,password,refresh_token",
                "--scope", "read write introspect", "--json", stdin=SECRET + "\n")
    service.start()

    # A person logs in; a service asks about the token.
    first = ok(service.login("alice", PASSWORD, client=RS))
    told = service.introspect(first["access_token"], svc)
    assert told["active"] and told["sub"] == alice and told["scope"] == "read write"

    # The seed's four answers, letter by letter.
    verify(service, first["access_token"], alice)

    # A refresh whose answer was lost is repeated; sixteen at once agree.
    second = ok(service.refresh(first["refresh_token"], client=RS))
    lost = [ok(service.refresh(first["refresh_token"], client=RS)) for _ in range(3)]
    assert {answer["refresh_token"] for answer in lost} == {second["refresh_token"]}
    racers = at_once(*[functools.partial(service.refresh, second["refresh_token"], client=RS)] * 16)
    (third,) = {ok(answer)["refresh_token"] for answer in racers}

    # After the grace the old one is theft, and the session is over for all who hold a part of it.
    def stolen():
        answer = service.refresh(second["refresh_token"], client=RS)
        return None if answer.status == 200 else answer
    oauth_error(wait_until(stolen, "the grace is over"), 400, "invalid_grant")
    oauth_error(service.refresh(third, client=RS), 400, "invalid_grant")
    for answer in [first, second, *lost, *(racer.json for racer in racers)]:
        assert not service.is_active(answer["access_token"], svc)

    # What is revoked is dead at once; logout means logout.
    one, two, three = (ok(service.login("alice", PASSWORD, client=RS)) for _ in range(3))
    ok(service.revoke(one["access_token"], client=RS))
    ok(service.revoke(two["refresh_token"], client=RS))
    assert [service.is_active(pair["access_token"], svc)
            for pair in (one, two, three)] == [False, False, True]
    service.cli("user", "logout", "alice")
    assert not service.is_active(three["access_token"], svc)
    oauth_error(service.refresh(three["refresh_token"], client=RS), 400, "invalid_grant")

    # Keys change under load, and nobody notices.
    alive = ok(service.login("alice", PASSWORD, client=RS))
    with Background(functools.partial(journey, service, alice, svc), threads=3) as load:
        for _ in range(3):
            load.rounds(4)
            service.cli("key", "rotate", "--now", "--json")
        load.rounds(4)
    assert not load.failures, load.failures
    kids = {key["kid"] for key in service.get("/.well-known/jwks.json").json["keys"]}
    assert jwt.header(alive["access_token"])["kid"] in kids

    # A restart changes nothing.
    service.restart()
    still_true(service, svc, alive, [one, two, three])

    # Nor does a sudden death under load: whatever was acknowledged is there.
    acknowledged = []
    with Background(lambda: acknowledged.append(ok(service.login("alice", PASSWORD, client=RS))),
                    threads=4) as load:
        load.rounds(25)
        service.kill()
    service.start()
    assert len(acknowledged) >= 25
    for pair in acknowledged:
        assert service.is_active(pair["access_token"], svc)
        ok(service.refresh(pair["refresh_token"], client=RS))
    still_true(service, svc, alive, [one, two, three])


def verify(service, token, alice):
    own = service.verify(token, f"?owner={alice}")
    assert ok(own)["active"] is True and own.json["user_id"] == alice and own.json["role"] == "user"
    assert own.one("x-auth-subject") == alice and own.one("x-auth-user") == "alice"
    for query in ("?owner=somebody-else", "?role=admin"):
        answer = service.verify(token, query)
        assert answer.status == 403
        assert answer.body == b'{"detail": "Access forbidden: Insufficient permissions"}'
        assert answer.one("www-authenticate") == 'Bearer realm="tokend", error="insufficient_scope"'
    bad = service.verify(token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB"), f"?owner={alice}")
    assert bad.status == 401 and bad.body == b'{"detail": "Could not validate credentials"}'
    assert bad.one("www-authenticate") == ('Bearer realm="tokend", error="invalid_token", '
                                           'error_description="invalid"')
    none = service.verify(None)
    assert none.status == 401 and none.body == b'{"detail": "Could not validate credentials"}'
    assert none.one("www-authenticate") == 'Bearer realm="tokend"'


def journey(service, alice, svc):
    """What a caller does all day; every check must be right."""
    pair = ok(service.login("alice", PASSWORD, client=RS))
    ok(service.verify(pair["access_token"], f"?owner={alice}&role=user"))
    renewed = ok(service.refresh(pair["refresh_token"], client=RS))
    assert service.introspect(renewed["access_token"], svc)["active"]
    assert service.introspect(service.client_token(svc)["access_token"], svc)["active"]
    ok(service.verify(pair["access_token"]))


def still_true(service, svc, alive, dead):
    assert service.is_active(alive["access_token"], svc)
    for pair in dead:
        assert not service.is_active(pair["access_token"], svc)
        oauth_error(service.refresh(pair["refresh_token"], client=RS), 400, "invalid_grant")
