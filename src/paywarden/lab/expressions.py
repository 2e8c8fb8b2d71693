"""Expressions of mapping files: the condition language over the columns of a row.

Guards: expressions are checked against the columns' types before a row is read; arithmetic runs
over whole columns with the engine's own exact code, everything else once per distinct combination
of the columns that it reads. A row in which a column that is read is missing gives no value; any
other failure is an error with its row. Not done here: naming fields (`sources.py`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.checker import nearest
from paywarden.risk.rules.cel.errors import CompileError, EvaluationError, shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.program import compile as compile_expression
from paywarden.risk.rules.cel.syntax import Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL, DOUBLE, INT, STRING, TIMESTAMP, CelType
from paywarden.risk.rules.column_expression import Rowwise, compute
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.plain_tree import plain_of

_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_WHOLE = r"^(?:0|-?[1-9][0-9]{0,17})$"
_DECIMAL = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
MAX_DOUBTFUL = 6
_ROW = "row."
_POLARS: dict[str, Any] = {
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
}


def columns_in(text: str, columns: tuple[str, ...]) -> list[str]:
    """Columns that an expression may read, by the words in it."""
    words = {word.removeprefix(_ROW) for word in _WORDS.findall(text)}
    parts = {".".join(w.split(".")[:n]) for w in words for n in range(1, w.count(".") + 2)}
    return [name for name in columns if name in parts]


def typed(series: pl.Series) -> pl.Series:
    """A column as the condition language sees it."""
    kind = series.dtype
    if kind.is_integer():
        return series.cast(pl.Int64, strict=False)
    if kind.is_float() or kind.is_decimal():
        return series.cast(pl.Float64)
    if kind == pl.Boolean:
        return series
    if isinstance(kind, pl.Datetime | pl.Date):
        return instants(series)
    if isinstance(kind, pl.Categorical | pl.Enum | pl.String):
        texts = series.cast(pl.String)
        return texts.set(texts == "", None)
    return series


def instants(series: pl.Series) -> pl.Series:
    """Dates and times as UTC with microseconds; times without a zone are UTC."""
    moments = series.cast(pl.Datetime("us")) if series.dtype == pl.Date else series
    zoned = isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone is not None
    moments = moments.dt.cast_time_unit("us")
    if zoned:
        return moments.dt.convert_time_zone("UTC")
    return moments.dt.replace_time_zone("UTC")


def expression_of(
    text: str, frame: pl.DataFrame, place: str, columns: tuple[str, ...], untyped: bool
) -> RowExpression:
    """The expression over typed columns of a frame.

    `columns`: all of the file. `untyped`: its cells are texts (CSV); then a column whose texts are
    all numbers, or truth values, counts as such unless the expression only fits the text.
    Errors: InvalidRequest with the place in the expression.
    """
    readings = {name: read_text(frame[name]) for name in frame.columns} if untyped else {}
    doubtful = [name for name, read in readings.items() if read.dtype != frame[name].dtype]
    first: InvalidRequest | None = None
    for kept in itertools.product((False, True), repeat=min(len(doubtful), MAX_DOUBTFUL)):
        as_text = dict(zip(doubtful, kept, strict=False))
        tried = frame.with_columns(
            readings[name] for name in doubtful if not as_text.get(name, False)
        )
        try:
            return RowExpression(text, tried, place, columns)
        except InvalidRequest as error:
            first = first or error
    assert first is not None
    raise first


def read_text(series: pl.Series) -> pl.Series:
    """Texts that are all numbers, or all truth values, as such; others as they are."""
    texts = series
    if texts.dtype != pl.String:
        return series
    known = texts.drop_nulls()
    if not len(known):
        return texts
    if known.str.contains(_WHOLE).all():
        return texts.cast(pl.Int64)
    if known.str.contains(_DECIMAL).all():
        return texts.cast(pl.Float64)
    if known.is_in(["true", "false"]).all():
        return texts == "true"
    return texts


class RowExpression:
    """One expression over the typed columns of a frame."""

    def __init__(
        self, text: str, frame: pl.DataFrame, place: str, columns: tuple[str, ...]
    ) -> None:
        """`columns`: all of the file. Errors: InvalidRequest with the place in the expression."""
        self._frame = frame
        self._place = place
        types: dict[str, CelType] = {}
        self._columns: dict[str, str] = {}
        for name in frame.columns:
            kind = _type_of(frame[name].dtype)
            if kind is not None and _NAME.match(name):
                # `row.NAME`, too: the language asks `has` of a field of something.
                types[name] = types[_ROW + name] = kind
                self._columns[name] = self._columns[_ROW + name] = name
        try:
            self._program: Program = compile_expression(text, types)
        except CompileError as error:
            raise _refused(error, text, place, list(columns)) from error
        if self._program.type.kind not in _POLARS:
            detail = f"gives {self._program.type}, which no field takes"
            raise InvalidRequest("expression_type", detail, pointer=place)
        tree = self._program.expr
        read = {n.path for n in nodes_of(tree) if isinstance(n, Reference | Present)}
        self._paths = sorted(read)
        self._read = sorted({self._columns[path] for path in read})

    def series(self, where: Callable[[int], str]) -> pl.Series:
        """Values for every row. `where(row)` names a row in errors."""
        try:
            values, failed = self._computed()
        except Rowwise:
            values, failed = self._asked()
        if failed.any():
            self._refuse_failed(failed, where)
        return values

    def _computed(self) -> tuple[pl.Series, pl.Series]:
        if self._program.type.kind == "string":
            raise Rowwise
        columns = {path: _column(self._frame[self._columns[path]]) for path in self._paths}
        found = compute(plain_of(self._program.expr), columns, self._frame.height)
        if found.kind != self._program.type.kind:
            raise Rowwise
        series = pl.Series(found.data)
        if found.kind == "timestamp":
            series = series.cast(pl.Datetime("us", "UTC"))
        failed = pl.Series(found.error)
        return series.set(failed, None), failed

    def _asked(self) -> tuple[pl.Series, pl.Series]:
        """Each distinct combination of what is read, once."""
        kind = _POLARS[self._program.type.kind]
        if not self._read:
            value, failed = self._value({})
            return (
                pl.repeat(value, self._frame.height, dtype=kind, eager=True),
                pl.repeat(failed, self._frame.height, dtype=pl.Boolean, eager=True),
            )
        distinct = self._frame.select(self._read).unique(maintain_order=True)
        answers = [self._value(row) for row in distinct.iter_rows(named=True)]
        known = distinct.with_columns(
            pl.Series("=value", [value for value, _ in answers], dtype=kind),
            pl.Series("=failed", [failed for _, failed in answers], dtype=pl.Boolean),
        )
        joined = self._frame.select(self._read).join(
            known, on=self._read, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["=value"], joined["=failed"]

    def _value(self, row: dict[str, Any]) -> tuple[Any, bool]:
        try:
            bindings = {path: row[self._columns[path]] for path in self._paths}
            return self._program.evaluate(bindings), False
        except EvaluationError:
            return None, True

    def _refuse_failed(self, failed: pl.Series, where: Callable[[int], str]) -> None:
        """A failure is an absent value where something that is read is missing, else an error."""
        missing = pl.Series(np.zeros(self._frame.height, np.bool_))
        for name in self._read:
            missing = missing | self._frame[name].is_null()
        wrong = (failed & ~missing).arg_true()
        if len(wrong):
            detail = f"the expression at {self._place} cannot be computed for this row"
            raise InvalidRequest("expression_failed", detail, pointer=where(wrong[0]))


def _type_of(kind: pl.DataType) -> CelType | None:
    if kind == pl.Int64:
        return INT
    if kind == pl.Float64:
        return DOUBLE
    if kind == pl.Boolean:
        return BOOL
    if kind == pl.String:
        return STRING
    if isinstance(kind, pl.Datetime):
        return TIMESTAMP
    return None


def _column(series: pl.Series) -> Column:
    kind = _type_of(series.dtype)
    if kind is None or kind.kind == "string":
        raise Rowwise
    valid = series.is_not_null().to_numpy()
    if kind.kind == "timestamp":
        series = series.to_physical()
    data = series.fill_null(False if kind.kind == "bool" else 0).to_numpy()
    return Column(kind.kind, data, valid)


def _refused(error: CompileError, text: str, place: str, names: list[str]) -> InvalidRequest:
    if _NAME.match(text) or ("(" not in text and " " not in text):
        near = nearest(text, names)
        detail = f"there is no column `{shown(text)}`"
        if near is not None:
            detail += f"; did you mean `{near}`?"
        return InvalidRequest("unknown_column", detail, pointer=place)
    detail = f"{error.detail} (at {error.line}:{error.column} of the expression)"
    return InvalidRequest(error.code, detail, pointer=place)
