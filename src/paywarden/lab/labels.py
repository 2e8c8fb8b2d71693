"""Labels of a file, and when they are reported to the windows.

Guards: truth reaches windows as late as in life: a label counts `delay` after its payment, never
earlier, and only for the share of frauds that is ever reported (chosen by the payment's id, so the
same file always reports the same ones). A missing label is unknown: neither fraud nor genuine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.mapping import Scalar

FRAUD, GENUINE, UNKNOWN = 1, 0, -1
_YES = {True: ("1", "true", "True"), False: ("0", "false", "False")}


def labels(series: pl.Series, fraud: Sequence[Scalar], place: str) -> npt.NDArray[np.int8]:
    """1 fraud, 0 genuine, -1 unknown, shape [n]. Errors: InvalidRequest `label_value`."""
    words = _words(series)
    wanted = [word for value in fraud for word in _spellings(value)]
    if series.dtype.is_numeric() and not any(_is_number(word) for word in wanted):
        detail = "the label column holds numbers and `fraud` is none"
        raise InvalidRequest("label_value", detail, pointer=place)
    marks = words.is_in(wanted).cast(pl.Int8)
    return marks.fill_null(UNKNOWN).to_numpy()


def _words(series: pl.Series) -> pl.Series:
    """Values as text, whole floats without their point, booleans as true and false."""
    if series.dtype.is_float():
        whole = (series == series.round()) & (series.abs() < 2**53)
        cut = series.set(~whole.fill_null(False), None).cast(pl.Int64).cast(pl.String)
        return cut.zip_with(cut.is_not_null(), series.cast(pl.String))
    if isinstance(series.dtype, pl.List | pl.Struct | pl.Array | pl.Object):
        raise InvalidRequest("label_value", "the label column holds no single values")
    words = series.cast(pl.String).str.strip_chars()
    return words.set(words == "", None)


def _spellings(value: Scalar) -> tuple[str, ...]:
    if isinstance(value, bool):
        return _YES[value]
    text = str(value)
    if _is_number(text) and float(text).is_integer():
        whole = str(int(float(text)))
        # A truth value may be kept as true and false, or as 1 and 0.
        truths = {"1": ("true",), "0": ("false",)}.get(whole, ())
        return (text, whole, f"{whole}.0", *truths)
    return (text,)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return text in ("true", "false")


def reported(marks: npt.NDArray[np.int8], ids: pl.Series, share: float) -> npt.NDArray[np.int64]:
    """Rows whose label is reported at all, ascending: genuine ones, and `share` of the frauds."""
    rows = np.flatnonzero(marks != UNKNOWN)
    if share >= 1.0:
        return rows
    frauds = np.flatnonzero(marks == FRAUD)
    drawn = [_draw(text) >= share for text in ids.gather(frauds).to_list()]
    return np.setdiff1d(rows, frauds[np.array(drawn, np.bool_)], assume_unique=True)


def _draw(text: str) -> float:
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"lab-reported").digest()
    return int.from_bytes(digest, "big") / 2**64
