"""What holds at every URL: names of requests, methods, media types, sizes, connections."""

import pytest

from support import wire
from support.description import PUBLIC, description
from support.service import APP, ok

POSTED = ["/token", "/refresh", "/introspect", "/revoke"]
GOTTEN = ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/healthz/live",
          "/healthz/ready"]
FORM = ("Content-Type", "application/x-www-form-urlencoded")


# ---- X-Request-Id ----

@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_a_well_formed_request_id_comes_back(shared, given):
    for target in ("/verify", "/healthz/live", "/nowhere"):
        assert shared.get(target, [("X-Request-Id", given)]).one("x-request-id") == given


@pytest.mark.parametrize("given", ["", " ", "x" * 65, "a b", "a/b", "ä", "a\tb", "{}", "a,b",
                                   "$(x)"])
def test_any_other_is_replaced(shared, given):
    made = shared.get("/verify", [("X-Request-Id", given)]).one("x-request-id")
    assert made and made != given


def test_two_request_ids_are_none(shared):
    twice = [("X-Request-Id", "one"), ("X-Request-Id", "two")]
    assert shared.get("/verify", twice).one("x-request-id") not in ("one", "two")


def test_made_request_ids_differ(shared):
    assert len({shared.get("/healthz/live").one("x-request-id") for _ in range(50)}) == 50


# ---- paths and methods ----

@pytest.mark.parametrize("path", [
    "/", "/nowhere", "/token/", "/TOKEN", "//token", "/./token", "/x/../token", "/token%2f",
    "/%74oken",
    "/tokens", "/toke", "/verify/", "/verify/x", "/.well-known", "/.well-known/", "/healthz",
    "/token;a",
    "/favicon.ico", "/admin", "/metrics", "/index.php?a=b",
])
def test_another_path_is_404(shared, path):
    for method in ("GET", "POST"):
        body = b"" if method == "POST" else None
        answer = shared.request(method, path, [FORM], body)
        assert answer.status == 404 and answer.json == {"detail": "Not found"}, answer


@pytest.mark.parametrize("path, methods, allowed", [
    *[(path, ("GET", "HEAD", "PUT", "DELETE", "PATCH"), {"POST"}) for path in POSTED],
    *[(path, ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"), {"GET", "HEAD"}) for path in GOTTEN],
    ("/verify", ("PUT", "DELETE", "PATCH"), {"GET", "HEAD", "POST"}),
])
def test_another_method_is_405_and_says_which_are_allowed(shared, path, methods, allowed):
    for method in methods:
        answer = shared.request(method, path, [FORM], b"" if method != "GET" else None)
        assert answer.status == 405, (method, answer)
        assert set(answer.one("allow").replace(" ", "").split(",")) - {"OPTIONS"} == allowed
        if method != "HEAD":
            assert answer.json == {"detail": "Method not allowed"}


@pytest.mark.parametrize("method", ["get", "Get", "TRACE", "CONNECT", "PROPFIND", "GETX", "G-T"])
def test_a_method_nobody_offers(shared, method):
    with wire.Wire(shared.port) as connection:
        connection.send(wire.request_bytes(method, "/verify"))
        assert connection.answer().status in (400, 405)


@pytest.mark.parametrize("path", POSTED)
def test_a_post_must_be_a_form_of_a_known_length(shared, path):
    answer = shared.request("POST", path, [("Content-Type", "application/json")], b"{}")
    assert answer.status == 415 and answer.json == {"detail": "Unsupported media type"}
    answer = shared.request("POST", path, [], b"token=x")
    assert answer.status == 415
    with wire.Wire(shared.port) as connection:
        connection.send(wire.request_bytes("POST", path, [FORM]))  # no Content-Length
        assert connection.answer().status in (400, 401, 411)


@pytest.mark.parametrize("path", POSTED + ["/verify"])
def test_a_body_beyond_the_limit_is_413(shared, path):
    body = b"token=" + b"x" * 17000
    with wire.Wire(shared.port) as connection:
        connection.send(wire.request_bytes("POST", path, [FORM], body))
        answer = connection.answer()
        assert answer.status == 413 and set(answer.json) == {"detail"}


def test_the_limit_of_the_body_is_an_option(fleet):
    service = fleet.serve({"http.body_max_bytes": 1024})
    ok(service.revoke("x" * 900, client=APP))
    body = b"token=" + b"x" * 1100
    assert service.request("POST", "/revoke", [FORM], body).status == 413


# ---- HEAD, keep-alive, pipelines ----

@pytest.mark.parametrize("path", GOTTEN + ["/verify"])
def test_head_is_get_without_the_body(shared, path):
    get, head = shared.get(path), shared.request("HEAD", path)
    def lasting(answer):
        return sorted((n, v) for n, v in answer.headers if n not in ("x-request-id", "date"))
    assert head.status == get.status and lasting(head) == lasting(get)


def test_a_connection_serves_many_requests_also_after_errors(shared):
    with wire.Wire(shared.port) as connection:
        for target, status in [("/healthz/live", 200), ("/nowhere", 404), ("/verify", 401),
                               ("/verify?x=1", 400), ("/token", 405), ("/healthz/live", 200)] * 5:
            connection.send(wire.request_bytes("GET", target))
            answer = connection.answer()
            assert answer.status == status
            description().check("GET", target, PUBLIC, answer)


def test_pipelined_requests_are_answered_in_order(shared):
    with wire.Wire(shared.port) as connection:
        connection.send(b"".join(
            wire.request_bytes("GET", "/healthz/live", [("X-Request-Id", f"n{i}")])
            for i in range(20)))
        assert [connection.answer().one("x-request-id")
                for _ in range(20)] == [f"n{i}" for i in range(20)]


def test_a_login_in_a_pipeline_keeps_its_place(shared):
    form = wire.encode({"grant_type": "password", "username": "alice",
                        "password": "not hers, not hers"})
    with wire.Wire(shared.port) as connection:
        connection.send(wire.request_bytes("POST", "/token", [FORM], form.encode())
                        + wire.request_bytes("GET", "/healthz/live"))
        assert connection.answer().status == 400
        assert connection.answer().status == 200


def test_close_is_obeyed(shared):
    with wire.Wire(shared.port) as connection:
        connection.send(wire.request_bytes("GET", "/healthz/live", [("Connection", "close")]))
        assert connection.answer().status == 200
        assert connection.is_closed()


def test_there_is_no_word_about_the_software(shared):
    for target in ("/healthz/live", "/nowhere", "/verify"):
        answer = shared.get(target)
        assert "h2o" not in str(answer.headers).lower()
        assert "2.2" not in " ".join(answer.all("server"))
