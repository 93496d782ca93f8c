"""How tokend-fastapi keeps public keys and answers: by a clock that the test moves."""

import asyncio
import json
import logging

import pytest

from tokend_fastapi import Unauthenticated, Unavailable, User
from tokend_fastapi.checker import Cache
from tokend_fastapi.keys import REFETCH_S, Keys
from tokend_fastapi.local import ALGORITHMS, local
from tokend_fastapi.service import Answer

from support.signing import Key

ISSUER = "https://auth.example"
FIRST, SECOND = Key("EdDSA", "first"), Key("ES256", "second")


class Clock:
    """In place of the module `time`."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return 1_700_000_000 + self.now


class Jwks:
    """In place of a Service: the answers of the key set's URL, and what it was asked."""

    def __init__(self, *keys, control="public, max-age=300", **headers):
        self.keys, self.headers = list(keys), {"cache-control": control} | headers
        self.status, self.asked, self.failure = 200, [], None
        self.gate = None

    async def ask(self, method, path, headers, _body=None):
        assert (method, path) == ("GET", "/.well-known/jwks.json")
        self.asked.append(dict(headers))
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        body = b"" if self.status == 304 else json.dumps({"keys": self.keys}).encode()
        return Answer(self.status, self.headers, body)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in ("keys", "checker", "checks"):
        monkeypatch.setattr(f"tokend_fastapi.{module}.time", clock)
    return clock


async def settled():
    """What was launched meanwhile is over."""
    await asyncio.gather(*(task for task in asyncio.all_tasks()
                           if task is not asyncio.current_task()))


def keys_of(service):
    return Keys(service, ALGORITHMS)


# ---- how long keys are good ----

def test_keys_are_fetched_once_until_their_max_age(clock, run_async):
    service = Jwks(FIRST.jwk())

    async def story():
        keys = keys_of(service)
        for _ in range(3):
            assert (await keys.find("first")).alg == "EdDSA"
        assert len(service.asked) == 1
        clock.now += 300
        await keys.find("first")
        assert len(service.asked) == 2

    run_async(story)


@pytest.mark.parametrize("control, headers, good_s", [
    ("max-age=10", {}, 10), ("public, max-age=10, must-revalidate", {}, 10), ("", {}, 60),
    ("max-age=soon", {}, 60), ("max-age=10", {"age": "4"}, 6), ("max-age=10", {"age": "40"}, 0),
    ("max-age=10, no-cache", {}, 0), ("no-store", {}, 0), ("max-age=0", {}, 0),
])
def test_max_age(clock, run_async, control, headers, good_s):
    service = Jwks(FIRST.jwk(), control=control, **headers)

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        if good_s:
            clock.now += good_s - 0.01
            await keys.find("first")  # may renew them, but waits for nobody
        await settled()
        before = len(service.asked)
        clock.now += 0.01 if before == 1 else good_s
        await keys.find("first")
        assert len(service.asked) == before + 1

    run_async(story)


def test_keys_are_renewed_before_anybody_must_wait(clock, run_async):
    service = Jwks(FIRST.jwk())

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        service.gate = asyncio.Event()
        clock.now += 226
        await keys.find("first")  # does not wait for the gate
        await asyncio.sleep(0)
        assert len(service.asked) == 2
        service.gate.set()
        await settled()
        clock.now += 200  # beyond the first max-age
        await keys.find("first")
        assert len(service.asked) == 2

    run_async(story)


def test_a_renewal_that_fails_is_one_line_and_is_tried_again(clock, run_async, caplog):
    service = Jwks(FIRST.jwk())

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        service.failure = Unavailable("the token service answers 500")
        clock.now += 226
        for _ in range(3):
            await keys.find("first")
            await settled()
        assert len(service.asked) == 2
        record, = caplog.records
        assert record.getMessage() == "the keys could not be renewed: the token service answers 500"
        clock.now += REFETCH_S
        await keys.find("first")
        await settled()
        assert len(service.asked) == 3
        clock.now += 300
        with pytest.raises(Unavailable):  # never by keys that may have been revoked
            await keys.find("first")

    run_async(story)


def test_keys_that_have_not_changed_are_not_sent_again(clock, run_async):
    service = Jwks(FIRST.jwk(), etag='"one"')

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        clock.now += 300
        service.status = 304
        await keys.find("first")
        assert service.asked == [{}, {"If-None-Match": '"one"'}]
        clock.now += 299
        await keys.find("first")  # the 304 has its own max-age
        service.status, service.headers["etag"] = 200, '"two"'
        clock.now += 300
        await keys.find("first")
        clock.now += 300
        await keys.find("first")
        assert service.asked[-1] == {"If-None-Match": '"two"'}

    run_async(story)


