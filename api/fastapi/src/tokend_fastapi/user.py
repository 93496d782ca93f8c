"""Who is asking: what the token service has said about a token."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple, Union

Words = Union[str, Iterable[str]]


@dataclass(frozen=True)
class User:
    """`id` is what an owner is compared with. A service's own token has `client:<client_id>`."""

    id: str
    username: Optional[str]
    roles: Tuple[str, ...]
    scopes: FrozenSet[str]
    client_id: Optional[str]
    expires_at: float
    """Seconds since 1970."""
    claims: Mapping[str, Any] = field(repr=False, compare=False)
    """All that was said, by its own names."""


def user_of(claims: Dict[str, Any]) -> User:
    """Raises ValueError when these are not the claims of an access token."""
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError("roles is no list of texts")
    # tokend compares an owner with the token's user_id, and that is its sub when it has none.
    user_id = _text(claims, "user_id") or _text(claims, "sub")
    if not user_id:
        raise ValueError("it has no sub")
    return User(
        id=user_id,
        username=_text(claims, "username"),
        roles=tuple(roles),
        scopes=frozenset((_text(claims, "scope") or "").split()),
        client_id=_text(claims, "client_id"),
        expires_at=_time(claims, "exp"),
        claims=claims,
    )


def words(given: Words) -> Tuple[str, ...]:
    """A list, or one text with its members, parted by spaces."""
    return tuple(given.split()) if isinstance(given, str) else tuple(given)


def audience_has(claims: Mapping[str, Any], wanted: str) -> bool:
    """`aud` is one text or a list of them (RFC 7519)."""
    aud = claims.get("aud")
    return aud == wanted or (isinstance(aud, list) and wanted in aud)


def _text(claims: Mapping[str, Any], name: str) -> Optional[str]:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is no time")
    return float(value)
