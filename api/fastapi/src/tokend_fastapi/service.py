"""The token service as it is asked over HTTP: kept connections, one deadline, one second try.

An object belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

import httpx

from .refusals import Unavailable

ANSWER_MAX = 65536
# Before the second try, so that many applications do not come back at the same moment.
PAUSE_S = (0.02, 0.2)
CONNECTIONS_MAX = 32

ClientFactory = Callable[[], httpx.AsyncClient]


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Dict[str, Any]:
        """Unavailable when it is no JSON object: this is not the service that was meant."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unavailable("the token service answers with no JSON") from None
        if not isinstance(value, dict):
            raise Unavailable("the token service answers with no JSON object")
        return value

    def latest_date(self) -> float:
        """The end of the second in which this was sent, by the service's clock; 0.0: not said."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).timestamp() + 1
        except (TypeError, ValueError, OverflowError):
            return 0.0


class Service:
    def __init__(self, url: str, timeout_s: float, make_client: Optional[ClientFactory]) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._client = make_client() if make_client else _client(timeout_s)

    async def ask(self, method: str, path: str, headers: Mapping[str, str],
                  body: Optional[bytes] = None) -> Answer:
        """Any answer below 500. Unavailable, in time, when there is none."""
        try:
            return await asyncio.wait_for(self._ask_twice(method, path, headers, body),
                                          self._timeout_s)
        except asyncio.TimeoutError:
            raise Unavailable("the token service has not answered in time") from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask_twice(self, *question: Any) -> Answer:
        try:
            return await self._ask_once(*question)
        except _Again:
            await asyncio.sleep(random.uniform(*PAUSE_S))
        try:
            return await self._ask_once(*question)
        except _Again as failure:
            raise Unavailable(failure.why) from None

    async def _ask_once(self, method: str, path: str, headers: Mapping[str, str],
                        body: Optional[bytes]) -> Answer:
        try:
            answer = await self._exchange(method, path, headers, body)
        except httpx.TimeoutException:
            raise Unavailable("the token service has not answered in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            # Its text and its context name hosts, and may hold the request: the kind is enough.
            kind = type(failure).__name__
            raise _Again(f"the token service cannot be reached ({kind})") from None
        if answer.status >= 500:
            why = f"the token service answers {answer.status}"
            wait = seconds(answer.headers.get("retry-after"))
            if wait is not None:  # it knows better than we do when to come back
                raise Unavailable(why, wait)
            raise _Again(why)
        return answer

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str],
                        body: Optional[bytes]) -> Answer:
        sent = {**headers, "Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream(method, self._url + path, headers=sent,
                                       content=body) as response:
            read = bytearray()
            async for part in response.aiter_raw():
                read += part
                if len(read) > ANSWER_MAX:
                    raise Unavailable("the token service answers at too great length")
            return Answer(response.status_code, response.headers, bytes(read))


class _Again(Exception):
    """A failure that may be over in a moment."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _client(timeout_s: float) -> httpx.AsyncClient:
    # No proxy and no .netrc of the environment's: a token goes to the service, and our
    # Authorization header stays what it is.
    return httpx.AsyncClient(
        timeout=timeout_s, trust_env=False, follow_redirects=False,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX,
                            max_keepalive_connections=CONNECTIONS_MAX))


def seconds(text: Optional[str]) -> Optional[int]:
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None
