"""Tokens of the system one moves in from: good at /verify and /introspect until they die."""

import json
import time

import pytest

from support import jwt
from support.configured import Configured, reload
from support.fleet import fleet_in
from support.service import APP, FORGER, RS, free_port, oauth_error, ok
from support.signing import Key
from support.wait import wait_until

IDENTITY = ("x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client")

# The seed's: one secret in all its services, and tokens that say little.
SECRET = b"the-seed's-shared-secret-0123456789abcdef"
SEED = Key("HS256", secret=SECRET)
ISSUERS = {alg: f"https://{alg.lower()}.example" for alg in ("RS256", "ES256", "EdDSA")}
KEYS = {alg: Key(alg, kid=f"theirs-{alg}") for alg in ISSUERS}

CONFIGURATION = """
trusted_issuers:
  - secret_file: seed.secret
    algorithms: [HS256]
    for_tokens_without: [iss, kid, aud]
    roles: {administrator: admin, guest: visitor}
"""


def entry(alg, *more):
    lines = [f"issuer: {ISSUERS[alg]}", "audience: api", f"jwks_file: {alg}.json",
             f"algorithms: [{alg}]", *more]
    return "  - " + "\n    ".join(lines) + "\n"


def now():
    return int(time.time())


def their_claims(alg=None, **more):
    """Of a named issuer, or the seed's; None leaves one out."""
    claims = {"sub": "42", "exp": now() + 600, "role": "user", "user_id": 42}
    if alg:
        claims = {"iss": ISSUERS[alg], "aud": "api", "sub": "theirs", "exp": now() + 600,
                  "roles": ["user", "reader"], "scope": "read"}
    return {name: value for name, value in (claims | more).items() if value is not None}


def seed(header=(), **more):
    return SEED.token(their_claims(**more), header)


def theirs(alg, header=(), **more):
    return KEYS[alg].token(their_claims(alg, **more), header)


def write_keys(folder):
    (folder / "seed.secret").write_bytes(SECRET + b"\n")
    for alg, key in KEYS.items():
        (folder / f"{alg}.json").write_text(json.dumps({"keys": [
            {"kty": "unheard-of", "use": "enc"}, key.jwk(use="sig")]}))


def configured(fleet, folder, text=None, options=None):
    write_keys(folder)
    return Configured(fleet, folder,
                      CONFIGURATION + "".join(map(entry, ISSUERS)) if text is None else text,
                      options)


@pytest.fixture(scope="module")
def moved(stocked, tmp_path_factory):
    """A service that trusts them all."""
    folder = tmp_path_factory.mktemp("moved")
    with fleet_in(stocked, folder) as fleet:
        yield configured(fleet, folder).start().service


def refused(service, token, word="invalid"):
    """At both, and for the word that says why."""
    answer = service.verify(token)
    assert answer.status == 401, answer
    assert f'error_description="{word}"' in answer.one("www-authenticate"), answer
    assert service.introspect(token) == {"active": False}


def taken(service, token):
    """Both say the same of it."""
    answer = ok(service.verify(token))
    told = service.introspect(token)
    assert told == answer | {"token_type": "Bearer", "token_use": "access"}
    assert service.introspect(token, minimal="1") == {"active": True}
    return answer


# ---- the seed's ----

def test_the_seeds_token(moved):
    token = seed()
    assert taken(moved, token) == {
        "active": True, "sub": "42", "user_id": "42", "role": "user", "roles": ["user"],
        "scope": "",
        "exp": jwt.claims(token)["exp"]}
    answer = moved.verify(token)
    assert [answer.one(name) for name in IDENTITY] == ["42", "", "user", "", ""]
    ok(moved.verify(token, "?owner=42"))
    ok(moved.verify(token, "?role=user"))
    for query in ("?owner=43", "?role=admin", "?scope=read", "?aud=api"):
        assert moved.verify(token, query).status == 403


@pytest.mark.parametrize("user_id, means", [
    (42, "42"), (0, "0"), ("42", "42"), ("u-42", "u-42"), (9007199254740993, "9007199254740993"),
    (None, "me@old.example")])
def test_the_user_id_is_a_number_or_a_text(moved, user_id, means):
    token = seed(sub="me@old.example", user_id=user_id)
    assert taken(moved, token)["user_id"] == means
    ok(moved.verify(token, f"?owner={means}"))
    assert moved.verify(token, "?owner=u-alice").status == 403


