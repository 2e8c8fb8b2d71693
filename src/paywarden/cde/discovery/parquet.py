"""A Parquet file: every column, packed or not, in slices of rows; nested values as their text.

Places are `#column:row`, rows counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from paywarden.cde.discovery.block import Hit
from paywarden.cde.discovery.cells import column_hits

MAGIC = b"PAR1"
_ROWS = 100_000
_NUMBERLESS = (
    pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32,
    pl.Date, pl.Time, pl.Datetime, pl.Duration, pl.Null,
)  # fmt: skip
"""Types that cannot hold thirteen digits, or hold a time."""


BROKEN: tuple[type[BaseException], ...] = (
    pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, TypeError,
)  # fmt: skip
"""What the reader raises at damaged files; its panics are no `Exception`."""


def parquet_hits(source: BinaryIO | str) -> Iterator[tuple[str, int, Hit]]:
    """(`column:row`, octet in the cell, hit). Errors: BROKEN."""
    for name, kind in pl.read_parquet_schema(source).items():
        if not isinstance(kind, _NUMBERLESS):
            yield from _of_column(source, name)


def _of_column(source: BinaryIO | str, name: str) -> Iterator[tuple[str, int, Hit]]:
    first = 0
    while True:
        if not isinstance(source, str):
            source.seek(0)
        slices = pl.scan_parquet(source).select(name).slice(first, _ROWS).collect()
        cells = slices[name].to_list()
        for cell, hit in column_hits(cells):
            yield f"{name}:{first + cell}", hit.start, hit
        if len(cells) < _ROWS:
            return
        first += len(cells)
