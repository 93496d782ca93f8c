"""TLS of our own: 1.2 and later, HTTP/1.1 alone, and nothing that outlives a certificate."""

import socket
import ssl
import warnings

import pytest

from support import certificate, wire
from support.service import PASSWORDS, refusal, run
from support.wait import limit, wait_until

FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Encrypted(wire.Wire):
    def __init__(self, port, context):
        super().__init__(port)
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")


def trusting(path, **limits):
    context = ssl.create_default_context(cafile=path)
    for name, value in limits.items():
        setattr(context, name, value)
    return context


@pytest.fixture
def pair(tmp_path):
    return certificate.make(tmp_path)


@pytest.fixture
def service(fleet, pair):
    service = fleet.make({"tls.cert_file": pair[0], "tls.key_file": pair[1]})
    service.spawn()
    wait_until(lambda: f"ready on https://127.0.0.1:{service.port}\n" in service.log(),
               "it is ready")
    return service


def test_a_login_over_tls(service, pair):
    form = wire.encode({"grant_type": "password", "username": "alice",
                        "password": PASSWORDS["alice"]}).encode()
    with Encrypted(service.port, trusting(pair[0])) as connection:
        connection.send(wire.request_bytes("POST", "/token", [FORM], form))
        answer = connection.answer()
        assert answer.status == 200
        token = answer.json["access_token"]
        connection.send(wire.request_bytes("GET", "/verify",
                                           [("Authorization", f"Bearer {token}")]))
        told = connection.answer()
        assert told.status == 200 and told.json["iss"] == f"https://127.0.0.1:{service.port}"
    service.secrets |= {token, answer.json["refresh_token"], PASSWORDS["alice"]}
    assert service.cli("health") == "ready\n"  # the admin socket needs no TLS


@pytest.mark.parametrize("version, works", [
    (ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False),
])
def test_versions(service, pair, version, works):
    context = trusting(pair[0])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 1.1, which is the point
        context.minimum_version = context.maximum_version = version
    if works:
        with Encrypted(service.port, context) as connection:
            connection.send(wire.request_bytes("GET", "/healthz/live"))
            assert connection.answer().status == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Encrypted(service.port, context)


@pytest.mark.parametrize("offered, chosen", [
    (["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], None),
])
def test_http_2_is_not_offered(service, pair, offered, chosen):
    context = trusting(pair[0])
    if offered:
        context.set_alpn_protocols(offered)
    with Encrypted(service.port, context) as connection:
        assert connection.socket.selected_alpn_protocol() == chosen
        connection.send(wire.request_bytes("GET", "/healthz/live"))
        assert connection.answer().status == 200


def test_who_speaks_only_http_2_is_refused(service, pair):
    context = trusting(pair[0])
    context.set_alpn_protocols(["h2"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Encrypted(service.port, context)


def test_sessions_are_not_resumed(service, pair):
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = trusting(pair[0], maximum_version=version)
        with Encrypted(service.port, context) as first:
            first.send(wire.request_bytes("GET", "/healthz/live"))
            assert first.answer().status == 200
            session = first.socket.session
        if session is None:
            continue
        second = wire.Wire(service.port)
        second.socket = context.wrap_socket(second.socket, server_hostname="127.0.0.1",
                                            session=session)
        assert not second.socket.session_reused
        second.close()


def test_plain_http_gets_no_answer(service):
    with wire.Wire(service.port) as connection:
        connection.send(wire.request_bytes("GET", "/healthz/live"))
        with pytest.raises((wire.Closed, AssertionError)):
            connection.answer()


def test_a_handshake_that_never_ends_hinders_nobody(service, pair):
    silent = [socket.create_connection(("127.0.0.1", service.port), limit(10)) for _ in range(20)]
    with Encrypted(service.port, trusting(pair[0])) as connection:
        connection.send(wire.request_bytes("GET", "/healthz/live"))
        assert connection.answer().status == 200
    for connection in silent:
        connection.close()


def test_beyond_loopback_tls_needs_no_permission(fleet, pair):
    service = fleet.make({"tls.cert_file": pair[0], "tls.key_file": pair[1]})
    service.options["listen"] = f"0.0.0.0:{service.port}"
    service.spawn()
    wait_until(lambda: "ready on https://0.0.0.0" in service.log(), "it is ready")


def test_certificates_that_cannot_be(fleet, tmp_path, pair):
    service = fleet.make()
    other = certificate.make(tmp_path, "other")
    (tmp_path / "text").write_text("this is no certificate\n")
    for cert, key, says in [
        (tmp_path / "nothing", pair[1], "nothing: No such file"),
        (pair[0], tmp_path / "nothing", "nothing: No such file"),
        (tmp_path / "text", pair[1], "text: no start line"),
        (pair[0], tmp_path / "text", "tls.key_file"),
        (pair[0], other[1], "tls.key_file"), (pair[1], pair[0], "tls.cert_file"),
    ]:
        service.options |= {"tls.cert_file": cert, "tls.key_file": key}
        assert says in refusal(run("serve", *service.flags()))
