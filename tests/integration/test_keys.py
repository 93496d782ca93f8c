"""Signing keys: what is published, when a key signs, and what happens to those before it."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat)

from support import jwt
from support.service import FORGER, RS, SVC, ok, refusal
from support.wait import Background, limit, wait_until

JWKS = "/.well-known/jwks.json"
# RFC 8037 appendix A.1 and A.2.
ED25519 = {"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def published(service):
    return {key["kid"]: key for key in service.get(JWKS).json["keys"]}


def keys(service):
    return {key["kid"]: key for key in service.cli("key", "list", "--json")["keys"]}


def signer(service):
    """The kid that new tokens carry."""
    return jwt.header(service.tokens()["access_token"])["kid"]


def write(folder, jwk, name="key.jwk"):
    path = folder / name
    path.write_text(jwk if isinstance(jwk, str) else json.dumps(jwk))
    return path


# ---- the key set ----

def test_the_key_set_holds_public_members_alone(shared):
    answer = shared.get(JWKS)
    assert answer.status == 200 and answer.one("content-type") == "application/json"
    assert set(answer.json) == {"keys"}
    for key in answer.json["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"],
                key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
        assert key["kid"] == jwt.thumbprint(key) and len(jwt.unb64(key["x"])) == 32


def test_a_shared_secret_is_never_published(shared):
    assert FORGER["kid"] in keys(shared)
    assert FORGER["kid"] not in published(shared)
    for answer in (shared.get(JWKS).body.decode(), shared.cli("key", "list", "--json"),
                   shared.cli("key", "export-public")):
        assert FORGER["k"] not in str(answer)


def test_the_signer_is_in_the_key_set(shared):
    assert signer(shared) in published(shared)


def test_a_verifier_that_knows_only_the_key_set_can_verify(shared):
    token = shared.tokens()["access_token"]
    signing_input, _, signature = token.rpartition(".")
    public = jwt.unb64(published(shared)[jwt.header(token)["kid"]]["x"])
    verifier = Ed25519PublicKey.from_public_bytes(public)
    verifier.verify(jwt.unb64(signature), signing_input.encode())


def test_an_unchanged_key_set_is_304(shared):
    answer = shared.get(JWKS)
    tag = answer.one("etag")
    assert tag.startswith('"') and tag.endswith('"') and len(tag) > 10
    for header in (tag, "*", f'"other", {tag}', f"W/{tag}", f'"a","b",{tag}'):
        again = shared.get(JWKS, [("If-None-Match", header)])
        assert again.status == 304 and again.body == b"" and again.one("etag") == tag
    for header in ('"other"', tag[:-2] + '"', tag.strip('"')):
        assert shared.get(JWKS, [("If-None-Match", header)]).status == 200
    assert shared.request("HEAD", JWKS).one("etag") == tag


def max_age(service):
    return int(service.get(JWKS).one("cache-control").removeprefix("public, max-age="))


def test_max_age_is_the_options(fleet):
    assert max_age(fleet.serve()) == 300
    assert max_age(fleet.serve({"keys.jwks_max_age_s": 17})) == 17
    assert max_age(fleet.serve({"keys.jwks_max_age_s": 0})) == 0


def test_max_age_never_reaches_beyond_the_next_publication(fleet):
    service = fleet.serve({"keys.rotate_every": "400s"}, empty=True)
    # The successor is published 330 s (300 + 30) before it signs: 70 s from now.
    assert 1 <= max_age(service) <= 70


def test_the_list_says_what_comes_next_and_who_has_seen_it(fleet):
    service = fleet.serve({"signing.algorithm": "EdDSA"}, empty=True)
    first = service.cli("key", "list", "--json")
    assert first["jwks_fetches"] == 0
    (key,) = first["keys"]
    assert key["next_step"] == "successor" and key["jwks_fetches"] == 0
    assert key["next_at"] == key["activated_at"] + 30 * 86400 - 330
    made = service.cli("key", "rotate", "--json")
    service.get(JWKS)
    # Counted in times of ten seconds that began after the key was there.
    wait_until(lambda: service.get(JWKS) and keys(service)[made["kid"]]["jwks_fetches"] > 0,
               "fetches carry the new key", 25)
    listed = service.cli("key", "list", "--json")
    after = {key["kid"]: key for key in listed["keys"]}
    assert after[made["kid"]]["jwks_fetches"] <= listed["jwks_fetches"]
    assert after[made["kid"]]["next_step"] == "activate"
    assert after[key["kid"]]["next_step"] == "deactivate"
    assert after[key["kid"]]["next_at"] == after[made["kid"]]["next_at"] == made["activate_at"]
    assert "fetches of the key set" in service.cli("key", "list")


# ---- rotation ----

def test_a_rotated_key_is_published_before_it_signs(service):
    before = signer(service)
    old = service.tokens()["access_token"]
    made = service.cli("key", "rotate", "--json")
    assert made["state"] == "pending" and "warning" not in made
    assert made["activate_at"] - made["created_at"] in (330, 331)  # of parts of a second, the whole
    assert set(published(service)) == {before, made["kid"]}
    assert signer(service) == before and service.is_active(old)
    # Asked again before it signs, there is nothing to do.
    assert service.cli("key", "rotate", "--json")["kid"] == made["kid"]


def test_now_signs_now_and_warns(service):
    before = signer(service)
    old = service.tokens()["access_token"]
    done = service.try_cli("key", "rotate", "--now")
    assert done.returncode == 0 and b"warning" in done.stderr
    made = service.cli("key", "rotate", "--now", "--json")
    assert made["state"] == "active" and made["warning"]
    assert signer(service) == made["kid"] != before
    assert service.is_active(old)  # what the old key signed lives its life out
    states = {kid: key["state"] for kid, key in keys(service).items()}
    assert states[made["kid"]] == "active" and states[before] == "retiring"
    assert list(states.values()).count("active") == 1
    assert before in published(service)


def test_the_schedule_goes_through_all_states(fleet):
    service = fleet.serve({"access_token.ttl_s": 1, "keys.jwks_max_age_s": 1,
                           "keys.publish_margin_s": 0})
    before = signer(service)
    made = service.cli("key", "rotate", "--json")["kid"]
    wait_until(lambda: signer(service) == made, "the pending key signs")
    state = keys(service)[before]
    assert state["state"] == "retiring"
    # Its last token is dead a minute after the longest life of one.
    assert state["retire_at"] - state["deactivated_at"] == 60 + 600  # the stock was made with 600 s


def test_no_check_fails_while_keys_change(service):
    def journey():
        pair = service.tokens()
        ok(service.verify(pair["access_token"], "?role=user"))
        renewed = ok(service.refresh(pair["refresh_token"]))
        ok(service.verify(renewed["access_token"]))
        ok(service.verify(pair["access_token"]))
        assert service.introspect(service.client_token(SVC)["access_token"])["active"]
        assert jwt.header(renewed["access_token"])["kid"] in published(service)
        return jwt.header(renewed["access_token"])["kid"]

    with Background(journey, threads=3) as load:
        for _ in range(6):
            load.rounds(3)
            service.cli("key", "rotate", "--now", "--json")
        load.rounds(6)
    assert not load.failures, load.failures
    assert len(set(load.results)) >= 6


def test_rotation_survives_a_restart_in_the_middle(fleet):
    service = fleet.serve({"keys.jwks_max_age_s": 1, "keys.publish_margin_s": 1})
    before = signer(service)
    made = service.cli("key", "rotate", "--json")["kid"]
    service.kill()
    service.start()
    assert {before, made} <= set(published(service))
    wait_until(lambda: signer(service) == made, "the pending key signs after all")


# ---- import ----

def test_an_imported_key_verifies_and_signs_when_it_is_told_to(service, tmp_path):
    path = write(tmp_path, ED25519)
    before = signer(service)
    made = service.cli("key", "import", path, "--json")
    assert made["kid"] == ED25519_KID and made["state"] == "retiring" and made["imported"]
    assert signer(service) == before and ED25519_KID in published(service)
    service.refused("key", "import", path)

    hmac = {"kty": "oct", "alg": "HS256", "kid": "seed-secret",
            "k": base64.b64encode(b"s" * 33).decode()}
    service.cli("key", "import", write(tmp_path, hmac), "--activate")
    assert signer(service) == "seed-secret" and "seed-secret" not in published(service)
    token = service.tokens()["access_token"]
    assert jwt.header(token)["alg"] == "HS256" and service.is_active(token)
    service.restart()
    assert signer(service) == "seed-secret" and service.is_active(token)


@pytest.mark.parametrize("jwk", [
    "", "{", "[]", "null", '{"kty":"oct"}', '{"kty":"nothing"}',
    {"kty": "oct", "alg": "HS256", "k": "c2hvcnQ"},
    {"kty": "oct", "alg": "none", "k": FORGER["k"]},
    ED25519 | {"alg": "HS256"}, ED25519 | {"alg": "ES256"}, ED25519 | {"use": "enc"},
    ED25519 | {"crv": "Ed448"}, ED25519 | {"d": "AAAA"},
    ED25519 | {"x": ED25519["x"][:-4] + "AAAA"},
    ED25519 | {"x": 1}, '{"kty":"oct","k":"%s","k":"%s"}' % (FORGER["k"], FORGER["k"]),
], ids=str)
def test_what_is_no_key_is_not_imported(shared, tmp_path, jwk):
    before = keys(shared)
    text = shared.refused("key", "import", write(tmp_path, jwk))
    assert FORGER["k"] not in text and ED25519["d"] not in text
    assert keys(shared) == before


def test_a_public_key_verifies_but_cannot_sign(service, tmp_path):
    public = {name: value for name, value in ED25519.items() if name != "d"}
    path = write(tmp_path, public)
    service.refused("key", "import", path, "--activate")
    assert service.cli("key", "import", path, "--json")["kid"] == ED25519_KID
    assert ED25519_KID in published(service)


@pytest.mark.parametrize("make", [
    ed25519.Ed25519PrivateKey.generate,
    lambda: ec.generate_private_key(ec.SECP256R1()),
    lambda: ec.generate_private_key(ec.SECP521R1()),
    lambda: rsa.generate_private_key(65537, 2048),
], ids=["Ed25519", "P-256", "P-521", "RSA"])
def test_pem_as_other_tools_write_it(service, tmp_path, make):
    key = make()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM,
                                           PublicFormat.SubjectPublicKeyInfo).decode()
    service.refused("key", "import", write(tmp_path, public), "--activate")
    made = service.cli("key", "import", write(tmp_path, private), "--activate", "--json")
    assert signer(service) == made["kid"] == jwt.thumbprint(published(service)[made["kid"]])
    token = service.tokens()["access_token"]
    assert service.is_active(token)
    service.refused("key", "import", write(tmp_path, public))  # the same key, so the same kid
    service.restart()
    assert signer(service) == made["kid"] and service.is_active(token)


def test_pem_that_is_no_key(shared, tmp_path):
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                               BestAvailableEncryption(b"phrase")).decode()
    assert "encrypted" in shared.refused("key", "import", write(tmp_path, secret))
    for text in ("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\n"):
        shared.refused("key", "import", write(tmp_path, text))


def test_a_key_that_verifies_until_a_moment(service, tmp_path):
    claims = jwt.claims(service.tokens()["access_token"])
    secret = dict(FORGER, kid="briefly", k=jwt.b64(b"briefly " * 5))
    token = jwt.hs256(jwt.unb64(secret["k"]), {"alg": "HS256", "typ": "at+jwt", "kid": "briefly"},
                      claims)
    assert not service.is_active(token)
    service.cli("key", "import", write(tmp_path, secret), "--until",
                int(time.time() + limit(3)))
    assert service.is_active(token)
    # Not is_active: its two questions may be asked before and after.
    wait_until(lambda: not service.introspect(token)["active"], "the key is retired")
    assert not service.is_active(token)
    assert keys(service)["briefly"]["state"] == "retired"


def test_no_such_file(shared, tmp_path):
    shared.refused("key", "import", tmp_path / "nothing")
    shared.refused("key", "import", tmp_path)


# ---- revocation ----

def test_a_revoked_key_takes_its_tokens_along_at_once(service):
    before = signer(service)
    old = service.tokens()
    assert service.cli("key", "revoke", before, "--json")["state"] == "revoked"
    assert not service.is_active(old["access_token"])
    assert before not in published(service)
    after = signer(service)
    assert after != before and after in published(service)
    # The session is not the key's: it goes on.
    assert service.is_active(ok(service.refresh(old["refresh_token"]))["access_token"])
    service.kill()
    service.start()
    assert not service.is_active(old["access_token"]) and signer(service) == after
    service.refused("key", "revoke", before)


def test_a_drill_reports_and_does_nothing(service):
    kid, pair = signer(service), service.tokens()
    before, audited = keys(service), service.admin("GET", "/admin/audit").json
    drill = service.cli("key", "revoke", kid, "--dry-run", "--end-sessions", "--json")
    assert drill["dry_run"] and drill["sessions"] >= 1
    assert {"client_id": "default"}.items() <= drill["clients"][0].items()
    text = service.try_cli("key", "revoke", kid, "--dry-run").stdout.decode()
    assert "would be revoked" in text and "default" in text
    assert keys(service) == before and service.is_active(pair["access_token"])
    assert service.admin("GET", "/admin/audit").json == audited
    service.refused("key", "revoke", "no-such-kid", "--dry-run")

    done = service.cli("key", "revoke", kid, "--reason", "laptop stolen", "--json")
    assert done["sessions"] == drill["sessions"] and done["clients"] == drill["clients"]
    assert not done["dry_run"] and done["signing_kid"] == signer(service) != kid
    event = next(row for row in service.admin("GET", "/admin/audit").json["events"]
                 if row["event"] == "key_revoked")
    assert (event["object"], event["reason"]) == (kid, "laptop stolen")


def test_sessions_end_with_the_key_by_choice(service):
    pair = service.tokens()
    done = service.cli("key", "revoke", signer(service), "--end-sessions", "--json")
    assert done["sessions"] >= 1 and done["end_sessions"]
    assert service.refresh(pair["refresh_token"]).json["error"] == "invalid_grant"
    assert service.is_active(service.tokens()["access_token"])


def test_a_reason_that_is_too_long(service):
    kid = signer(service)
    service.refused("key", "revoke", kid, "--reason", "x" * 201)
    assert signer(service) == kid


def test_a_revoked_verifying_key(service):
    claims = jwt.claims(service.tokens()["access_token"])
    header = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}
    token = jwt.hs256(jwt.unb64(FORGER["k"]), header, claims)
    assert service.is_active(token)
    service.cli("key", "revoke", FORGER["kid"])
    assert not service.is_active(token)
    assert "invalid" in service.verify(token).one("www-authenticate")


def test_no_such_key(shared):
    shared.refused("key", "revoke", "no-such-kid")


# ---- other algorithms, and the operator's view ----

def test_hs256_by_configuration(fleet):
    service = fleet.serve({"signing.algorithm": "HS256"}, empty=True)
    assert service.get(JWKS).json == {"keys": []}
    service.cli("user", "add", "carol", stdin="the password of carol\n")
    token = service.tokens("carol", "the password of carol")["access_token"]
    assert jwt.header(token)["alg"] == "HS256"
    ok(service.verify(token))


def test_an_algorithm_that_is_not_offered(fleet):
    text = refusal(fleet.make({"signing.algorithm": "none"}, empty=True).try_cli("init"))
    assert "signing.algorithm" in text


def test_export_public_is_the_key_set(service):
    service.cli("key", "rotate")
    exported = service.cli("key", "export-public", "--json")
    assert {key["kid"]: key for key in exported["keys"]} == published(service)


def test_nothing_private_leaves_by_the_administrative_interface(service):
    body = service.admin("GET", "/admin/keys").body.decode()
    for member in ('"d"', '"k"', "sealed"):
        assert member not in body
    assert ok(service.post("/introspect", {"token": "x"}, basic=RS)) == {"active": False}
