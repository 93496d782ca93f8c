"""The public keys of the token service, as RFC 9111 lets them be kept.

Past their max-age they are not used: when the service cannot be asked then, nobody is let in by a
key that may have been revoked meanwhile. They are fetched anew in good time before that.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

import jwt

from .flights import Flights
from .refusals import Refusal, Unauthenticated, Unavailable
from .service import Answer, Service, seconds

logger = logging.getLogger("tokend_fastapi")

PATH = "/.well-known/jwks.json"
# An unknown kid asks for the keys, but not more often than this: anybody can make one up.
REFETCH_S = 5.0
# When nothing is said about how long they are good.
MAX_AGE_S = 60
RENEW_AFTER = 0.75  # of their max-age

# Older releases of it carry no types for this.
_read_jwk: Any = jwt.PyJWK


class Key(NamedTuple):
    alg: str
    public: Any  # the library's own object


class Keys:
    """Of one event loop."""

    def __init__(self, service: Service, algorithms: Iterable[str]) -> None:
        self._service = service
        self._algorithms = frozenset(algorithms)
        self._keys: Dict[str, Key] = {}
        self._etag: Optional[str] = None
        self._good_until = self._renew_at = self._tried_at = float("-inf")
        self._failed = False
        self._flights: Flights[None] = Flights()

    async def find(self, kid: str) -> Key:
        """Unauthenticated: there is none of this name. Unavailable: that cannot be told."""
        now = time.monotonic()
        if now >= self._good_until:
            await self._fetch()
        elif now >= self._renew_at:
            self._renew_at = now + REFETCH_S
            self._flights.launch(None, self._renew)
        if kid not in self._keys:
            await self._fetch_once_more(now)
        if kid not in self._keys:
            raise Unauthenticated("its key is unknown")
        return self._keys[kid]

    async def _fetch_once_more(self, now: float) -> None:
        if now - self._tried_at >= REFETCH_S:
            await self._fetch()
        elif self._failed:
            raise Unavailable("its key is unknown, and the keys could not be fetched")

    async def _fetch(self) -> None:
        await self._flights.join(None, self._ask)

    async def _renew(self) -> None:
        """Nobody waits for it."""
        try:
            await self._ask()
        except Refusal as refusal:
            logger.error("the keys could not be renewed: %s", refusal.why)

    async def _ask(self) -> None:
        self._tried_at = asked_at = time.monotonic()
        self._failed = True
        headers = {"If-None-Match": self._etag} if self._etag else {}
        answer = await self._service.ask("GET", PATH, headers)
        if answer.status == 200:
            self._keys = self._read(answer)
            self._etag = answer.headers.get("etag")
        elif answer.status != 304 or not self._etag:
            raise Unavailable(f"the token service answers {answer.status} when asked for its keys")
        age = max_age_s(answer)
        self._good_until = asked_at + age
        self._renew_at = asked_at + age * RENEW_AFTER
        self._failed = False

    def _read(self, answer: Answer) -> Dict[str, Key]:
        jwks = answer.json().get("keys")
        if not isinstance(jwks, list):
            raise Unavailable("the token service answers with no key set")
        return dict(found for jwk in jwks for found in self._read_one(jwk))

    def _read_one(self, jwk: Any) -> Iterable[Tuple[str, Key]]:
        """None or one: what cannot be used (a newer algorithm, say) must not cost us the others."""
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            return
        kid, alg = jwk.get("kid"), jwk.get("alg")
        if not isinstance(kid, str) or not isinstance(alg, str) or alg not in self._algorithms:
            return
        try:
            yield kid, Key(alg, _read_jwk(jwk, alg).key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as mistake:
            logger.warning("a key of the token service is not used: %s", type(mistake).__name__)


def max_age_s(answer: Answer) -> int:
    """What is left of it: a cache on the way may have held the answer for a while."""
    control = answer.headers.get("cache-control", "")
    if re.search(r"\bno-(store|cache)\b", control):
        return 0
    found = re.search(r"\bmax-age=([0-9]{1,9})\b", control)
    said = int(found[1]) if found else MAX_AGE_S
    return max(said - (seconds(answer.headers.get("age")) or 0), 0)
