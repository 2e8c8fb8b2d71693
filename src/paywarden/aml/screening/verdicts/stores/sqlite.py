"""Verdicts in SQLite, beside the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from paywarden.aml.screening.verdicts.model import Verdict
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

SCHEMA: Final = SchemaPart(
    "screening_verdicts",
    "screening_verdicts_0001",
    "paywarden.aml.screening.verdicts:migrations/versions",
)
PAGE: Final = 1_000
_COLUMNS: Final = (
    "id", "scope", "party_key", "role", "entry", "source", "content_hash", "word", "person",
    "reason", "decision_seq", "decided_at_us", "expires_at_us", "ended_at_us", "ended_by",
)  # fmt: skip
_INSERT = Insert("screening_verdicts", _COLUMNS)
_END = Change(
    "end_screening_verdict",
    "UPDATE screening_verdicts SET ended_at_us = ?, ended_by = ?"
    " WHERE id = ? AND ended_at_us IS NULL",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM screening_verdicts"  # noqa: S608 - our own names
_ONE = f"{_SELECT} WHERE scope = ? AND id = ?"
_PAGE = f"{_SELECT} WHERE scope = ? AND id > ? ORDER BY id LIMIT ?"
_LIVING = (
    f"{_SELECT} WHERE id > ? AND ended_at_us IS NULL"
    " AND (expires_at_us IS NULL OR expires_at_us > ?) ORDER BY id LIMIT ?"
)


class SqliteVerdicts:
    """`VerdictStore` over the table `screening_verdicts`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def add(self, unit: UnitOfWork, verdict: Verdict) -> None:
        """Write a verdict."""
        values = [getattr(verdict, name) for name in _COLUMNS]
        values[1] = verdict.scope.text
        unit.add(_INSERT, tuple(values))

    def end(self, unit: UnitOfWork, verdict: Verdict) -> None:
        """Write who ended it and when."""
        unit.add(_END, (verdict.ended_at_us, verdict.ended_by, verdict.id))

    def find(self, scope: Scope, verdict_id: str) -> Verdict | None:
        """One verdict."""
        row = self._reader.one(_ONE, (scope.text, verdict_id))
        return None if row is None else _verdict(row)

    def page(self, scope: Scope, *, after: str, limit: int) -> Sequence[Verdict]:
        """At most `limit` verdicts with id > after, in order of id."""
        return [_verdict(row) for row in self._reader.rows(_PAGE, (scope.text, after, limit))]

    def living(self, now_us: int) -> Iterator[Verdict]:
        """Those of every scope that neither expired nor were ended."""
        last = ""
        while page := self._reader.rows(_LIVING, (last, now_us, PAGE)):
            for row in page:
                yield _verdict(row)
            last = page[-1][0]


def _verdict(row: tuple[Any, ...]) -> Verdict:
    return Verdict(row[0], Scope.parse(row[1]), *row[2:])
