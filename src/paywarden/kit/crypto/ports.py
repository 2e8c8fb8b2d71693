"""Ports of personal data's encryption.

Guards: rooms name a data subject and never see a key. Legal order: `seal` before the entry or
record that holds the ciphertext is submitted; the writer makes a new subject's key durable before
that entry (`Participant.before`). After `erase` every ciphertext of the subject opens as `Erased`,
for ever; a new sighting of the same subject starts with a new key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from paywarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Erased:
    """The key that sealed this datum was destroyed on request, at `erased_at_us`."""

    erased_at_us: int


class SubjectKeys(Protocol):
    """Seal and open under one key per (scope, subject)."""

    def seal(self, scope: Scope, subject: str, plaintext: bytes, context: bytes) -> bytes:
        """Ciphertext of `plaintext`, bound to scope, subject and `context` (AAD)."""
        ...

    def open(self, scope: Scope, subject: str, sealed: bytes, context: bytes) -> bytes | Erased:
        """The plaintext, or `Erased`. Errors: Corrupt for anything that was not sealed so."""
        ...


class ErasableKeys(Protocol):
    """Which key a subject has, and its end. Whoever erases writes the key's id down first."""

    def key_of(self, scope: Scope, subject: str) -> bytes | None:
        """Id of the subject's present key; None when there is none."""
        ...

    def erase(self, scope: Scope, subject: str, key_id: bytes, at_us: int) -> bool:
        """Destroy this key of the subject, durable on return; False when it was gone already.

        A newer key of the same subject stays. Errors: Unavailable; safe to repeat.
        """
        ...

    def erased_at_us(self, key_id: bytes) -> int | None:
        """When the key `key_id` was erased, as the key database knows; None when it never was."""
        ...


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A subject's key as it is stored: wrapped, found by the subject's keyed digest."""

    scope: str
    subject: bytes
    key_id: bytes
    wrapped: bytes


class WrappedKeys(Protocol):
    """Store of wrapped keys; every method is durable on return and safe between threads."""

    def find(self, scope: str, subject: bytes) -> WrappedKey | None:
        """The present key of a subject."""
        ...

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Store new keys. Errors: Conflict when a subject already has another one."""
        ...

    def erase(self, scope: str, subject: bytes, key_id: bytes, at_us: int) -> bool:
        """Destroy this key, and note its id as erased; False when it is not stored."""
        ...

    def erased_at_us(self, key_id: bytes) -> int | None:
        """When the key `key_id` was erased; None when it never was."""
        ...

    def reopen(self) -> None:
        """Start afresh after a fault of the store."""
        ...
