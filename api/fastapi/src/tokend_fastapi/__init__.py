"""Protects FastAPI applications with tokend. See README.md."""

from .auth import Tokend
from .middleware import TokendMiddleware
from .refusals import Forbidden, Refusal, Unauthenticated, Unavailable
from .user import User

__all__ = ["Forbidden", "Refusal", "Tokend", "TokendMiddleware", "Unauthenticated", "Unavailable",
           "User"]
