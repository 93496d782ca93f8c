"""The services of one test: made from copies of a stocked data folder, and stopped at its end."""

import contextlib
import shutil

from .service import Service


class Fleet:
    def __init__(self, stocked, folder):
        self.stocked = stocked
        self.folder = folder
        self.services = []

    def make(self, options=None, empty=False, **more):
        """Not started. `empty`: its data folder does not exist yet."""
        data = self.folder / f"data{len(self.services)}"
        if not empty:
            shutil.copytree(self.stocked, data)
        service = Service(data, options, **more)
        self.services.append(service)
        return service

    def serve(self, options=None, **more):
        return self.make(options, **more).start()

    def close(self):
        """Those that still run must stop well, and none may have written down a secret."""
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