@pytest.mark.parametrize("user_id", [-1, 1.5, "client:rs", [42], {"a": 1}, True, "a\u0007"],
                         ids=str)
def test_what_is_no_user_id(moved, user_id):
    refused(moved, seed(user_id=user_id), "malformed")


@pytest.mark.parametrize("more, word", [
    ({"exp": None}, "malformed"), ({"exp": "soon"}, "malformed"), ({"exp": -1}, "malformed"),
    ({"exp": 1e300}, "malformed"), ({"exp": 4102444800.5}, "malformed"),
    ({"sub": None}, "malformed"),
    ({"sub": ""}, "malformed"), ({"sub": "client:rs"}, "malformed"), ({"sub": 42}, "malformed"),
    ({"aud": "api"}, "invalid"), ({"iss": "https://else.example"}, "invalid"),
    ({"iss": ""}, "invalid"),
    ({"role": ["user"]}, "malformed"), ({"roles": "user"}, "malformed")], ids=str)
def test_what_the_seed_never_issued(moved, more, word):
    refused(moved, seed(**more), word)


def test_the_seeds_secret_makes_no_token_of_ours(moved):
    ours = jwt.claims(moved.tokens()["access_token"])
    kid = jwt.header(moved.tokens()["access_token"])["kid"]
    for header in ({}, {"typ": "at+jwt"}, {"typ": "at+jwt", "kid": kid}, {"kid": kid}):
        refused(moved, SEED.token(ours, header))
    refused(moved, SEED.token(their_claims(iss=moved.issuer), {}))


# ---- named issuers, with key sets ----

@pytest.mark.parametrize("alg", list(ISSUERS))
def test_tokens_of_a_key_set(moved, alg):
    token = theirs(alg)
    answer = taken(moved, token)
    assert (answer["sub"], answer["user_id"], answer["iss"]) == ("theirs", "theirs", ISSUERS[alg])
    assert (answer["roles"], answer["role"]) == (["user", "reader"], "user")
    assert answer["scope"] == "read"
    ok(moved.verify(token, "?role=reader&scope=read&owner=theirs&aud=api"))
    for typ in (None, "JWT", "jwt", "at+jwt", "application/at+jwt"):
        taken(moved, theirs(alg, {"typ": typ}))
    for aud in (["api"], ["else", "api"]):
        assert taken(moved, theirs(alg, aud=aud))["aud"] == aud


@pytest.mark.parametrize("alg", list(ISSUERS))
def test_named_issuers_are_held_to_their_word(moved, alg):
    other = next(name for name in ISSUERS if name != alg)
    for header, more in (
            ({}, {"iss": None}), ({}, {"iss": ISSUERS[alg] + "/"}), ({}, {"iss": ISSUERS[other]}),
            ({}, {"aud": None}), ({}, {"aud": "else"}), ({}, {"aud": []}), ({}, {"aud": ["apis"]}),
            ({"kid": None}, {}), ({"kid": ""}, {}), ({"kid": "else"}, {}),
            ({"kid": KEYS[other].kid}, {}), ({"alg": KEYS[other].alg}, {}), ({"alg": "none"}, {}),
            ({"alg": "HS256"}, {}), ({"typ": "dpop+jwt"}, {}), ({"typ": "logout+jwt"}, {})):
        refused(moved, theirs(alg, header, **more))
    stranger = Key(alg, kid=KEYS[alg].kid)
    refused(moved, stranger.token(their_claims(alg)))
    refused(moved, KEYS[other].token(their_claims(alg)))
    refused(moved, SEED.token(their_claims(alg), {"kid": KEYS[alg].kid}))
    refused(moved, theirs(alg, {"crit": ["x"], "x": 1}), "malformed")


@pytest.mark.parametrize("alg", [None, *ISSUERS])
def test_clocks_differ_by_the_leeway(moved, alg):
    make = (lambda **more: theirs(alg, **more)) if alg else seed
    taken(moved, make(exp=now() - 1))
    refused(moved, make(exp=now() - 6), "expired")
    refused(moved, make(exp=now() - 600), "expired")
    taken(moved, make(nbf=now() + 3, iat=now() + 3))
    refused(moved, make(nbf=now() + 60))
    refused(moved, make(iat=now() + 60))
    dying = make(exp=now() - 4)
    wait_until(lambda: moved.verify(dying).status == 401, "it dies with the leeway")


