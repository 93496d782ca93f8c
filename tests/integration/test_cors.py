"""Browsers of other origins: none by default, those of cors.origins where it makes sense."""

import pytest

from support.fleet import fleet_in
from support.service import PASSWORDS, ok

ORIGIN = "https://app.example"
ALICE = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}


def preflight(service, path, origin):
    return service.request("OPTIONS", path, [("Origin", origin),
                                             ("Access-Control-Request-Method", "POST"),
                                             ("Access-Control-Request-Headers",
                                              "authorization,content-type")])


@pytest.fixture(scope="module")
def service(stocked, tmp_path_factory):
    with fleet_in(stocked, tmp_path_factory.mktemp("cors")) as fleet:
        yield fleet.serve({"cors.origins": f"{ORIGIN} http://localhost:3000"})


def test_none_by_default(shared):
    answer = preflight(shared, "/token", ORIGIN)
    assert answer.status == 405 and not answer.has("access-control-allow-origin")
    answer = shared.post("/token", ALICE, headers=[("Origin", ORIGIN)])
    ok(answer)
    assert not answer.has("access-control-allow-origin")


@pytest.mark.parametrize("path", ["/token", "/refresh", "/revoke"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_a_preflight_of_a_listed_origin(service, path, origin):
    answer = preflight(service, path, origin)
    assert answer.status in (200, 204) and answer.body == b""
    assert answer.one("access-control-allow-origin") == origin
    assert "POST" in answer.one("access-control-allow-methods")
    allowed = {name.strip().lower()
               for name in answer.one("access-control-allow-headers").split(",")}
    assert {"authorization", "content-type"} <= allowed
    assert "origin" in answer.one("vary").lower()
    assert not answer.has("access-control-allow-credentials")


def test_a_preflight_as_swagger_ui_causes_it(service):
    """Its Authorize button sends X-Requested-With, for which browsers ask too."""
    answer = service.request("OPTIONS", "/token", [
        ("Origin", ORIGIN), ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,x-requested-with")])
    allowed = answer.one("access-control-allow-headers").lower().split(", ")
    assert {"authorization", "x-requested-with"} <= set(allowed)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil",
                                    "HTTPS://APP.EXAMPLE",
                                    "https://app.example:444", "http://app.example",
                                    "https://app.exampl", "*"])
def test_any_other_origin_gets_nothing(service, origin):
    assert not preflight(service, "/token", origin).has("access-control-allow-origin")
    assert not service.post("/token", ALICE, headers=[("Origin",
                                                       origin)]).has("access-control-allow-origin")


@pytest.mark.parametrize("path", ["/introspect", "/verify", "/.well-known/jwks.json",
                                  "/healthz/live"])
def test_no_other_endpoint(service, path):
    assert not preflight(service, path, ORIGIN).has("access-control-allow-origin")


def test_answers_and_errors_can_be_read(service):
    headers = [("Origin", ORIGIN)]
    for answer in (service.post("/token", ALICE, headers=headers),
                   service.post("/token", {}, headers=headers),
                   service.post("/refresh", {"refresh_token": "x"}, headers=headers),
                   service.post("/revoke", {"token": "x"}, headers=headers)):
        assert answer.one("access-control-allow-origin") == ORIGIN
        assert "origin" in answer.one("vary").lower()
