"""Authenticator port: turns the headers of a request into a Principal, or refuses.

The identity room implements it; kit knows no keys, users or roles. Default is deny: a principal
holds exactly the permissions it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from paywarden.core.errors import NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: key id (safe to log), scope that follows from the key, permissions.

    `merchant` binds the key to one merchant of the tenant; None sees them all. A person has
    `person` and `session` (its public id, which is then `key_id` too); a key has neither.
    `roles` are held now; `step_up` holds what a fresh proof of all factors would add.
    """

    key_id: str
    scope: Scope
    permissions: frozenset[str]
    merchant: str | None = None
    person: PersonId | None = None
    session: str | None = None
    roles: frozenset[str] = frozenset()
    step_up: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Name for the audit log: the person, or the key."""
        return f"person:{self.person.text}" if self.person else f"key:{self.key_id}"

    def require(self, permission: str) -> None:
        """NotPermitted unless the permission is held; `step_up_needed` if a fresh proof helps."""
        if permission in self.permissions:
            return
        if permission in self.step_up:
            raise NotPermitted("step_up_needed", "prove all your factors anew, then try again")
        raise NotPermitted("not_permitted", f"this key lacks the permission {permission}")


class Authenticator(Protocol):
    """Authenticate one request; NotAuthenticated says which header and where to get a key."""

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Principal of a request's headers (names in lower case)."""
        ...
