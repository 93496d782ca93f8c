"""One question at a time about one thing: who asks the same meanwhile gets the same answer."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Dict, Generic, Hashable, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    def __init__(self) -> None:
        self._tasks: Dict[Hashable, "asyncio.Future[T]"] = {}

    async def join(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        return await asyncio.shield(self.launch(key, start))

    def launch(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
        """A task of its own: it goes on when the request that started it is cancelled."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(start())
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    def _landed(self, key: Hashable, done: "asyncio.Future[T]") -> None:
        del self._tasks[key]
        if not done.cancelled():
            done.exception()  # seen: asyncio need not complain when nobody waits any more
