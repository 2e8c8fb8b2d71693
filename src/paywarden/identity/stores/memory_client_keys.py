"""Client keys and accepted signatures in memory: the twins for tests; they pass the same suite."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from paywarden.core.errors import Conflict
from paywarden.core.scope import Scope
from paywarden.identity.client_keys import ClientKeyRecord
from paywarden.kit.db.unit import UnitOfWork


class MemoryClientKeys:
    """`ClientKeyStore` that lives as long as the process."""

    def __init__(self) -> None:
        self._records: dict[str, ClientKeyRecord] = {}
        self._required: set[tuple[Scope, str]] = set()

    def find(self, scope: Scope, key_id: str) -> ClientKeyRecord | None:
        """The record of this scope with this id."""
        record = self._records.get(key_id)
        return record if record is not None and record.scope == scope else None

    def find_partner(
        self, scope: Scope, client_id: str, key_version: int
    ) -> ClientKeyRecord | None:
        """The partner's record of this scope."""
        wanted = (client_id, key_version)
        for one in self.listed(scope):
            if one.partner and (one.partner.client_id, one.partner.key_version) == wanted:
                return one
        return None

    def listed(self, scope: Scope) -> Sequence[ClientKeyRecord]:
        """All records of a scope, oldest first."""
        found = [one for one in self._records.values() if one.scope == scope]
        return sorted(found, key=lambda one: (one.created_at_us, one.key_id))

    def save(self, record: ClientKeyRecord) -> None:
        """Store a new record. Errors: Conflict."""
        if record.key_id in self._records:
            raise Conflict("constraint_violated", "this key id is stored already")
        self._records[record.key_id] = record

    def revoke(self, scope: Scope, key_id: str, at_us: int) -> bool:
        """End a key; False when there is none that is not ended."""
        known = self.find(scope, key_id)
        if known is None or known.revoked_at_us is not None:
            return False
        self._records[key_id] = dataclasses.replace(known, revoked_at_us=at_us)
        return True

    def must_sign(self, scope: Scope, api_key_id: str) -> bool:
        """Whether requests with this API key must be signed."""
        return (scope, api_key_id) in self._required

    def set_must_sign(self, scope: Scope, api_key_id: str, required: bool) -> None:
        """Demand signatures of an API key, or no longer."""
        change = self._required.add if required else self._required.discard
        change((scope, api_key_id))


class MemoryNonces:
    """`NonceStore` that lives as long as the process; rows count as kept when added."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, bytes, int]] = []
        self._last_id = 0

    def add(self, _unit: UnitOfWork, digest: bytes, keep_until_us: int) -> None:
        """Keep `digest`."""
        self._last_id += 1
        self._rows.append((self._last_id, digest, keep_until_us))

    def live(self, now_us: int, after_id: int, limit: int) -> list[tuple[int, bytes, int]]:
        """(id, digest, keep_until_us) not yet past, by ascending id."""
        return [one for one in self._rows if one[0] > after_id and one[2] > now_us][:limit]

    def sweep(self, _unit: UnitOfWork, now_us: int) -> None:
        """Drop old ones."""
        self._rows = [one for one in self._rows if one[2] > now_us]
