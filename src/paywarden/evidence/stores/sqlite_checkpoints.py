"""Origins, checkpoints and cosignatures in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.ports import Origin, StoredCheckpoint
from paywarden.kit.audit_place import Place
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork

SCHEMA = SchemaPart("evidence", "evidence_0001", "paywarden.evidence:migrations/versions")
ORIGINS_LIMIT = 1_000
WITNESSES_LIMIT = 100


def _placed(row: Parameters) -> Parameters:
    first, name = row
    return (first.index if isinstance(first, Place) else first, name)


_ORIGIN = Insert("log_origins", ("first_index", "origin"), finish=_placed)
_CHECKPOINT = Insert("log_checkpoints", ("size", "origin", "root", "at_us", "note"))
_COSIGNATURE = Insert("log_cosignatures", ("size", "origin", "witness", "line"))
_COLUMNS = "SELECT size, origin, root, at_us, note FROM log_checkpoints"
_LAST = f"{_COLUMNS} WHERE origin = ? ORDER BY size DESC LIMIT 1"
_COVERING = f"{_COLUMNS} WHERE size > ? AND origin = ? ORDER BY size LIMIT 1"
_PAGE = f"{_COLUMNS} WHERE (size, origin) > (?, ?) ORDER BY size, origin LIMIT ?"
_LINES = "SELECT line FROM log_cosignatures WHERE size = ? AND origin = ? ORDER BY witness LIMIT ?"


class SqliteCheckpoints:
    """`Checkpoints` over the tables of this room."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def origins(self) -> Sequence[Origin]:
        """All origins, ascending."""
        text = "SELECT first_index, origin FROM log_origins ORDER BY first_index"
        return [Origin(*row) for row in self._reader.rows(text, limit=ORIGINS_LIMIT)]

    def add_origin(self, unit: UnitOfWork, name: str, first: Place | int) -> None:
        """Add an origin that begins at a place known now or at the commit."""
        unit.add(_ORIGIN, (first, name))

    def add(self, unit: UnitOfWork, checkpoint: Checkpoint, note: str) -> None:
        """Add a checkpoint."""
        found = checkpoint
        unit.add(_CHECKPOINT, (found.size, found.origin, found.root, found.at_us or 0, note))

    def cosign(self, unit: UnitOfWork, checkpoint: Checkpoint, witness: str, line: str) -> None:
        """Add a witness' signature line."""
        unit.add(_COSIGNATURE, (checkpoint.size, checkpoint.origin, witness, line))

    def last(self, origin: str) -> StoredCheckpoint | None:
        """The largest checkpoint of an origin."""
        return self._one(_LAST, (origin,))

    def covering(self, origin: str, index: int) -> StoredCheckpoint | None:
        """The smallest checkpoint of an origin whose tree holds the leaf `index`."""
        return self._one(_COVERING, (index, origin))

    def page(self, after_size: int, after_origin: str, limit: int) -> Sequence[StoredCheckpoint]:
        """Checkpoints after (size, origin), ascending."""
        rows = self._reader.rows(_PAGE, (after_size, after_origin, limit), limit=limit)
        return [self._stored(row) for row in rows]

    def _one(self, text: str, given: Parameters) -> StoredCheckpoint | None:
        row = self._reader.one(text, given)
        return None if row is None else self._stored(row)

    def _stored(self, row: Row) -> StoredCheckpoint:
        size, origin, root, at_us, note = row
        lines = self._reader.rows(_LINES, (size, origin, WITNESSES_LIMIT))
        whole = note + "".join(f"{line[0]}\n" for line in lines)
        return StoredCheckpoint(Checkpoint(origin, size, root, at_us), whole)
