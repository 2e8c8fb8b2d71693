"""Units of work applied in memory: the twin of `Writer` for tests that need no SQL.

Guards: same order, same participants, same refusal after a failure as the real writer; rows of
`Insert` are kept per table. Not done here: `Change`, constraints and threads; a test that needs
those takes a real file, which costs about two milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from paywarden.core.errors import Conflict, PaywardenError
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.verdict import not_writing


class MemoryParticipant(Protocol):
    """The part of `Participant` that needs no database."""

    def before(self) -> None:
        """Ahead of a unit."""
        ...

    def committed(self) -> None:
        """After it."""
        ...

    def rolled_back(self) -> None:
        """Instead, when it failed."""
        ...


class MemoryWriter:
    """Applies each unit at once; `tables` maps a table to its rows in commit order."""

    def __init__(self, participants: Sequence[MemoryParticipant] = ()) -> None:
        self.tables: dict[str, list[Parameters]] = defaultdict(list)
        self.state = "open"
        self._participants = tuple(participants)

    def submit(self, unit: UnitOfWork) -> Future[None]:
        """Apply `unit`; the future is already done. Errors: as `Writer.submit`."""
        if self.state != "open":
            raise not_writing(self.state)
        if unit.submitted:
            raise ValueError("a unit of work is submitted once")
        unit.submitted = True
        future: Future[None] = Future()
        try:
            self._apply(unit)
        except PaywardenError as fault:
            # A bad unit fails alone, as with the real writer, unless it held a place in the log.
            if unit.sequenced or not isinstance(fault, Conflict):
                self.state = "failed"
            future.set_exception(fault)
        else:
            future.set_result(None)
        return future

    def recover(self) -> None:
        """After a failure: accept units again."""
        self.state = "open"

    async def commit(self, unit: UnitOfWork) -> None:
        """Apply `unit`."""
        self.submit(unit).result()

    def _apply(self, unit: UnitOfWork) -> None:
        for participant in self._participants:
            participant.before()
        try:
            rows = [_row(statement, parameters) for statement, parameters in unit.writes]
        except PaywardenError:
            for participant in self._participants:
                participant.rolled_back()
            raise
        for table, row in rows:
            self.tables[table].append(row)
        for participant in self._participants:
            participant.committed()


def _row(statement: object, parameters: Parameters) -> tuple[str, Parameters]:
    if not isinstance(statement, Insert):
        raise TypeError("the memory writer keeps rows only; use a real file for changes")
    finish = statement.finish
    return statement.table, parameters if finish is None else finish(parameters)
