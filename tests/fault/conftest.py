"""Fixtures: those of tests/integration, whose harness is used here, and what every data folder must be at the end."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from support.fleet import fleet_in  # noqa: E402
from support.service import stock  # noqa: E402

from database import check_database  # noqa: E402


@pytest.fixture(scope="session")
def stocked(tmp_path_factory):
    return stock(tmp_path_factory.mktemp("stock"))


@pytest.fixture
def fleet(stocked, tmp_path):
    with fleet_in(stocked, tmp_path) as fleet:
        yield fleet
    for service in fleet.services:
        check_database(service.data / "tokend.db")
