"""Ports of the evidence room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from paywarden.evidence.checkpoint import Checkpoint
from paywarden.kit.audit_place import Place
from paywarden.kit.db.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Origin:
    """From `first_index` on, leaves are appended under the name `name`."""

    first_index: int
    name: str


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint with its note, cosignature lines included."""

    checkpoint: Checkpoint
    note: str


class Checkpoints(Protocol):
    """Store of origins, checkpoints and cosignatures; nothing in it is ever changed."""

    def origins(self) -> Sequence[Origin]:
        """All origins, ascending by first index."""
        ...

    def add_origin(self, unit: UnitOfWork, name: str, first: Place | int) -> None:
        """Add an origin to `unit`; a `Place` is settled when the unit commits."""
        ...

    def add(self, unit: UnitOfWork, checkpoint: Checkpoint, note: str) -> None:
        """Add a checkpoint; the unit fails with Conflict when one of that size stands."""
        ...

    def cosign(self, unit: UnitOfWork, checkpoint: Checkpoint, witness: str, line: str) -> None:
        """Add a witness' signature line; the unit fails with Conflict when it has one."""
        ...

    def last(self, origin: str) -> StoredCheckpoint | None:
        """The largest checkpoint of an origin."""
        ...

    def covering(self, origin: str, index: int) -> StoredCheckpoint | None:
        """The smallest checkpoint of an origin whose tree holds the leaf `index`."""
        ...

    def page(self, after_size: int, after_origin: str, limit: int) -> Sequence[StoredCheckpoint]:
        """Checkpoints after (size, origin), ascending."""
        ...


class LastSigned(Protocol):
    """The last signed checkpoint, kept apart from the database: it tells a restored backup."""

    def read(self) -> str | None:
        """The note; None when none was kept yet."""
        ...

    def keep(self, note: str) -> None:
        """Replace it, durable on return."""
        ...
