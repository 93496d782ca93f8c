"""Requests that api/openapi.yaml asks for, and such as are a little wrong, in a random order: whatever comes, the
answer is one that is described, nothing of the request comes back in an error, and the service goes on."""

import random

import pytest

from support import signing, wire
from support.description import ADMIN, PUBLIC, description
from support.made import MARK, Maker
from support.service import APP, PASSWORDS, RS, SVC, ok

ROUNDS = 12  # of all operations in a random order

ISSUER = "https://id.example/tenants/one"
ISSUER_METADATA = "/.well-known/oauth-authorization-server"

PEM = signing.public_of(signing.Key("ES256").jwk()).public_bytes(*signing.PEM).decode()

# An operator is told which of the files that he named cannot be read.
NAMES_FILES = {"/admin/keys/rewrap"}


class Player:
    """A service under requests, on one connection for each listener."""

    def __init__(self, service, seed, folder):
        self.service = service
        self.rng = random.Random(seed)
        self.folder = folder
        self.connections = {}
        self.seen = set()
        self.people = 0
        self.keys = [signing.Key(alg) for alg in ("EdDSA", "ES256", "HS256")]

    # ---- what the service knows ----

    def stock(self):
        """A person and a client who have just come, and their tokens."""
        self.people += 1
        name, password = f"person{self.people}", "the password of a person"
        user = self.admin("POST", "/admin/users", {
            "username": name, "password": password, "user_id": f"u-{self.people}",
            "roles": ["user", "admin"], "scope": "read write"})
        client = self.admin("POST", "/admin/clients", {
            "client_id": f"c-{self.people}", "grants": "password refresh_token client_credentials",
            "scope": "read write introspect"})
        basic = client["client_id"], client["client_secret"]
        mine, its = (ok(self.service.login(name, password, client=by)) for by in (None, basic))
        own = ok(self.service.post("/token", {"grant_type": "client_credentials"}, basic=basic))
        session = self.admin("GET", f"/admin/sessions?user={name}")["sessions"][0]["sid"]
        self.known = self.known_now(name, password, user, basic, (mine, its, own), session)

    def known_now(self, name, password, user, basic, tokens, session):
        mine, its, own = tokens
        access = [pair["access_token"] for pair in tokens]
        refresh = [pair["refresh_token"] for pair in (mine, its)]
        users, clients = [user["user_id"], name], [basic[0], RS[0]]
        bearers = [f"Bearer {token}" for token in access]
        return self.names_of(users, clients, session) | {
            "username": [name, "alice"], "password": [password, PASSWORDS["alice"]],
            "token": access + refresh, "refresh_token": refresh, "client_id": clients,
            "client_secret": [basic[1], RS[1]], "scope": ["read", "read write", ""],
            "user": users, "owner": users, "role": ["user", "admin"], "aud": [ISSUER],
            "roles": ["user support", ["user"]], "user_id": [f"u-{self.rng.randrange(10**6)}"],
            "jwk": [signing.jwt.text(key.jwk(private=True)).decode() for key in self.keys],
            "pem": [PEM], "until": [2**33], "new_master_key_file": [self.master_key()],
            "client": clients, "If-Match": ["*"], "If-None-Match": ["*"],
            "X-Original-Method": ["GET"], "X-Original-URI": ["/a/b"],
            "X-Forwarded-Method": ["GET"], "X-Forwarded-Uri": ["/a/b"],
            "security client": [wire.basic(*client) for client in (basic, RS, APP, SVC)],
            "security bearer": bearers, "security login": bearers,
            "security service": [f"Bearer {own['access_token']}"],
            "/token body": [
                {"grant_type": "password", "username": name, "password": password},
                {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]},
                {"grant_type": "client_credentials", "client_id": basic[0],
                 "client_secret": basic[1]}],
        }

    def names_of(self, users, clients, session):
        """What stands in the braces of paths."""
        names = {"/admin/users": users, "/admin/clients": clients, "/admin/sessions": [session],
                 "/admin/keys": [key["kid"] for key in self.admin("GET", "/admin/keys")["keys"]],
                 "/verify/envoy": ["a/b"], ISSUER_METADATA: ["tenants/one"]}
        return {f"{path.template} {parameter['name']}": names[path.template.partition("/{")[0]]
                for path in description().paths for parameter in path.parameters
                if parameter["in"] == "path"}

    def master_key(self):
        path = self.folder / f"master{self.people}.key"
        path.write_bytes(self.rng.randbytes(32))
        path.chmod(0o600)
        return str(path)

    def admin(self, method, path, body=None):
        answer = self.service.admin(method, path, body)
        assert answer.status in (200, 201), answer
        return answer.json

    # ---- asking ----

    def connection(self, listener):
        if listener not in self.connections:
            address = self.service.port if listener == PUBLIC else self.service.socket_path()
            self.connections[listener] = wire.Wire(address)
        return self.connections[listener]

    def close(self):
        for connection in self.connections.values():
            connection.close()

    def ask(self, path, method, listener):
        request = Maker(self.rng, self.known).request(path, method)
        connection = self.connection(listener)
        connection.send(wire.request_bytes(*request))
        answer = connection.answer(to=request[0])
        self.judge(path, method, listener, request, answer)

    def judge(self, path, method, listener, request, answer):
        told = f"{request}\n{answer}"
        self.service._note_answer(answer.body)
        assert answer.status < 500, told
        assert "close" not in answer.all("connection"), told
        description().check(request[0], request[1], listener, answer)
        if answer.status >= 400 and path.template not in NAMES_FILES:
            assert MARK.encode() not in answer.body, told
        # RFC 6750 section 3: a challenge may name the scope that the demand was about.
        assert MARK not in str([row for row in answer.headers if row[0] != "www-authenticate"]), told
        self.seen.add((path.template, method, answer.status < 400))


def operations():
    """Every operation on every listener that it is offered on."""
    return [(path, method, listener) for path in description().paths
            for method in path.operations for listener in sorted(path.listeners)]


@pytest.fixture
def player(fleet, tmp_path, request):
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - match: {path: /a/**}\n    allow: [{roles: [user]}, {anyone: true}]\n"
                      "    cache_s: 5\n")
    service = fleet.serve({"policy.file": policy, "forward_auth.trusted_peers": "127.0.0.1",
                           "issuer": ISSUER})
    player = Player(service, request.param, tmp_path)
    yield player
    player.close()


def play(player, rounds):
    for _ in range(rounds):
        turns = operations()
        player.rng.shuffle(turns)
        for i, turn in enumerate(turns):
            if i % 15 == 0:
                player.stock()
            player.ask(*turn)
    player.stock()
    assert ok(player.service.get("/healthz/ready")) == {"status": "ok"}


@pytest.mark.parametrize("player", range(3), indirect=True)
def test_whatever_is_asked_the_answer_is_described(player):
    play(player, ROUNDS)


@pytest.mark.long
@pytest.mark.parametrize("player", range(100, 120), indirect=True)
def test_whatever_is_asked_for_long(player):
    play(player, 5 * ROUNDS)


@pytest.mark.parametrize("player", [4711], indirect=True)
def test_the_requests_are_such_as_work_and_such_as_do_not(player):
    """Or the tests above would show little."""
    play(player, 3 * ROUNDS)
    wanted = {(path.template, method) for path, method, _ in operations() if method != "options"}
    works = {row[:2] for row in player.seen if row[2]}
    assert sorted(wanted - works) == []
    refused = {row[:2] for row in player.seen if not row[2]}
    assert len(refused) >= len(wanted) / 2
