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


def parquet_hits(source: BinaryIO | str) -> Iterator[tuple[str, int, Hit]]:
    """(`column:row`, octet in the cell, hit). Errors: polars' own, for a broken file."""
    for name, kind in pl.read_parquet_schema(source).items():
        if isinstance(kind, _NUMBERLESS):
            continue
        if not isinstance(source, str):
            source.seek(0)
        column = pl.read_parquet(source, columns=[name], rechunk=False)[name]
        for first in range(0, len(column), _ROWS):
            piece = column.slice(first, _ROWS)
            for cell, hit in column_hits(piece.to_list()):
                yield f"{name}:{first + cell}", hit.start, hit
