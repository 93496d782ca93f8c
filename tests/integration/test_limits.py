"""What a client can make grow has an end, and the end hinders nobody else."""

import functools
import socket

from support import wire
from support.service import PASSWORDS, oauth_error, ok
from support.wait import Background, at_once, wait_until

FORM = ("Content-Type", "application/x-www-form-urlencoded")


# ---- logins ----

def test_a_login_storm_is_refused_at_once_and_checks_go_on(fleet):
    """One hasher, one waiting place, and hashes that take their time."""
    service = fleet.serve({"argon2.m_kib": 65536, "argon2.t": 3, "hasher.threads_count": 1,
                           "hasher.queue_count": 1, "throttle.enabled": "true"})
    token = service.tokens()["access_token"]
    names = ["alice", "bob", "boss"] + [f"nobody{i}" for i in range(13)]
    with Background(lambda: ok(service.verify(token, "?role=user")), threads=1) as checks:
        answers = at_once(*[functools.partial(service.login, name) for name in names])
        checks.rounds(5)
    assert not checks.failures, checks.failures
    busy = [answer for answer in answers if answer.status == 503]
    assert busy, answers
    for answer in busy:
        oauth_error(answer, 503, "temporarily_unavailable")
    assert {answer.status for answer in answers} <= {200, 400, 503}
    for name in ("alice", "bob", "boss"):  # and nothing is held against them
        ok(service.login(name))


def test_who_waits_too_long_is_told_so(fleet):
    service = fleet.serve({"argon2.m_kib": 262144, "argon2.t": 4, "hasher.threads_count": 1,
                           "hasher.deadline_s": 1})
    wait_until(lambda: service.login("nobody").status == 400, "the hasher has its memory")
    answers = at_once(*[functools.partial(service.login, f"nobody{i}") for i in range(12)])
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {400, 503}


def test_an_aborted_login_hurts_nobody(service):
    form = wire.encode({"grant_type": "password", "username": "alice",
                        "password": PASSWORDS["alice"]})
    request = wire.request_bytes("POST", "/token", [FORM], form.encode())
    for cut in (len(request), len(request) - 1, 20, 0):
        for _ in range(8):
            connection = wire.Wire(service.port)
            connection.send(request[:cut])
            # Reset, not closed: the answer finds nobody.
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
    ok(service.login())


# ---- connections ----

def test_connections_beyond_the_limit_are_closed_and_the_others_served(fleet):
    service = fleet.serve({"http.connections_max": 8, "http.loops_count": 1})
    held = [wire.Wire(service.port) for _ in range(8)]
    for connection in held:
        connection.send(wire.request_bytes("GET", "/healthz/live"))
        assert connection.answer().status == 200
    with wire.Wire(service.port) as extra:
        assert extra.is_closed()
    for connection in held:
        connection.send(wire.request_bytes("GET", "/healthz/live"))
        assert connection.answer().status == 200
        connection.close()
    wait_until(lambda: answers(service), "there is room again")


def answers(service):
    try:
        return service.get("/healthz/live").status == 200
    except (wire.Closed, ConnectionError):
        return False


def test_the_admin_socket_answers_when_the_public_side_is_full(fleet):
    service = fleet.serve({"http.connections_max": 4, "http.loops_count": 1})
    held = [wire.Wire(service.port) for _ in range(8)]
    assert "users" in service.admin("GET", "/admin/users").json
    for connection in held:
        connection.close()


def test_slow_requests_are_cut_off(fleet):
    service = fleet.serve({"http.request_timeout_s": 1})
    pieces = [
        b"",
        b"GET /healthz/live HTTP/1.1\r\nHo",
        b"POST /revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 100\r\n\r\ntoken=",
        wire.request_bytes("GET", "/healthz/live"),  # answered, and then idle
    ]
    held = [wire.Wire(service.port) for _ in pieces]
    for connection, piece in zip(held, pieces):
        connection.send(piece)
    assert held[-1].answer().status == 200
    for connection in held:
        wait_until(connection.is_closed, "a slow connection is closed", 30)
        connection.close()
    ok(service.login())


def open_connections(service):
    text = service.admin("GET", "/metrics").body.decode()
    return int(text.split("\ntokend_http_connections ")[1].split("\n")[0])


def test_a_peer_that_reads_nothing_is_dropped(fleet):
    service = fleet.serve({"http.write_timeout_s": 1})
    connection = wire.Wire(service.port)
    connection.socket.setblocking(False)
    request = wire.request_bytes("GET", "/.well-known/jwks.json") * 50

    def stuffed():
        """The service takes no more, since nobody takes its answers."""
        try:
            connection.socket.send(request)
            return False
        except BlockingIOError:
            return True
        except ConnectionError:
            return True  # dropped already

    wait_until(stuffed, "the connection is full", 30)
    assert service.is_active(service.tokens()["access_token"])
    wait_until(lambda: open_connections(service) == 0, "it is dropped", 30)
    connection.close()


def test_many_idle_connections_hinder_nobody(service):
    held = [wire.Wire(service.port) for _ in range(400)]
    ok(service.login())
    assert service.is_active(service.tokens()["access_token"])
    for connection in held:
        connection.close()


# ---- sizes ----

def test_large_values_in_every_field(shared):
    big = "x" * 12000
    for path, form in [("/token", {"grant_type": big}),
                       ("/token", {"grant_type": "password", "username": big, "password": "p"}),
                       ("/token", {"grant_type": "password", "username": "alice",
                                   "password": "y" * 12000}),
                       ("/token", {"grant_type": "password", "username": "alice", "scope": big,
                                   "password": PASSWORDS["alice"]}),
                       ("/token", {"grant_type": "client_credentials", "client_id": big,
                                   "client_secret": "x"}),
                       ("/refresh", {"refresh_token": "y" * 12000}),
                       ("/introspect", {"token": "y" * 12000})]:
        answer = shared.post(path, form)
        assert answer.status in (400, 401), (path, form.keys(), answer)
    ok(shared.revoke("y" * 12000))
    assert shared.verify("y" * 12000).status == 401
    assert shared.verify(None, "?owner=" + big).status == 401
    assert shared.post("/revoke", {"token": "x"}, basic=(big[:3000], "y" * 3000)).status == 401


def test_as_many_rights_as_the_records_hold(service):
    scopes = " ".join(f"scope{i:03}" for i in range(113))  # 1,016 bytes
    roles = [f"role{i:02}-{'r' * 9}" for i in range(60)]
    flags = [word for role in roles for word in ("--role", role)]
    service.cli("user", "add", "rich", "--scope", scopes, *flags, stdin="the password of rich\n")
    pair = service.tokens("rich", "the password of rich")
    assert pair["scope"] == scopes
    told = service.introspect(pair["access_token"])
    assert told["active"] and told["roles"] == roles and told["scope"] == scopes
    answer = service.verify(pair["access_token"], "?scope=scope000+scope112&role=" + roles[-1])
    assert ok(answer)["roles"] == roles and answer.one("x-auth-scope") == scopes
    assert ok(service.refresh(pair["refresh_token"]))["scope"] == scopes
