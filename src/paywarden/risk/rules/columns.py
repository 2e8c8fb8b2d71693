"""Columns of payments: the values of one path for many payments, typed, with what is missing.

Guards: one representation per kind, so that an atom is evaluated over whole arrays: int and
timestamp int64 (timestamps in microseconds), double float64, bool, string as int32 codes into a
dictionary of distinct texts (-1 missing), anything else as Python objects. `valid` is None where
nothing is missing; data under a missing value is any value of the type and never read.
Shapes: n payments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest

Bools = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]

_DTYPES: dict[str, Any] = {
    "int": np.int64,
    "timestamp": np.int64,
    "double": np.float64,
    "bool": np.bool_,
}
_FILL: dict[str, Any] = {"int": 0, "timestamp": 0, "double": 0.0, "bool": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One path. `kind`: int, timestamp, double, bool, string or object (shapes: see the module)."""

    kind: str
    data: npt.NDArray[Any]
    valid: Bools | None = None
    dictionary: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.data)

    def present(self) -> Bools:
        """Where there is a value, shape [n]."""
        if self.valid is not None:
            return self.valid
        if self.kind == "string":
            return np.asarray(self.data >= 0)
        if self.kind == "object":
            return np.fromiter((item is not None for item in self.data), np.bool_, len(self.data))
        return np.ones(len(self.data), np.bool_)

    def slice(self, start: int, stop: int) -> Column:
        """Rows start to stop (views)."""
        valid = None if self.valid is None else self.valid[start:stop]
        return Column(self.kind, self.data[start:stop], valid, self.dictionary)

    def value(self, row: int) -> Any:
        """The Python value of one row, None where it is missing."""
        if self.kind == "string":
            code = int(self.data[row])
            return self.dictionary[code] if code >= 0 else None
        return self.slice(row, row + 1).values()[0]

    def values(self) -> list[Any]:
        """Python values, None where missing."""
        items: list[Any] = self.data.tolist()
        if self.kind == "string":
            table = (*self.dictionary, None)
            return [table[code] for code in items]
        if self.valid is None:
            return items
        return [item if ok else None for item, ok in zip(items, self.valid.tolist(), strict=True)]


def column_of(values: Sequence[Any], kind: str) -> Column:
    """Column of Python values, None where missing. Errors: InvalidRequest for an unfit value."""
    if kind == "string":
        return _strings(values)
    if kind not in _DTYPES:
        objects = np.empty(len(values), object)
        objects[:] = list(values)
        return Column("object", objects)
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    filled = [_FILL[kind] if value is None else value for value in values]
    try:
        data = np.array(filled, _DTYPES[kind])
    except (OverflowError, ValueError, TypeError) as error:
        raise InvalidRequest("column_value", f"a value does not fit a column of {kind}") from error
    return Column(kind, data, None if valid.all() else valid)


def _strings(values: Sequence[Any]) -> Column:
    known: dict[str, int] = {}
    codes = [-1 if text is None else known.setdefault(text, len(known)) for text in values]
    return Column("string", np.array(codes, np.int32), None, tuple(known))


def missing(count: int) -> Column:
    """A column in which every value is missing."""
    return Column("object", np.full(count, None, object), np.zeros(count, np.bool_))


def columns_of_vectors(
    rows: Sequence[Sequence[Any]], slots: Iterable[tuple[str, int, str]]
) -> dict[str, Column]:
    """Columns of vectors, by path; `slots`: (path, slot, kind)."""
    return {path: column_of([row[slot] for row in rows], kind) for path, slot, kind in slots}
