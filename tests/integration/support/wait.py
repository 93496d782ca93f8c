"""Waiting: for a condition, with a limit, never for a time. And several things at once."""

import os
import threading
import time

PATIENCE = float(os.environ.get("TOKEND_TEST_PATIENCE", "1"))
POLL_S = 0.005


def limit(seconds):
    """A limit of time, as long as this build may need."""
    return seconds * PATIENCE


def wait_until(condition, what, seconds=10):
    """Returns the first true value of condition()."""
    give_up = time.monotonic() + limit(seconds)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < give_up, f"waited {limit(seconds):g} s in vain until {what}"
        time.sleep(POLL_S)


def at_once(*jobs):
    """Runs every job on a thread of its own, all let go together; their results in order."""
    gate = threading.Barrier(len(jobs))
    results = [None] * len(jobs)
    failures = []

    def run(i, job):
        try:
            gate.wait()
            results[i] = job()
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=run, args=row, daemon=True) for row in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit(120))
        assert not thread.is_alive(), "a thread of the test hangs"
    assert not failures, failures
    return results


class Background:
    """A job repeated on threads until the with-block ends. Each round's result is kept."""

    def __init__(self, job, threads=2):
        self.results = []
        self.failures = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(job,), daemon=True)
                         for _ in range(threads)]

    def _run(self, job):
        while not self._stop.is_set():
            try:
                self.results.append(job())
            except Exception as failure:
                self.failures.append(failure)
                return

    def rounds(self, more):
        """Waits until `more` further rounds are over."""
        wanted = len(self.results) + more
        wait_until(lambda: len(self.results) >= wanted or self.failures, f"{more} more rounds", 30)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(limit(60))
            assert not thread.is_alive(), "a thread of the test hangs"