@pytest.mark.parametrize("leeway", [0, 60])
def test_the_leeway_is_the_entrys(fleet, tmp_path, leeway):
    service = configured(fleet, tmp_path, "trusted_issuers:\n"
                         + entry("ES256", f"leeway_s: {leeway}")).start().service
    assert (service.verify(theirs("ES256", exp=now() - 50)).status == 200) == (leeway == 60)
    assert (service.verify(theirs("ES256", nbf=now() + 50)).status == 200) == (leeway == 60)
    refused(service, theirs("ES256", exp=now() - 70), "expired")
    # Ours are dead when they are.
    ours = jwt.claims(service.tokens()["access_token"]) | {"exp": now() - 1}
    header = {"alg": "HS256", "typ": "at+jwt", "kid": FORGER["kid"]}
    refused(service, jwt.hs256(jwt.unb64(FORGER["k"]), header, ours), "expired")


@pytest.mark.parametrize("lacks", ["iss", "kid", "aud"])
def test_what_may_lack_is_what_the_entry_says(fleet, tmp_path, lacks):
    members = ["jwks_file: ES256.json", "algorithms: [ES256]", f"for_tokens_without: [{lacks}]"]
    members += [] if lacks == "iss" else [f"issuer: {ISSUERS['ES256']}"]
    members += [] if lacks == "aud" else ["audience: api"]
    service = configured(fleet, tmp_path, "trusted_issuers:\n  - "
                         + "\n    ".join(members) + "\n").start().service
    variants = {"iss": ({}, {"iss": None}), "kid": ({"kid": None}, {}), "aud": ({}, {"aud": None})}
    for name, (header, more) in variants.items():
        if lacks == "iss":  # and then there is none in any
            more = more | {"iss": None}
        token = theirs("ES256", header, **more)
        if name == lacks:
            taken(service, token)
        else:
            refused(service, token)


def test_two_keys_that_could_be_meant_are_none(fleet, tmp_path):
    moved = configured(fleet, tmp_path, "trusted_issuers:\n"
                       + entry("ES256", "for_tokens_without: [kid]"))
    other = Key("ES256", kid="other")
    service = moved.start().service
    taken(service, theirs("ES256", {"kid": None}))
    (tmp_path / "ES256.json").write_text(json.dumps(
        {"keys": [KEYS["ES256"].jwk(), other.jwk()]}))
    assert reload(service) is None
    wait_until(lambda: service.verify(other.token(their_claims("ES256"))).status == 200,
               "the other key is there")
    refused(service, theirs("ES256", {"kid": None}))
    refused(service, other.token(their_claims("ES256"), {"kid": None}))
    taken(service, theirs("ES256"))


# ---- roles ----

def test_roles_have_our_names_and_are_never_tokends(moved):
    for role, means in (("administrator", ["admin"]), ("guest", ["visitor"]), ("user", ["user"]),
                        ("tokend:admin", []), ("tokend:", []), ("tokend:anything", []),
                        ("two words", []), ("", [])):
        assert taken(moved, seed(role=role))["roles"] == means
    many = ["administrator", "tokend:admin", "user", "administrator", "user"]
    answer = taken(moved, seed(role=None, roles=many))
    assert answer["roles"] == ["admin", "user"] and answer["role"] == "admin"
    assert taken(moved, theirs("RS256", roles=["tokend:admin", "a"]))["roles"] == ["a"]
    # The mapping is that entry's alone.
    assert taken(moved, theirs("RS256", roles=["administrator"]))["roles"] == ["administrator"]
    ok(moved.verify(seed(role="administrator"), "?owner=somebody"))


def test_no_role_maps_to_one_that_only_we_give(fleet, tmp_path):
    text = "trusted_issuers:\n" + entry("ES256", "roles: {root: 'tokend:admin'}")
    assert "tokend:admin" in configured(fleet, tmp_path, text).service.refused("serve")


# ---- what they never open ----

ROOT = {"role": "tokend:admin", "scope": "introspect tokend:admin", "client_id": RS[0],
        "username": "boss", "epoch": 0, "jti": "x", "sid": "x"}


