"""Rotation as often as the rules allow, under load, before verifiers that do exactly as they are told.

The key behind refresh tokens changes as often, before clients whose answers get lost.

Such a verifier keeps the key set for max-age and not a moment less, revalidates it by its ETag, and does not
read it again because a kid is unknown: whatever signs before its time fails here.
"""

import contextlib
import re
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from support import jwt
from support.service import ok
from support.wait import Background, wait_until

JWKS = "/.well-known/jwks.json"
TTL_S = 3
PASSWORD = "the password of carol"


class Verifier:
    def __init__(self, service):
        self.service = service
        self.keys, self.tag, self.fresh_until = {}, None, 0

    def refresh(self):
        asked = time.monotonic()
        headers = [("If-None-Match", self.tag)] if self.tag else []
        answer = self.service.get(JWKS, headers)
        assert answer.status in ((200, 304) if self.tag else (200,))
        if answer.status == 200:
            self.keys = {key["kid"]: Ed25519PublicKey.from_public_bytes(jwt.unb64(key["x"]))
                         for key in answer.json["keys"]}
            self.tag = answer.one("etag")
        max_age = re.fullmatch(r"public, max-age=(\d+)", answer.one("cache-control"))[1]
        self.fresh_until = asked + int(max_age)

    def check(self, token):
        if time.monotonic() >= self.fresh_until:
            self.refresh()
        kid = jwt.header(token)["kid"]
        assert kid in self.keys, f"{kid} signs, and whoever obeyed max-age does not know it"
        signing_input, _, signature = token.rpartition(".")
        self.keys[kid].verify(jwt.unb64(signature), signing_input.encode())


def journey_of(service, verifiers):
    """Every token is checked when it is new, and again in its last second, by everybody. Returns its kid."""
    held = []

    def judge(token):
        for verifier in verifiers:
            verifier.check(token)
        ok(service.verify(token))

    def left(token):
        return jwt.claims(token)["exp"] - time.time()

    def journey():
        pair = service.tokens("carol", PASSWORD)
        token = pair["access_token"]
        judge(token)
        for _ in range(2):
            answers = [ok(service.refresh(pair["refresh_token"])) for _ in range(2)]
            assert len({answer["refresh_token"] for answer in answers}) == 1
            pair = answers[1]
            judge(pair["access_token"])
        for old in [old for old in held if left(old) < 1]:
            held.remove(old)
            if left(old) > 0.3:  # one that dies while it is looked at says nothing
                judge(old)
        held.append(token)
        return jwt.header(token)["kid"]

    return journey


def assert_the_audit_tells_it(service, signed):
    """Each key was made, then signed, until the one after it did."""
    rows = audit(service)
    events = [(row["event"], row["object"]) for row in rows if row["event"].startswith("key_")]
    lives = {}
    for event, kid in events:
        lives.setdefault(kid, []).append(event)
    order = [kid for event, kid in events if event == "key_activated"]
    assert signed <= set(order)
    for kid in order:
        assert lives[kid][:2] == ["key_created", "key_activated"], lives[kid]
    ended = [kid for event, kid in events if event == "key_deactivated"]
    assert ended == order[:-1]
    symmetric = [row["object"] for row in rows if row["event"] == "symmetric_key_created"]
    assert len(symmetric) > 1
    assert symmetric == [f"refresh-mac {number + 2}" for number in range(len(symmetric))]


def audit(service):
    rows, query = [], ""
    while True:
        page = service.admin("GET", "/admin/audit" + query).json
        rows += page["events"]
        if "next" not in page:
            return rows[::-1]
        query = f"?after={page['next']}"


def rotate_under_load(fleet, max_age, rotations):
    service = fleet.serve({"access_token.ttl_s": TTL_S, "keys.rotate_every": "1s",
                           "keys.jwks_max_age_s": max_age, "keys.publish_margin_s": 1}, empty=True)
    service.cli("user", "add", "carol", stdin=PASSWORD + "\n")
    loads = [Background(journey_of(service, [Verifier(service), Verifier(service)]), threads=1)
             for _ in range(3)]

    def results(name):
        return [result for load in loads for result in getattr(load, name)]

    with contextlib.ExitStack() as running:
        for load in loads:
            running.enter_context(load)
        wait_until(lambda: results("failures") or len(set(results("results"))) > rotations,
                   "the keys have changed often enough", 10 + 8 * rotations)
    assert not results("failures"), results("failures")
    assert_the_audit_tells_it(service, set(results("results")))


@pytest.mark.parametrize("max_age", [0, 1], ids=["every second", "cached for a second"])
def test_no_good_token_fails(fleet, max_age):
    rotate_under_load(fleet, max_age, 4)


@pytest.mark.long
@pytest.mark.parametrize("max_age", [0, 1, 2])
def test_no_good_token_fails_for_a_while(fleet, max_age):
    rotate_under_load(fleet, max_age, 40)
