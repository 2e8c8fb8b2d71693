"""Customers in SQLite, beside the log: rating, file and history are one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from paywarden.aml.customer_risk.model import Level, RiskModel
from paywarden.aml.customer_risk.ports import (
    NEVER_US,
    Counts,
    HistoryRow,
    ModelUse,
    Rated,
    Row,
    Wanted,
)
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

SCHEMA: Final = SchemaPart(
    "customer_risk", "customer_risk_0001", "paywarden.aml.customer_risk:migrations/versions"
)
PAGE: Final = 5_000
_ROW: Final = tuple(one.name for one in fields(Row))
_STEP: Final = tuple(one.name for one in fields(HistoryRow))
_LEVELS: Final = {int(level): level.word for level in Level}
_PUT = Change(
    "aml_customers_put",
    f"INSERT OR REPLACE INTO aml_customers (scope, {', '.join(_ROW)})"  # noqa: S608
    f" VALUES ({', '.join('?' * (len(_ROW) + 1))})",
)
_ADD_STEP = Insert("aml_customer_history", ("scope", *_STEP))
_ADD_MODEL = Change(
    "aml_risk_models_add",
    "INSERT OR IGNORE INTO aml_risk_models (scope, id, name, text, at_us, actor)"
    " VALUES (?, ?, ?, ?, ?, ?)",
)
_ADD_USE = Insert("aml_risk_model_uses", ("scope", "number", "model", "actor", "at_us", "seq"))
_SELECT = f"SELECT {', '.join(_ROW)} FROM aml_customers WHERE scope = ?"  # noqa: S608
_FIND = f"{_SELECT} AND ref = ?"
_OF_SUBJECT = f"{_SELECT} AND subject = ?"
_PAGE = (
    f"{_SELECT} AND ref > ? AND (? IS NULL OR level = ?)"
    " AND (NOT ? OR review_due_us < ?) AND (NOT ? OR undone > 0)"
    " AND (NOT ? OR override_until_us IS NOT NULL) ORDER BY ref LIMIT ?"
)
_OTHER_MODEL = f"{_SELECT} AND model <> ? AND next_us < ? LIMIT ?"
_NEXT = f"{_SELECT} AND next_us <= ? ORDER BY next_us LIMIT ?"
_OWING = f"{_SELECT} AND owed <> '' LIMIT ?"
_RATED = (
    "SELECT ref, level, score FROM aml_customers WHERE scope = ? AND ref > ? ORDER BY ref LIMIT ?"
)
_HISTORY = (
    f"SELECT {', '.join(_STEP)} FROM aml_customer_history"  # noqa: S608
    " WHERE scope = ? AND ref = ? AND number < ? ORDER BY number DESC LIMIT ?"
)
_COUNTS = "SELECT level, count(*) FROM aml_customers WHERE scope = ? GROUP BY level"
_WAITING = (
    "SELECT sum(review_due_us < ?), sum(undone > 0 AND level >= ?),"
    " sum(override_until_us IS NOT NULL) FROM aml_customers WHERE scope = ?"
)
_TEXT = "SELECT text FROM aml_risk_models WHERE scope = ? AND id = ?"
_MODELS = (
    "SELECT id, name, at_us, actor FROM aml_risk_models WHERE scope = ? ORDER BY at_us DESC, id"
)
_LAST_USE = (
    "SELECT number, model, actor, at_us, seq FROM aml_risk_model_uses WHERE scope = ?"
    " ORDER BY number DESC LIMIT 1"
)


class SqliteCustomers:
    """`Store` over the tables of customer risk."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def find(self, scope: Scope, ref: str) -> Row | None:
        """A customer."""
        row = self._reader.one(_FIND, (scope.text, ref))
        return None if row is None else Row(*row)

    def of_subject(self, scope: Scope, subject: str) -> Row | None:
        """The customer whose file is sealed for a subject."""
        row = self._reader.one(_OF_SUBJECT, (scope.text, subject))
        return None if row is None else Row(*row)

    def put(self, unit: UnitOfWork, scope: Scope, row: Row) -> None:
        """Write a customer with the unit."""
        unit.add(_PUT, (scope.text, *astuple(row)))

    def add_history(self, unit: UnitOfWork, scope: Scope, row: HistoryRow) -> None:
        """Write a step of history with the unit."""
        unit.add(_ADD_STEP, (scope.text, *astuple(row)))

    def history(self, scope: Scope, ref: str, before: int, limit: int) -> Sequence[HistoryRow]:
        """Steps below a number, newest first."""
        rows = self._reader.rows(_HISTORY, (scope.text, ref, before, limit))
        return [HistoryRow(*row) for row in rows]

    def page(self, scope: Scope, wanted: Wanted, after: str, limit: int) -> Sequence[Row]:
        """Customers whose ref is above `after`, in order of ref."""
        given: tuple[Any, ...] = (
            scope.text, after, wanted.level, wanted.level, wanted.overdue, wanted.now_us,
            wanted.undone, wanted.overridden, limit,
        )  # fmt: skip
        return [Row(*row) for row in self._reader.rows(_PAGE, given)]

    def due(self, scope: Scope, now_us: int, limit: int) -> Sequence[Row]:
        """Customers whose `next_us` has come, those who wait longest first."""
        return [Row(*row) for row in self._reader.rows(_NEXT, (scope.text, now_us, limit))]

    def of_other_models(self, scope: Scope, model: str, limit: int) -> Sequence[Row]:
        """Customers whom another model assessed; erased ones left out."""
        given = (scope.text, model, NEVER_US, limit)
        return [Row(*row) for row in self._reader.rows(_OTHER_MODEL, given)]

    def owing(self, scope: Scope, limit: int) -> Sequence[Row]:
        """Customers of whom alerts are owed."""
        return [Row(*row) for row in self._reader.rows(_OWING, (scope.text, limit))]

    def rated(self, scope: Scope) -> Sequence[Rated]:
        """Everybody's level and score."""
        found: list[Rated] = []
        last = ""
        while page := self._reader.rows(_RATED, (scope.text, last, PAGE), limit=PAGE):
            found += [Rated(ref, _LEVELS[level], score) for ref, level, score in page]
            last = page[-1][0]
        return found

    def counts(self, scope: Scope, now_us: int) -> Counts:
        """Figures for the calendar and metrics."""
        by_level: dict[int, int] = dict(self._reader.rows(_COUNTS, (scope.text,)))
        waiting = self._reader.one(_WAITING, (now_us, int(Level.HIGH), scope.text)) or (0, 0, 0)
        overdue, undone, overridden = (int(one or 0) for one in waiting)
        return Counts(by_level, overdue, undone, overridden)

    def add_model(
        self, unit: UnitOfWork, scope: Scope, model: RiskModel, actor: str, at_us: int
    ) -> None:
        """Keep the text of a model with the unit; one that is kept stays as it is."""
        unit.add(_ADD_MODEL, (scope.text, model.id, model.name, model.text, at_us, actor))

    def model_text(self, scope: Scope, model: str) -> str | None:
        """The text of a model."""
        row = self._reader.one(_TEXT, (scope.text, model))
        return None if row is None else str(row[0])

    def models(self, scope: Scope) -> Sequence[tuple[str, str, int, str]]:
        """(id, name, when, by whom) of the models kept, newest first."""
        return [tuple(row) for row in self._reader.rows(_MODELS, (scope.text,))]

    def add_use(self, unit: UnitOfWork, scope: Scope, use: ModelUse) -> None:
        """Write with the unit which model assesses from now on."""
        unit.add(_ADD_USE, (scope.text, *astuple(use)))

    def last_use(self, scope: Scope) -> ModelUse | None:
        """The model that assesses; None before the first customer."""
        row = self._reader.one(_LAST_USE, (scope.text,))
        return None if row is None else ModelUse(*row)
