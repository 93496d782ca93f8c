"""Fixtures: a stocked data folder, made once, and services that start from copies of it."""

import pytest

from support.fleet import fleet_in
from support.service import stock


@pytest.fixture(scope="session")
def stocked(tmp_path_factory):
    """Three users, three clients, a verifying key: see support/service.py. Only ever copied."""
    return stock(tmp_path_factory.mktemp("stock"))


@pytest.fixture
def fleet(stocked, tmp_path):
    """For tests that start services themselves."""
    with fleet_in(stocked, tmp_path) as fleet:
        yield fleet


@pytest.fixture
def service(fleet):
    """A stocked service of the test's own."""
    return fleet.serve()


@pytest.fixture(scope="module")
def shared(stocked, tmp_path_factory):
    """A stocked service of the file's, for tests that ask and change nothing that others see."""
    with fleet_in(stocked, tmp_path_factory.mktemp("shared")) as fleet:
        yield fleet.serve()
