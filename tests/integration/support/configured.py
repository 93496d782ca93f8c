"""A service with a configuration file, which a test writes anew and has read again."""

import json
import signal

from .wait import wait_until


class Configured:
    """Not started. `folder` is the file's; what lies beside it is named in it without a path."""

    def __init__(self, fleet, folder, text="", options=None):
        self.path = folder / "tokend.yaml"
        self.write(text)
        self.service = fleet.make(options)
        self.service.flags = lambda flags=self.service.flags: [*flags(), "--config", self.path]

    def write(self, text):
        self.path.write_text(text)

    def start(self):
        self.service.start()
        return self


def reload(service):
    """SIGHUP, until the log says what came of it: None, or why it was refused."""
    before = service.log_path.stat().st_size
    service.signal(signal.SIGHUP)

    def outcome():
        for line in service.log(before).split("\n")[:-1]:
            if line.startswith("{") and json.loads(line)["event"] in ("reloaded", "reload_refused"):
                return json.loads(line)
        return None

    return wait_until(outcome, "it has read its files again").get("why")
