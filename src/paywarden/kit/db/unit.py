"""Unit of work: everything that one act writes, committed together or not at all.

Guards: a decision, its log entry, its audit event and its outbox row cannot part ways. A unit is a
plain value: building it touches no file and takes no lock. Order inside a unit is kept for
`Change`; rows of `Insert` may be sent together with those of other units (see
`paywarden.kit.db.statement`). A unit is submitted once. Not done here: writing
(`paywarden.kit.db.writer`), numbering log entries (the state owner).
"""

from __future__ import annotations

from paywarden.core.errors import TooLarge
from paywarden.kit.db.statement import Insert, Parameters, Statement

WRITES_LIMIT = 10_000


class UnitOfWork:
    """Writes of one act, in order; `sequenced` when one of them holds a place in the event log."""

    __slots__ = ("sequenced", "submitted", "writes")

    def __init__(self) -> None:
        self.writes: list[tuple[Statement, Parameters]] = []
        self.sequenced = False
        self.submitted = False

    def add(self, statement: Statement, parameters: Parameters) -> None:
        """Add one row (`Insert`, one value per column) or one `Change` with its parameters.

        Errors: ValueError for a wrong number of values, TooLarge beyond 10,000 writes.
        """
        if isinstance(statement, Insert):
            if len(parameters) != statement.given:
                raise ValueError(f"{statement.table} takes {statement.given} values per row")
            if statement.sequenced:
                self.sequenced = True
        if len(self.writes) >= WRITES_LIMIT:
            raise TooLarge("unit_too_large", f"one unit holds at most {WRITES_LIMIT} writes")
        self.writes.append((statement, parameters))
