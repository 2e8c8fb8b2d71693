"""Payments of a file as typed columns in order of time, as conditions and windows read them.

Guards: order is stable: payments of one instant stay in order of the file. Texts are codes into a
dictionary of distinct texts, made once for the whole file.
Shapes: n payments. Not done here: windows (`observations.py`), rules (`deciding.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.lab.mapping import METADATA
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.columns import Column, column_of

METADATA_FIELD = "payment.metadata"
_EXTRA = {"phone.canonical": "string", "shipping_address.key": "string"}


@dataclass(frozen=True, slots=True)
class PaymentTable:
    """Columns by path in order of time. `time_us`, `rows` (row in the file): [n]."""

    columns: Mapping[str, Column]
    time_us: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_us)

    def part(self, start: int, stop: int, paths: Collection[str]) -> dict[str, Column]:
        """Columns of payments start to stop, those of `paths` that exist."""
        return {
            path: self.columns[path].slice(start, stop) for path in paths if path in self.columns
        }


def table_of(
    fields: pl.DataFrame, time_us: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> PaymentTable:
    """Columns of `fields`, which are in order of time already."""
    columns: dict[str, Column] = {}
    for path in fields.columns:
        if path.startswith(METADATA):
            continue
        kind = _EXTRA.get(path) or FIELDS[path].type
        columns[path] = column(fields[path], kind)
    names = [path for path in fields.columns if path.startswith(METADATA)]
    if names:
        columns[METADATA_FIELD] = _metadata(fields.select(names))
    return PaymentTable(columns, time_us, rows)


def column(series: pl.Series, kind: str) -> Column:
    """A series as a column of a catalogue type."""
    valid = None if not series.null_count() else series.is_not_null().to_numpy()
    if kind == "string":
        return _texts(series)
    if kind == "bool":
        return Column(kind, series.fill_null(False).to_numpy(), valid)
    if kind == "double":
        return Column(kind, series.fill_null(0.0).cast(pl.Float64).to_numpy(), valid)
    return Column(kind, series.fill_null(0).cast(pl.Int64).to_numpy(), valid)


def _texts(series: pl.Series) -> Column:
    words = series.cast(pl.String)
    distinct = words.drop_nulls().unique(maintain_order=True)
    codes = words.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(-1)
    return Column("string", codes.to_numpy().astype(np.int32), None, tuple(distinct.to_list()))


def _metadata(frame: pl.DataFrame) -> Column:
    plain = frame.rename({name: name.removeprefix(METADATA) for name in frame.columns})
    rows = [
        {name: value for name, value in row.items() if value is not None} or None
        for row in plain.iter_rows(named=True)
    ]
    return column_of(rows, "map")
