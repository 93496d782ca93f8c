#!/usr/bin/python3
"""What tokend-fastapi adds to a request, in CPU time of the application's one thread: the same route with and
without it, in turn, in one run. No socket and no HTTP is in it: the application is called as a server
calls it. Started by `run`, with the port of a tokend and one of its tokens; prints JSON."""

import asyncio
import json
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "api" / "fastapi" / "src"))

from fastapi import Depends, FastAPI  # noqa: E402
from tokend_fastapi import Tokend, TokendMiddleware  # noqa: E402

from server import CLIENT  # noqa: E402

ROUNDS = 60
REQUESTS = 100  # of each kind in a round
ISSUER = "http://bench"
ROUTE, PATH = "/users/{user_id}/notes", "/users/u-alice/notes"


def application(*dependencies):
    """One route, so that looking for it costs all of them the same."""
    app = FastAPI()

    @app.get(ROUTE, dependencies=[Depends(dependency) for dependency in dependencies])
    async def answer(user_id: str):
        return {"user_id": user_id}

    return app


async def empty():
    """What FastAPI itself takes for any dependency."""


def request(token):
    """As a browser sends it: some headers before ours."""
    headers = [(b"host", b"bench"), (b"user-agent", b"Mozilla/5.0"), (b"accept", b"*/*"),
               (b"accept-encoding", b"gzip, br"), (b"connection", b"keep-alive"),
               (b"authorization", b"Bearer " + token.encode())]
    return {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
            "root_path": "", "headers": headers, "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80)}


async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}


async def call(app, token):
    statuses = []

    async def send(message):
        statuses.append(message.get("status"))

    await app(request(token), receive, send)
    if statuses[0] != 200:
        raise SystemExit(f"a request was answered {statuses[0]}")


async def cpu_us(app, token):
    began = time.process_time_ns()
    for _ in range(REQUESTS):
        await call(app, token)
    return (time.process_time_ns() - began) / 1000 / REQUESTS


async def measure(url, token):
    # What is remembered lives longer than this run: a question would be in none of the figures.
    asking = Tokend(ISSUER, *CLIENT, url=url, cache_s=3600)
    local = Tokend(ISSUER, url=url, check="local", cache_s=3600)
    local_each = Tokend(ISSUER, url=url, check="local", cache_s=0)
    demand = asking.require(owner="user_id", roles=["user", "support"], scopes="read")
    apps = {"plain": application(), "empty": application(empty), "user": application(asking.user),
            "demand": application(demand),
            "middleware": TokendMiddleware(application(), auth=asking),
            "local": application(local.user), "local_each": application(local_each.user)}
    for app in apps.values():
        await call(app, token)
    figures = {name: [] for name in apps}
    for _ in range(ROUNDS):
        for name, app in apps.items():
            figures[name].append(await cpu_us(app, token))
    for auth in (asking, local, local_each):
        await auth.aclose()
    return figures


def added(figures, name):
    """Each round is compared with itself."""
    return statistics.median(with_it - without for with_it, without
                             in zip(figures[name], figures["plain"]))


def main():
    port, token = sys.argv[1:]
    figures = asyncio.run(measure(f"http://127.0.0.1:{port}", token))
    told = {"plain_us": statistics.median(figures["plain"])}
    told |= {f"{name}_adds_us": added(figures, name) for name in figures if name != "plain"}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
