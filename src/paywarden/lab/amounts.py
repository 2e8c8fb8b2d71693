"""Amounts of a file in minor units: exact for whole numbers and decimals, nearest for doubles.

Guards: what is no finite number is refused with its row. A double holds a decimal text only
nearly, so that it is rounded to the nearest minor unit (half to even); decimals and texts with
more places than the currency has are rounded alike. Range: checked by the caller.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from paywarden.lab.conversion import Place, refuse_where, texts
from paywarden.reference.currencies import currencies

_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_LIMIT = 2**53


def amounts(
    series: pl.Series, currency: pl.Series, exponent: int | None, place: Place
) -> pl.Series:
    """Minor units (Int64, null where missing). `exponent` None: that of each row's currency."""
    if exponent is not None:
        return _scaled(series, np.full(len(series), 10**exponent, np.int64), place)
    known = {code: entry.exponent or 0 for code, entry in currencies().items()}
    factors = currency.replace_strict(
        list(known), [10**places for places in known.values()], default=1, return_dtype=pl.Int64
    )
    return _scaled(series, factors.to_numpy(), place)


def _scaled(
    series: pl.Series, factors: np.ndarray[tuple[int], np.dtype[np.int64]], place: Place
) -> pl.Series:
    if series.dtype.is_integer():
        wide = series.cast(pl.Int64, strict=False)
        fits = wide.abs() <= pl.Series(_LIMIT // factors)
        refuse_where(series.is_not_null() & ~fits.fill_null(False), *_TOO_LARGE, place)
        return wide * pl.Series(factors)
    numbers = _numbers(series, place)
    good = numbers.is_finite().fill_null(False)
    refuse_where(series.is_not_null() & numbers.is_not_null() & ~good, *_NO_NUMBER, place)
    scaled = numbers.fill_null(0.0).to_numpy() * factors
    refuse_where(pl.Series(np.abs(scaled) > _LIMIT), *_TOO_LARGE, place)
    return pl.Series(np.rint(scaled).astype(np.int64)).set(numbers.is_null(), None)


_TOO_LARGE = ("amount_out_of_range", "an amount is at most 9007199254740991 minor units")
_NO_NUMBER = ("field_type", "is no amount")


def _numbers(series: pl.Series, place: Place) -> pl.Series:
    if series.dtype.is_float() or series.dtype.is_decimal():
        return series.cast(pl.Float64)
    given = texts(series, place).str.strip_chars()
    refuse_where(~given.str.contains(_NUMBER), *_NO_NUMBER, place)
    return given.cast(pl.Float64)
