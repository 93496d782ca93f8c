"""Fixtures: a stocked data folder, made once, and services that start from copies of it."""

import contextlib
import shutil

import pytest

from support.service import Service, stock


@pytest.fixture(scope="session")
def stocked(tmp_path_factory):
    """Three users, three clients, a verifying key: see support/service.py. Only ever copied."""
    return stock(tmp_path_factory.mktemp("stock"))


class Fleet:
    """The services of one test. Those that still run at its end are stopped, and must stop well."""

    def __init__(self, stocked, folder):
        self.stocked = stocked
        self.folder = folder
        self.services = []

    def make(self, options=None, empty=False, **more):
        data = self.folder / f"data{len(self.services)}"
        if not empty:
            shutil.copytree(self.stocked, data)
        service = Service(data, options, **more)
        self.services.append(service)
        return service

    def serve(self, options=None, **more):
        return self.make(options, **more).start()

    def close(self):
        for service in self.services:
            if service.running():
                service.stop()
        for service in self.services:
            service.check_log()

    def abandon(self):
        for service in self.services:
            if service.running():
                service.kill()


@contextlib.contextmanager
def fleet_in(stocked, folder):
    fleet = Fleet(stocked, folder)
    try:
        yield fleet
        fleet.close()
    finally:
        fleet.abandon()


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
