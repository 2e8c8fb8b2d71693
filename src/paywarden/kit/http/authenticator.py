"""Authenticator port: turns an Authorization header into a Principal, or refuses.

The identity room implements it; kit knows no keys, users or roles. Default is deny: a principal
holds exactly the permissions it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from paywarden.core.errors import NotPermitted
from paywarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: key id (safe to log), scope that follows from the key, permissions.

    `merchant` binds the key to one merchant of the tenant; None sees them all.
    """

    key_id: str
    scope: Scope
    permissions: frozenset[str]
    merchant: str | None = None

    def require(self, permission: str) -> None:
        """NotPermitted unless the permission is held."""
        if permission not in self.permissions:
            raise NotPermitted("not_permitted", f"this key lacks the permission {permission}")


class Authenticator(Protocol):
    """Authenticate one request; NotAuthenticated says which header and where to get a key."""

    def authenticate(self, authorization: str | None) -> Principal:
        """Principal of an `Authorization` header value."""
        ...
