"""How far the re-screening of each change is, in SQLite, beside the log."""

from __future__ import annotations

from typing import Final

from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Change
from paywarden.kit.db.unit import UnitOfWork

_MOVE: Final = Change(
    "move_screening_position",
    "INSERT INTO screening_positions (scope, change, position, parties, hits)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, change) DO UPDATE SET"
    " position = excluded.position, parties = parties + excluded.parties,"
    " hits = hits + excluded.hits WHERE excluded.position > position",
)
_POSITION: Final = "SELECT position FROM screening_positions WHERE scope = ? AND change = ?"


class SqlitePositions:
    """Positions by scope and change."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def position(self, scope: Scope, change: str) -> str:
        """Id of the last party done; empty at the start."""
        row = self._reader.one(_POSITION, (scope.text, change))
        return "" if row is None else str(row[0])

    def move(
        self, unit: UnitOfWork, scope: Scope, change: str, position: str, parties: int, hits: int
    ) -> None:
        """Go on to a later position with the unit; an earlier one changes nothing."""
        unit.add(_MOVE, (scope.text, change, position, parties, hits))
