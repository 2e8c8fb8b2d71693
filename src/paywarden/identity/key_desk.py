"""API keys of services over their life: made with an owner, rotated with an overlap, revoked.

Guards: every act is an audit event in the same unit. While a key is rotated two live ones of the
same name exist, never three: the old one ends by itself after the overlap (PCI DSS 4.0.1, 8.6.3).
A key of another tenant or environment is not found. Not done here: authenticating (`api_keys.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from paywarden.core.instants import HOUR_US
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.api_keys import KEY_ROLES, KeyRecord, KeyStore, new_key
from paywarden.identity.approvals.catalogue import API_KEY_CREATE
from paywarden.identity.approvals.execution import Approved, audit_actor
from paywarden.identity.owners import Owners
from paywarden.identity.permissions.model import Role
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork

NAME_LIMIT: Final = 60
LIVE_OF_A_NAME: Final = 2
PRIVILEGED: Final = frozenset({Role.OPERATOR})
"""Roles that assert card facts or change policy."""


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made; as payload of an approval in canonical form."""

    role: str
    name: str = ""
    owner: str = ""
    merchant: str | None = None
    expires_at_us: int | None = None

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self, order="sorted")


class KeyDesk:
    """Use cases of API keys; `actor` is who asks. `on_ended` runs when a key was revoked."""

    def __init__(
        self,
        store: KeyStore,
        committer: Committer,
        audit: AuditLog,
        pepper: Secret[bytes],
        owners: Owners,
        clock: Clock,
        randomness: Randomness,
        on_ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_ended = on_ended
        self._store = store
        self._committer = committer
        self._audit = audit
        self._pepper = pepper
        self._owners = owners
        self._clock = clock
        self._randomness = randomness

    def listing(self, scope: Scope) -> Sequence[KeyRecord]:
        """All keys, oldest first; never a secret."""
        return self._store.records(scope)

    async def make(
        self,
        scope: Scope,
        role: str,
        actor: str,
        *,
        name: str = "",
        owner: str = "",
        merchant: str | None = None,
        expires_at_us: int | None = None,
    ) -> tuple[Secret[str], KeyRecord]:
        """A fresh key. Errors: InvalidRequest for its name or owner, Conflict `key_name_taken`.

        `owner`: a person's id, login name or e-mail; it is stored as the id.

        A key of a privileged role in a live environment is `make_approved`'s alone.
        """
        if scope.environment is Environment.LIVE and role in PRIVILEGED:
            raise NotPermitted("approval_needed", "a live key of this role needs an approval")
        wanted = KeyWanted(role, name, owner, merchant, expires_at_us)
        return await self._make(scope, wanted, actor, UnitOfWork())

    async def make_approved(
        self, wanted: KeyWanted, approved: Approved
    ) -> tuple[Secret[str], KeyRecord]:
        """A fresh key of any role, as it was approved."""
        approved.require(approved.scope, API_KEY_CREATE, wanted.payload())
        unit = UnitOfWork()
        approved.settle(unit)
        return await self._make(approved.scope, wanted, audit_actor(approved.actor), unit)

    async def _make(
        self, scope: Scope, wanted: KeyWanted, actor: str, unit: UnitOfWork
    ) -> tuple[Secret[str], KeyRecord]:
        name, role = wanted.name, wanted.role
        if role not in KEY_ROLES:
            raise InvalidRequest("key_role_unknown", "keys carry no such role")
        if len(name) > NAME_LIMIT or not name.isprintable():
            raise InvalidRequest("key_name_invalid", f"use up to {NAME_LIMIT} characters")
        owner = self._owners.stored(scope, wanted.owner)
        if name and self._live_of(scope, name):
            raise Conflict("key_name_taken", "a live key has this name; rotate it instead")
        secret, record = self._new(scope, role, wanted.merchant)
        record = replace(record, name=name, owner=owner, expires_at_us=wanted.expires_at_us)
        self._store.stage(unit, record)
        self._note(unit, scope, "identity:api_key:make", actor, key=record.key_id, role=role)
        await self._committer.commit(unit)
        return secret, record

    async def rotate(
        self, scope: Scope, key_id: str, overlap_hours: int, actor: str
    ) -> tuple[Secret[str], KeyRecord]:
        """A second live key like the first, which ends after the overlap.

        Errors: NotFound `api_key_unknown`, Conflict `key_not_live`, `key_rotating`.
        """
        old, now = self._live(scope, key_id), self._clock.now_us()
        if old.name and len(self._live_of(scope, old.name)) >= LIVE_OF_A_NAME:
            raise Conflict("key_rotating", "two keys of this name live already; end one first")
        secret, record = self._new(scope, old.role, old.merchant)
        record = replace(record, name=old.name, owner=old.owner)
        ends = now + overlap_hours * HOUR_US
        ends = ends if old.expires_at_us is None else min(ends, old.expires_at_us)
        unit = UnitOfWork()
        self._store.stage(unit, record)
        self._store.stage_end(unit, scope, key_id, None, ends)
        self._note(
            unit, scope, "identity:api_key:rotate", actor, key=key_id, successor=record.key_id
        )
        await self._committer.commit(unit)
        return secret, record

    async def revoke(self, scope: Scope, key_id: str, actor: str) -> None:
        """End a key now. Errors: NotFound `api_key_unknown`, Conflict `key_not_live`."""
        old, now = self._live(scope, key_id), self._clock.now_us()
        unit = UnitOfWork()
        self._store.stage_end(unit, scope, key_id, now, old.expires_at_us)
        self._note(unit, scope, "identity:api_key:revoke", actor, key=key_id)
        await self._committer.commit(unit)
        self._on_ended()

    def _new(self, scope: Scope, role: str, merchant: str | None) -> tuple[Secret[str], KeyRecord]:
        return new_key(scope, role, self._pepper, self._clock, self._randomness, merchant)

    def _live(self, scope: Scope, key_id: str) -> KeyRecord:
        found = self._store.find(key_id)
        if found is None or found.scope != scope:
            raise NotFound("api_key_unknown", "no such key in this tenant and environment")
        if not found.live_at(self._clock.now_us()):
            raise Conflict("key_not_live", "this key has ended already")
        return found

    def _live_of(self, scope: Scope, name: str) -> list[KeyRecord]:
        now = self._clock.now_us()
        return [one for one in self._store.records(scope) if one.name == name and one.live_at(now)]

    def _note(
        self, unit: UnitOfWork, scope: Scope, action: str, actor: str, **detail: Scalar
    ) -> None:
        now = self._clock.now_us()
        self._audit.record(unit, AuditEvent(scope, action, actor, AuditOutcome.DONE, now, detail))
