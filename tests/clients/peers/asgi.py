"""uvicorn in this process, on a thread and an event loop of its own."""

import contextlib
import threading

import uvicorn

from support.service import free_port
from support.wait import limit, wait_until


@contextlib.contextmanager
def serving(app):
    """The port on which `app` is served until the block ends."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "uvicorn serves", 20)
        assert server.started
        yield port
    finally:
        server.should_exit = True
        thread.join(limit(20))
        assert not thread.is_alive(), "uvicorn hangs"
