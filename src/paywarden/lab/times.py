"""Times of a file as integer microseconds since 1970 UTC; every row has one.

Guards: a unit that does not fit the column is an error, never a guess; times without a zone are
UTC; range: years 1 to 9999. Source: RFC 3339 for texts without a format of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339
from paywarden.lab.conversion import Place, refuse_where, text_instants, texts
from paywarden.lab.expressions import instants

_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
_FIRST = parse_rfc3339("0001-01-01T00:00:00Z")
_LAST = parse_rfc3339("9999-12-31T23:59:59.999999Z")
_NUMBER = r"^[+-]?[0-9]{1,19}(?:\.[0-9]+)?$"


def times(series: pl.Series, unit: str, place: Place) -> npt.NDArray[np.int64]:
    """Microseconds, [n]. `unit`: s, ms, us, datetime, or a strftime format.

    Errors: InvalidRequest `time_unit`, `time_value`, `field_missing` with the row.
    """
    if unit in _PER_UNIT:
        found = _counted(series, _PER_UNIT[unit], place)
    elif isinstance(series.dtype, pl.Datetime | pl.Date):
        found = instants(series).to_physical()
    elif unit == "datetime":
        found = text_instants(texts(series, place), place)
    else:
        found = text_instants(texts(series, place), place, unit)
    refuse_where(found.is_null(), "field_missing", "the time is missing", place)
    microseconds = found.cast(pl.Int64).to_numpy()
    outside = pl.Series((microseconds < _FIRST) | (microseconds > _LAST))
    refuse_where(outside, "time_value", "the time is not in the years 1 to 9999", place)
    return microseconds


def _counted(series: pl.Series, scale: int, place: Place) -> pl.Series:
    if isinstance(series.dtype, pl.Datetime | pl.Date):
        detail = 'the column holds times, not numbers; use unit = "datetime"'
        raise InvalidRequest("time_unit", detail, pointer=place(0))
    if not series.dtype.is_numeric():
        given = texts(series, place)
        refuse_where(~given.str.contains(_NUMBER), "time_value", "is no number", place)
        whole = not given.str.contains(".", literal=True).any()
        series = given.cast(pl.Int64 if whole else pl.Float64, strict=False)
        refuse_where(given.is_not_null() & series.is_null(), "time_value", "is no number", place)
    limit = max(-_FIRST, _LAST) // scale
    inside = (series >= -limit) & (series <= limit)
    detail = "the time is not in the years 1 to 9999; is the unit right?"
    refuse_where(series.is_not_null() & ~inside.fill_null(False), "time_value", detail, place)
    if series.dtype.is_integer():
        return series.cast(pl.Int64) * scale
    return (series.cast(pl.Float64) * scale).round().cast(pl.Int64)
