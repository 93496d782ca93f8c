"""From a token to its user: what is remembered, what is being asked already, and then the check."""

from __future__ import annotations

import hashlib
import time
from typing import Dict, NamedTuple, Optional

from .bearer import well_formed
from .checks import Check, Checked
from .flights import Flights
from .user import User


class Cache:
    """Users by the digest of their token: a dump of this memory holds no token. Bounded."""

    class _Entry(NamedTuple):
        user: User
        until: float  # time.monotonic()

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: Dict[bytes, Cache._Entry] = {}

    def get(self, key: bytes) -> Optional[User]:
        entry = self._entries.get(key)
        if entry is None:
            return None
        # The second clock goes on while a machine sleeps.
        if time.monotonic() < entry.until and time.time() < entry.user.expires_at:
            return entry.user
        del self._entries[key]
        return None

    def put(self, key: bytes, user: User, until: float) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._entries_max:
            # The oldest; lives are short and equal, so it is about the next to go anyway.
            del self._entries[next(iter(self._entries))]
        self._entries[key] = self._Entry(user, until)

    def __len__(self) -> int:
        return len(self._entries)


class Checker:
    """Of one event loop."""

    def __init__(self, check: Check, cache_s: float, entries_max: int) -> None:
        self._check = check
        self._cache_s = cache_s
        self._cache = Cache(entries_max)
        self._flights: Flights[Checked] = Flights()

    async def user(self, token: bytes) -> User:
        """Of a token as it came. Raises Unauthenticated or Unavailable."""
        # Without memory each request asks for itself: an answer on its way is one from the past.
        if self._cache_s <= 0:
            return (await self._check(well_formed(token))).user
        key = hashlib.sha256(token).digest()
        user = self._cache.get(key)
        if user is None:
            good = well_formed(token)
            user = (await self._flights.join(key, lambda: self._ask(key, good))).user
        return user

    async def _ask(self, key: bytes, token: str) -> Checked:
        asked_at = time.monotonic()  # an answer may be as old as its question
        checked = await self._check(token)
        until = asked_at + min(self._cache_s, checked.left_s)
        if until > time.monotonic():
            self._cache.put(key, checked.user, until)
        return checked
