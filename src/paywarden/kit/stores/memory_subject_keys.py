"""Wrapped subject keys in memory: the twin for tests and simulation; passes the same suite."""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.core.errors import Conflict
from paywarden.kit.crypto.ports import WrappedKey


class MemoryWrappedKeys:
    """`WrappedKeys` that live as long as the process."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, bytes], WrappedKey] = {}
        self._erased: dict[bytes, int] = {}

    def find(self, scope: str, subject: bytes) -> WrappedKey | None:
        """The present key of a subject."""
        return self._keys.get((scope, subject))

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Store new keys, all or none. Errors: Conflict `subject_key_exists`."""
        if any((key.scope, key.subject) in self._keys for key in keys):
            raise Conflict("subject_key_exists", "a subject already has another key")
        self._keys.update({(key.scope, key.subject): key for key in keys})

    def erase(self, scope: str, subject: bytes, key_id: bytes, at_us: int) -> bool:
        """Destroy this key of the subject; False when it is not stored."""
        self._erased.setdefault(key_id, at_us)
        stored = self._keys.get((scope, subject))
        if stored is None or stored.key_id != key_id:
            return False
        del self._keys[scope, subject]
        return True

    def erased_at_us(self, key_id: bytes) -> int | None:
        """When the key `key_id` was erased; None when it never was."""
        return self._erased.get(key_id)

    def reopen(self) -> None:
        """Nothing to open."""
