"""The example application of api/fastapi, served by uvicorn as a process."""

import contextlib
import pathlib
import sys

from support.service import RS, environment, free_port

from .program import running

PACKAGE = pathlib.Path(__file__).resolve().parents[3] / "api" / "fastapi"
EXAMPLE = PACKAGE / "example"


@contextlib.contextmanager
def example(fleet, folder, **options):
    """The application's URL, and the tokend that it asks."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    service = fleet.serve({"cors.origins": url} | options)
    env = environment(PYTHONPATH=str(PACKAGE / "src"), TOKEND_ISSUER=service.issuer,
                      TOKEND_CLIENT_ID=RS[0], TOKEND_CLIENT_SECRET=RS[1])
    home = folder / "example"
    home.mkdir()
    command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", EXAMPLE, "--port", port]
    with running(command, port, home, env):
        yield url, service