def test_they_never_administer(fleet, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    service = configured(fleet, tmp_path, options={"admin.listen": address}).start().service
    where = (address.partition(":")[0], int(address.partition(":")[2]))
    tokens = [seed(**ROOT, sub=sub) for sub in ("u-boss", "boss", "42")]
    tokens += [theirs(alg, **ROOT | {"roles": ["tokend:admin"]}) for alg in ISSUERS]
    for token in tokens:
        taken(service, token)
        service.secrets.add(token)
        for method, path in (("GET", "/admin/keys"), ("GET", "/admin/users"),
                             ("GET", "/admin/audit"),
                             ("POST", "/admin/keys/rotate"), ("POST", "/admin/reload"),
                             ("GET", "/metrics")):
            answer = service.request(method, path, [("Authorization", f"Bearer {token}")], b"",
                                     address=where)
            assert answer.status == 403, answer
    boss = service.tokens("boss")["access_token"]
    answer = service.get("/admin/keys", [("Authorization", f"Bearer {boss}")], address=where)
    assert answer.status == 200


def test_they_never_are_a_caller(moved):
    ours = moved.tokens()["access_token"]
    for token in (seed(**ROOT), seed(**ROOT, sub="rs"), theirs("EdDSA", **ROOT)):
        answer = moved.post("/introspect", {"token": ours}, bearer=token)
        oauth_error(answer, 403, "insufficient_scope")
        for path in ("/revoke", "/token"):
            form = {"token": ours, "grant_type": "client_credentials"}
            assert moved.post(path, form, bearer=token).status in (400, 401)
    refused(moved, seed(**ROOT | {"sub": "client:rs"}), "malformed")
    assert moved.is_active(ours)


def test_to_revoke_one_is_a_success_and_does_nothing(moved):
    for token in (seed(client_id=APP[0], jti="x", sid="x"), theirs("RS256", client_id=APP[0])):
        assert ok(moved.revoke(token, client=APP)) == {}
        taken(moved, token)


def test_nobody_revokes_ours_under_their_name(moved):
    """A token of theirs may carry any jti and any client, also those of a token of ours."""
    ours = moved.tokens()["access_token"]
    for token in (seed(client_id=APP[0], jti=jwt.claims(ours)["jti"]),
                  theirs("EdDSA", client_id=APP[0], jti=jwt.claims(ours)["jti"])):
        ok(moved.revoke(token, client=APP))
        taken(moved, token)
        taken(moved, ours)


def test_a_token_of_theirs_does_not_meet_what_was_revoked_of_ours(moved):
    """Names of theirs are not ours: a session and a jti of ours end ours alone."""
    pair = moved.tokens(client=APP)
    claims = jwt.claims(pair["access_token"])
    ok(moved.revoke(pair["refresh_token"], client=APP))
    assert moved.verify(pair["access_token"]).status == 401
    taken(moved, theirs("RS256", sid=claims["sid"], jti=claims["jti"]))


def test_ours_are_unaffected(moved):
    pair = moved.tokens()
    assert taken(moved, pair["access_token"])["iss"] == moved.issuer
    ok(moved.refresh(pair["refresh_token"]))
    keys = {key["kid"] for key in moved.get("/.well-known/jwks.json").json["keys"]}
    assert keys.isdisjoint(key.kid for key in KEYS.values())
    assert SECRET.decode() not in str(moved.cli("config", "show", "--json"))


def test_forward_auth_knows_them(fleet, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - match: {path: /users/{owner}}\n    allow: [{owner: true}]\n"
                      "  - match: {path: /app}\n    allow: [{client: [app]}]\n")
    service = configured(fleet, tmp_path, options={
        "policy.file": policy, "forward_auth.trusted_peers": "127.0.0.1"}).start().service

    def ask(uri, token):
        return service.get("/verify/nginx", [("X-Original-Method", "GET"), ("X-Original-URI", uri),
                                             ("Authorization", f"Bearer {token}")])
    answer = ask("/users/42", seed(sub="me@old.example"))
    assert ok(answer)["user_id"] == "42" and answer.one("x-auth-subject") == "me@old.example"
    assert ask("/users/43", seed()).status == 403
    assert ask("/users/42", seed(exp=now() - 60)).status == 401


# ---- the file ----

def with_key_set(name):
    return "trusted_issuers:\n" + entry("RS256").replace("RS256.json", name)


BAD = {
    "no list": "trusted_issuers: {a: b}\n",
    "an unknown member": CONFIGURATION + "    url: https://x.example\n",
    "no algorithms": CONFIGURATION.replace("    algorithms: [HS256]\n", ""),
    "none": CONFIGURATION.replace("HS256", "none"),
    "another algorithm": CONFIGURATION.replace("HS256", "RS256"),
    "no file": CONFIGURATION.replace("secret_file: seed.secret", "leeway_s: 5"),
    "no such file": CONFIGURATION.replace("seed.secret", "nowhere"),
    "two files": CONFIGURATION + "    jwks_file: RS256.json\n",
    "two without": CONFIGURATION + entry("RS256", "for_tokens_without: [kid]"),
    "twice": "trusted_issuers:\n" + entry("RS256") + entry("RS256"),
    "without what": CONFIGURATION.replace("[iss, kid, aud]", "[exp]"),
    "neither issuer nor without": CONFIGURATION.replace("[iss, kid, aud]", "[kid, aud]"),
    "no audience": CONFIGURATION.replace("[iss, kid, aud]", "[kid, iss]"),
    "leeway": "trusted_issuers:\n" + entry("RS256", "leeway_s: 61"),
    "a url": with_key_set("https://x.example/jwks.json"),
    "no key set": with_key_set("seed.secret"),
    "a key of another kind": with_key_set("ES256.json"),
    "a weak key": with_key_set("weak.json"),
    "a weak secret": CONFIGURATION.replace("seed.secret", "weak.secret"),
}


@pytest.fixture(scope="module")
def weak():
    return json.dumps({"keys": [Key("RS256", bits=1024).jwk()]})


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_entry_starts_nothing(fleet, tmp_path, weak, name):
    (tmp_path / "weak.json").write_text(weak)
    (tmp_path / "weak.secret").write_bytes(SECRET[:31])
    entries = configured(fleet, tmp_path, BAD[name])
    text = entries.service.refused("serve")
    assert entries.service.refused("config", "check") == text
    assert text.startswith(f"tokend: {entries.path}:") and "trusted_issuers" in text
    assert SECRET.decode()[:31] not in text


def test_good_entries_are_good_before_they_start(fleet, tmp_path):
    entries = configured(fleet, tmp_path)
    assert entries.service.cli("config", "check") == "the configuration is good\n"


def test_a_reload_takes_all_or_nothing(fleet, tmp_path, weak):
    (tmp_path / "weak.json").write_text(weak)
    (tmp_path / "weak.secret").write_bytes(SECRET[:31])
    entries = configured(fleet, tmp_path, "")
    service = entries.start().service
    ours, by_secret, by_key = service.tokens()["access_token"], seed(), theirs("RS256")
    refused(service, by_secret)
    refused(service, by_key)

    entries.write(CONFIGURATION)
    assert reload(service) is None
    wait_until(lambda: service.verify(by_secret).status == 200, "the seed's tokens are good")
    refused(service, by_key)
    for text in BAD.values():
        entries.write(text)
        assert f"{entries.path}:" in reload(service)
        taken(service, by_secret)
        refused(service, by_key)

    entries.write("trusted_issuers:\n" + entry("RS256"))
    assert reload(service) is None
    wait_until(lambda: service.verify(by_key).status == 200, "the other's are good")
    refused(service, by_secret)
    entries.write("")
    assert reload(service) is None
    wait_until(lambda: service.verify(by_key).status == 401, "nobody else's are good")
    refused(service, by_secret)
    taken(service, ours)


def test_a_new_key_set_is_read_again(fleet, tmp_path):
    service = configured(fleet, tmp_path).start().service
    successor = Key("ES256", kid="their-next")
    token = successor.token(their_claims("ES256"))
    refused(service, token)
    (tmp_path / "ES256.json").write_text(json.dumps({"keys": [successor.jwk()]}))
    refused(service, token)
    assert reload(service) is None
    wait_until(lambda: service.verify(token).status == 200, "the successor is known")
    refused(service, theirs("ES256"))
    (tmp_path / "ES256.json").write_text("{")
    assert "key set" in reload(service)
    taken(service, token)