def test_a_304_to_who_has_nothing_is_no_answer(clock, run_async):
    service = Jwks(FIRST.jwk())
    service.status = 304
    with pytest.raises(Unavailable):
        run_async(lambda: keys_of(service).find("first"))


# ---- unknown keys ----

def test_an_unknown_kid_asks_once_in_a_while(clock, run_async):
    """Anybody can make up names of keys."""
    service = Jwks(FIRST.jwk())

    async def story():
        keys = keys_of(service)
        for i in range(50):
            with pytest.raises(Unauthenticated):
                await keys.find(f"made up {i}")
        assert len(service.asked) == 1
        clock.now += REFETCH_S
        service.keys.append(SECOND.jwk())
        assert (await keys.find("second")).alg == "ES256"
        for i in range(50):
            with pytest.raises(Unauthenticated):
                await keys.find(f"made up {i}")
        assert len(service.asked) == 2

    run_async(story)


def test_an_unknown_kid_is_503_when_nobody_can_be_asked(clock, run_async):
    """It may be the newest key: could not tell is never no."""
    service = Jwks(FIRST.jwk())

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        clock.now += REFETCH_S
        service.failure = Unavailable("the token service answers 500")
        for _ in range(3):
            with pytest.raises(Unavailable):
                await keys.find("second")
        assert len(service.asked) == 2
        assert (await keys.find("first")).alg == "EdDSA"

    run_async(story)


def test_many_who_want_keys_are_one_question(clock, run_async):
    service = Jwks(FIRST.jwk())

    async def story():
        keys, service.gate = keys_of(service), asyncio.Event()
        jobs = [asyncio.ensure_future(keys.find("first")) for _ in range(50)]
        await asyncio.sleep(0)
        service.gate.set()
        assert {key.alg for key in await asyncio.gather(*jobs)} == {"EdDSA"}
        assert len(service.asked) == 1

    run_async(story)


def test_a_revoked_key_is_gone_with_the_next_fetch(clock, run_async):
    service = Jwks(FIRST.jwk(), SECOND.jwk())

    async def story():
        keys = keys_of(service)
        await keys.find("first")
        service.keys = [SECOND.jwk()]
        clock.now += 300
        with pytest.raises(Unauthenticated):
            await keys.find("first")

    run_async(story)


# ---- what is a key ----

def unusable(**changes):
    return FIRST.jwk(**{"kid": "other"} | changes)


@pytest.mark.parametrize("jwk", [
    "a text", None, [], {}, unusable(kty="new"), unusable(kty=None), unusable(alg=None),
    unusable(alg="ML-DSA-44"), unusable(alg="none"), unusable(alg=["EdDSA"]), unusable(alg="RS256"),
    unusable(x="!"), unusable(x=None), unusable(x=7), unusable(use="enc"), unusable(kid=None),
    unusable(kid=7), unusable(crv="P-256"),
    Key("HS256", "other").jwk(), Key("HS256", "other").jwk(alg="EdDSA"),
])
def test_one_that_cannot_be_used_does_not_cost_us_the_others(clock, run_async, jwk, caplog):
    service = Jwks(jwk, SECOND.jwk())

    async def story():
        keys = keys_of(service)
        assert (await keys.find("second")).alg == "ES256"
        with pytest.raises(Unauthenticated):
            await keys.find("other")

    run_async(story)
    assert all(r.levelno == logging.WARNING and r.exc_info is None for r in caplog.records)


@pytest.mark.parametrize("keys", [None, {}, "keys", 7])
def test_no_key_set_is_no_answer(clock, run_async, keys):
    service = Jwks()
    service.keys = keys
    with pytest.raises(Unavailable):
        run_async(lambda: keys_of(service).find("first"))


# ---- a token by these keys ----

def claims(clock, **changes):
    told = {"iss": ISSUER, "aud": [ISSUER, "https://other"], "sub": "u-alice", "roles": ["user"],
            "exp": clock.time() + 600, "iat": clock.time()} | changes
    return {name: value for name, value in told.items() if value is not None}


GOOD_TYPES = ("at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT")
BAD_TYPES = ("JWT", "", None, "jwt", "id+jwt", "at+jwt ", "xat+jwt", 7, ["at+jwt"])


@pytest.fixture
def real_clock(monkeypatch):
    """PyJWT has a clock that cannot be moved."""
    import time
    return time


