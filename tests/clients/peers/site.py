"""A site: a proxy with the snippet that we ship, tokend beside it, an application behind."""

import contextlib
import http.client
import pathlib

from support.fleet import fleet_in
from support.service import free_port
from support.wire import Answer, Wire, request_bytes

from . import application
from .program import running

PROXIES = pathlib.Path(__file__).resolve().parents[3] / "api" / "proxies"
POLICY = PROXIES / "policy.yaml"
# As the snippets have them, and as their README says that a policy is switched on.
TOKEND, APPLICATION, FRONT = "127.0.0.1:8080", "127.0.0.1:3000", "127.0.0.1:8000"
OPTIONS = {"policy.file": POLICY, "forward_auth.trusted_peers": "127.0.0.1"}


class Site:
    def __init__(self, service, app):
        self.service = service
        self.application = app
        self.port = free_port()

    def snippet(self, name):
        """The file as it is shipped, but for the addresses."""
        text = (PROXIES / name).read_text()
        for address, port in ((TOKEND, self.service.port), (APPLICATION, self.application.port),
                              (FRONT, self.port)):
            text = text.replace(address, f"127.0.0.1:{port}")
        return text

    def ask(self, method, target, token=None, headers=(), body=None):
        """One request of a client; what the proxy answers."""
        given = list(headers) + ([("Authorization", f"Bearer {token}")] if token else [])
        return self.send(request_bytes(method, target, given, body), method)

    def send(self, data, method="GET"):
        with Wire(self.port) as wire:
            wire.send(data)
            told = http.client.HTTPResponse(wire.socket, method=method)
            told.begin()
            headers = [(name.lower(), value) for name, value in told.getheaders()]
            return Answer(told.status, headers, told.read())

    def reaches(self, *arguments, **more):
        """What the application got of a request that must be let through."""
        answer = self.ask(*arguments, **more)
        assert answer.status == 200, answer
        return self.application.requests[-1]

    def stops(self, *arguments, **more):
        """The answer to a request of which the application must hear nothing."""
        answer = self.unheard(lambda: self.ask(*arguments, **more))
        assert answer.status >= 400, answer
        return answer

    def unheard(self, asking):
        before = len(self.application.requests)
        answer = asking()
        assert len(self.application.requests) == before, self.application.requests[-1]
        return answer


@contextlib.contextmanager
def site(stocked, folder, prepare, options=None):
    """`prepare(site, folder)` writes the proxy's files and returns its command."""
    with fleet_in(stocked, folder) as fleet, application.serving() as app:
        place = Site(fleet.serve(OPTIONS | (options or {})), app)
        home = folder / "proxy"
        home.mkdir()
        with running(prepare(place, home), place.port, home):
            yield place


def named(request, name):
    """The values of a header that the application got."""
    return [value for key, value in request["headers"] if key.lower() == name.lower()]
