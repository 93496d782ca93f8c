"""Metadata, health and metrics: what a service says about itself."""

import re

from support.service import ok
from support.wait import wait_until

METADATA = "/.well-known/oauth-authorization-server"


def test_the_metadata_say_what_is_offered(shared):
    answer = shared.get(METADATA)
    told = ok(answer)
    assert answer.one("cache-control") == "public, max-age=300"
    assert told["issuer"] == shared.issuer
    assert told["response_types_supported"] == []
    assert set(told["grant_types_supported"]) == {"password", "refresh_token", "client_credentials"}
    assert set(told["token_endpoint_auth_methods_supported"]) == {
        "client_secret_basic", "client_secret_post", "none"}
    assert "none" not in told["introspection_endpoint_auth_methods_supported"]
    assert "authorization_endpoint" not in told


def test_every_url_of_the_metadata_is_there(shared):
    told = shared.get(METADATA).json
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        assert told[name].startswith(shared.issuer + "/")
        assert shared.post(told[name].removeprefix(shared.issuer), {}).status in (400, 401)
    assert shared.get(told["jwks_uri"].removeprefix(shared.issuer)).status == 200


def test_an_issuer_of_the_operators_own(fleet):
    for issuer, prefix in (("https://id.example", "https://id.example"),
                           ("https://id.example/", "https://id.example")):
        told = fleet.serve({"issuer": issuer}).get(METADATA).json
        assert told["issuer"] == issuer and told["token_endpoint"] == prefix + "/token"


def test_there_is_no_openid_discovery(shared):
    assert shared.get("/.well-known/openid-configuration").status == 404


def test_live_and_ready(shared):
    for path in ("/healthz/live", "/healthz/ready"):
        assert ok(shared.get(path)) == {"status": "ok"}
        assert shared.request("HEAD", path).status == 200


def test_health_by_the_command_line(fleet):
    service = fleet.make()
    assert "no tokend" in service.refused("health")
    service.start()
    assert service.cli("health") == "ready\n"
    assert service.cli("health", "--url", service.issuer, "--json") == {"ready": True}
    service.stop()
    service.refused("health")
    service.refused("health", "--url", service.issuer)
    service.refused("health", "--url", "ftp://somewhere")


# ---- metrics: on the admin listener alone ----

SAMPLE = r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+'


def metric(service, name):
    text = service.admin("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\d+)$", text, re.MULTILINE)
    assert found, f"no {name} in\n{text}"
    return int(found[1])


def test_metrics_are_not_public(shared):
    for path in ("/metrics", "/admin/users", "/admin/", "/admin"):
        assert shared.get(path).status == 404


def test_what_happened_is_counted(service):
    pair = service.tokens()
    service.login("alice", "not the password of alice")
    ok(service.refresh(pair["refresh_token"]))
    ok(service.refresh(pair["refresh_token"]))
    ok(service.verify(pair["access_token"]))
    service.verify(pair["access_token"], "?role=admin")
    service.verify("nonsense")
    assert metric(service, 'tokend_logins_total{result="ok"}') == 1
    assert metric(service, 'tokend_logins_total{result="refused"}') == 1
    assert metric(service, 'tokend_refreshes_total{result="ok"}') == 1
    assert metric(service, 'tokend_refreshes_total{result="replayed"}') == 1
    assert metric(service, 'tokend_checks_total{result="good"}') == 2
    assert metric(service, 'tokend_checks_total{result="denied"}') == 1
    assert metric(service, 'tokend_check_reasons_total{reason="malformed"}') == 1
    assert metric(service, "tokend_signing_key") == 1
    assert metric(service, "tokend_store_writable") == 1
    assert metric(service, "tokend_clients") == 4


def test_metrics_have_the_form_of_prometheus(service):
    service.tokens()
    answer = service.admin("GET", "/metrics")
    assert answer.one("content-type").startswith("text/plain; version=0.0.4")
    typed = set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in typed, f"{name} is typed twice"
            typed.add(name)
        elif not line.startswith("#"):
            assert re.fullmatch(SAMPLE, line), line
            name = re.match(r"[a-z_]+", line)[0]
            assert name in typed or re.sub(r"_(bucket|sum|count)$", "", name) in typed, line


def test_a_request_is_logged_once_with_its_id(service):
    service.get("/healthz/live", [("X-Request-Id", "one-of-a-kind-1234")])
    wait_until(lambda: service.log().count("one-of-a-kind-1234") == 1, "the request is logged")