@pytest.mark.parametrize("typ", GOOD_TYPES + BAD_TYPES)
def test_types(real_clock, run_async, typ):
    check = local(Jwks(FIRST.jwk()), ISSUER, ISSUER, 0)
    token = FIRST.token(claims(real_clock), {"typ": typ})
    if typ in GOOD_TYPES:
        assert run_async(lambda: check(token)).user.id == "u-alice"
    else:
        with pytest.raises(Unauthenticated):
            run_async(lambda: check(token))


@pytest.mark.parametrize("changes", [
    {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"exp": True}, {"nbf": 1 << 40}, {"sub": None},
    {"sub": 7}, {"sub": ""}, {"iss": None}, {"iss": ISSUER + "/"}, {"aud": None}, {"aud": []},
    {"aud": "https://other"}, {"aud": 7}, {"roles": "admin"}, {"scope": ["read"]}, {"user_id": 7},
])
def test_claims_that_are_not_good(real_clock, run_async, changes):
    check = local(Jwks(FIRST.jwk()), ISSUER, ISSUER, 5)
    token = FIRST.token(claims(real_clock, **changes), {"typ": "at+jwt"})
    with pytest.raises(Unauthenticated):
        run_async(lambda: check(token))


@pytest.mark.parametrize("payload", ["[]", '"x"', "{", "", "[" * 5000, '{"exp": 1e999}'])
def test_payloads_that_are_none(run_async, payload):
    check = local(Jwks(FIRST.jwk()), ISSUER, ISSUER, 5)
    with pytest.raises(Unauthenticated):
        run_async(lambda: check(FIRST.token(payload, {"typ": "at+jwt"})))


def test_leeway_and_clocks(real_clock, run_async):
    service, now = Jwks(FIRST.jwk()), real_clock.time()
    for leeway_s, exp, iat, good in ((0, now - 30, now, False), (60, now - 30, now, True),
                                     (0, now + 600, now + 60, True)):  # our clock is behind
        check = local(service, ISSUER, ISSUER, leeway_s)
        token = FIRST.token(claims(real_clock, exp=exp, iat=iat), {"typ": "at+jwt"})
        if good:
            run_async(lambda: check(token))
        else:
            with pytest.raises(Unauthenticated):
                run_async(lambda: check(token))


def test_an_algorithm_is_its_keys(real_clock, run_async):
    """The public key as a shared secret, and one key under another's name."""
    check = local(Jwks(FIRST.jwk(), SECOND.jwk()), ISSUER, ISSUER, 0)
    typ = {"typ": "at+jwt"}
    for token in (SECOND.token(claims(real_clock), typ | {"kid": "first"}),
                  FIRST.token(claims(real_clock), typ | {"alg": "ES256"}),
                  FIRST.token(claims(real_clock), typ | {"kid": "second", "alg": "ES256"}),
                  Key("HS256", "first", secret=b"x" * 32).token(claims(real_clock), typ)):
        with pytest.raises(Unauthenticated):
            run_async(lambda: check(token))


# ---- what is remembered ----

def user(clock, left_s):
    return User("u-alice", "alice", (), frozenset(), None, clock.time() + left_s, {})


def test_nothing_is_remembered_beyond_its_end(clock):
    cache = Cache(10)
    cache.put(b"by time", user(clock, 600), clock.now + 2)
    cache.put(b"by exp", user(clock, 1), clock.now + 2)
    assert cache.get(b"by time") and cache.get(b"by exp")
    clock.now += 1
    assert cache.get(b"by time") and not cache.get(b"by exp")
    clock.now += 1
    assert not cache.get(b"by time")
    assert len(cache) == 0


def test_a_cache_is_bounded(clock):
    cache = Cache(3)
    for i in range(100):
        cache.put(str(i).encode(), user(clock, 600), clock.now + 2)
        assert len(cache) <= 3
    assert cache.get(b"99") and cache.get(b"97") and not cache.get(b"96")


def test_a_cache_holds_no_token(clock, run_async):
    from tokend_fastapi.checker import Checker
    from tokend_fastapi.checks import Checked

    async def check(token):
        clock.now += 1.5  # an answer is as old as its question
        return Checked(user(clock, 600), 600)

    checker = Checker(check, 2, 10)
    run_async(lambda: checker.user(b"a.b.c"))
    assert "a.b.c" not in repr(vars(checker._cache))
    assert len(checker._cache) == 1
    clock.now += 0.5
    key, = checker._cache._entries
    assert checker._cache.get(key) is None
