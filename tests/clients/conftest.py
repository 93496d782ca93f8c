"""Fixtures: those of tests/integration; the peers start what stands around a tokend."""

import asyncio
import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTEGRATION = ROOT / "tests" / "integration"
sys.path.insert(0, str(INTEGRATION))
# Our package as it lies here; test_tokend_fastapi_package.py is about the installed one.
sys.path.insert(0, str(ROOT / "api" / "fastapi" / "src"))

_spec = importlib.util.spec_from_file_location("integration_fixtures", INTEGRATION / "conftest.py")
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

from support import certificate
from support.fleet import fleet_in
from support.wait import wait_until

stocked = _fixtures.stocked
fleet = _fixtures.fleet
service = _fixtures.service
shared = _fixtures.shared


@pytest.fixture(scope="module")
def tls(stocked, tmp_path_factory):
    """Like `shared`, over TLS: many libraries take https alone. `ca` is what they must trust."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = certificate.make(folder)
    with fleet_in(stocked, folder) as fleet:
        service = fleet.make({"tls.cert_file": cert, "tls.key_file": key}).spawn()
        wait_until(lambda: "tokend: ready on https://" in service.log(), "it serves TLS", 30)
        service.issuer = f"https://127.0.0.1:{service.port}"
        service.ca = cert
        yield service


@pytest.fixture
def run_async():
    """Runs an async function on an event loop of its own."""
    return lambda story: asyncio.run(story())
