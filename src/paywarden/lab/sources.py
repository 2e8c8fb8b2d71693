"""From a mapping and a file to the given fields of every payment, in order of the file.

Guards: a column that does not exist is an error with the nearest name; what a mapping names is
read and nothing else; required fields are there for every row; a payment that stands twice in the
file counts once (the same content again) or is an error (other content). Order: columns, values,
card numbers, amount, time, label. Not done here: derived fields (`derived.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.amounts import amounts
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.conversion import Place, convert, refuse_where, texts
from paywarden.lab.expressions import columns_in, expression_of, read_text, typed
from paywarden.lab.files import PaymentFile
from paywarden.lab.labels import labels
from paywarden.lab.mapping import Mapping, Scalar, is_metadata
from paywarden.lab.times import times
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.cel.checker import nearest
from paywarden.risk.rules.cel.errors import shown

DEFAULTS = {
    "payment.attempt": "1",
    "payment.type": "card_payment",
    "payment.phase": "pre_auth",
    "payment.initiator": "customer",
}
_FINGERPRINT = re.compile(r"\s*fingerprint\((.+)\)\s*\Z")


@dataclass(frozen=True, slots=True)
class Given:
    """Given fields in order of the file.

    `fields`: one column per catalogue path (Int64 microseconds for instants), metadata entries as
    `payment.metadata.NAME`. `time_us`: [n]. `labels`: int8 [n], 1 fraud, 0 genuine, -1 unknown.
    `repeats`: row of the first payment of the same identity, [n], or None where all differ.
    """

    fields: pl.DataFrame
    time_us: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int8]
    repeats: npt.NDArray[np.int64] | None


def read_given(mapping: Mapping, file: PaymentFile, limit: int | None, screen: CardScreen) -> Given:
    """The given fields of the first `limit` payments. Errors: InvalidRequest with the place."""
    reader = _Reader(mapping, file, limit, screen)
    fields = reader.fields()
    time_us = reader.time()
    marks = reader.labels()
    return Given(fields, time_us, marks, _repeats(fields, time_us, file))


class _Reader:
    def __init__(
        self, mapping: Mapping, file: PaymentFile, limit: int | None, screen: CardScreen
    ) -> None:
        self._mapping = mapping
        self._file = file
        self._screen = screen
        needed: dict[str, None] = {}
        for key, text in self._texts().items():
            needed.update(dict.fromkeys(self._needed(key, text)))
        self._frame = file.read(list(needed), limit)
        if not self._frame.height:
            raise InvalidRequest("file_empty", "holds no payments", pointer=file.path.name)
        self._typed: dict[str, pl.Series] = {}

    def fields(self) -> pl.DataFrame:
        height = self._frame.height
        found: dict[str, pl.Series] = {}
        for path, text in self._mapping.fields.items():
            found[path] = self._field(path, text)
        for path, value in self._mapping.constants.items():
            found[path] = self._constant(path, value)
        for path, word in DEFAULTS.items():
            here = found.get(path, pl.Series([None], dtype=pl.String))
            found[path] = (
                here.fill_null(word) if path in found else pl.repeat(word, height, eager=True)
            )
        self._amount(found)
        self._require(found)
        return pl.DataFrame([series.alias(path) for path, series in found.items()])

    def time(self) -> npt.NDArray[np.int64]:
        time = self._mapping.time
        series = self._series("time.column", time.column)
        return times(series, time.unit, self._place(time.column))

    def labels(self) -> npt.NDArray[np.int8]:
        label = self._mapping.label
        if label is None:
            return np.full(self._frame.height, -1, np.int8)
        series = self._series("label.column", label.column)
        return labels(series, label.fraud, self._mapping.place("label.fraud"))

    # --- values ----------------------------------------------------------------------------

    def _field(self, path: str, text: str) -> pl.Series:
        place = self._place(text)
        fingerprint = _FINGERPRINT.match(text)
        if fingerprint and text not in self._frame.columns:
            series = texts(self._frame[self._column(path, fingerprint[1].strip())], place)
            return self._screen.fingerprints(series)
        series = self._series(path, text)
        if is_metadata(path):
            scalars = (
                read_text(texts(series, place)) if self._cells_are_text(text) else _scalars(series)
            )
            return self._screen.passed(path, scalars, place)
        values = convert(path, series, place)
        if FIELDS[path].type == "timestamp":
            return values
        return self._screen.passed(path, values, place)

    def _constant(self, path: str, value: Scalar) -> pl.Series:
        one = pl.Series([float(value) if isinstance(value, Decimal) else value])
        place = self._mapping.place(path)
        if not is_metadata(path) and FIELDS[path].type == "timestamp":
            instant = convert(path, one, lambda _row: place)
            return instant.new_from_index(0, self._frame.height)
        converted = one if is_metadata(path) else convert(path, one, lambda _row: place)
        checked = self._screen.passed(path, converted, lambda _row: place)
        return checked.new_from_index(0, self._frame.height)

    def _amount(self, found: dict[str, pl.Series]) -> None:
        amount = self._mapping.amount
        if amount is None:
            return
        height = self._frame.height
        if amount.currency is not None:
            found["payment.currency"] = pl.repeat(amount.currency, height, eager=True)
        codes = found.get("payment.currency")
        if codes is None:
            place = self._mapping.place("amount")
            raise InvalidRequest("mapping_incomplete", "[amount] needs a currency", pointer=place)
        series = self._series("amount.column", amount.column)
        place_of = self._place(amount.column)
        minor = amounts(series, codes, amount.exponent, place_of)
        found["payment.amount_minor"] = self._screen.passed("payment.amount_minor", minor, place_of)

    def _require(self, found: dict[str, pl.Series]) -> None:
        for path in ("payment.id",):
            if path not in found:
                detail = f"[columns] has to map {path}"
                raise InvalidRequest("mapping_incomplete", detail, pointer=self._mapping.name)
            detail = f"{path} is missing"
            refuse_where(found[path].is_null(), "field_missing", detail, self._place_of(path))
        money = found["payment.type"] != "account_event"
        for path in ("payment.amount_minor", "payment.currency"):
            here = found.get(path)
            wrong = money if here is None else money & here.is_null()
            detail = f"{path} is missing; map [amount], or [columns] {path}"
            refuse_where(wrong, "field_missing", detail, self._place_of(path))
        if "payment.amount_minor" in found:
            wrong = (found["payment.amount_minor"] < 0) | (
                found["payment.amount_minor"] > 2**53 - 1
            )
            detail = "an amount is 0 to 9007199254740991 minor units"
            place = self._place_of("payment.amount_minor")
            refuse_where(wrong, "amount_out_of_range", detail, place)

    def _series(self, key: str, text: str) -> pl.Series:
        """A column as it is, or the values of an expression."""
        if text in self._frame.columns:
            return self._frame[text]
        names = columns_in(text, self._file.columns)
        for name in names:
            if name not in self._typed:
                self._typed[name] = typed(self._frame[name]).alias(name)
        frame = pl.DataFrame([self._typed[name] for name in names])
        if not names:
            frame = pl.DataFrame({"": pl.repeat(None, self._frame.height, eager=True)})
        expression = expression_of(
            text, frame, self._mapping.place(key), self._file.columns, self._file.kind == "csv"
        )
        return expression.series(self._place(text))

    # --- names -----------------------------------------------------------------------------

    def _texts(self) -> dict[str, str]:
        mapping = self._mapping
        found = dict(mapping.fields)
        found["time.column"] = mapping.time.column
        if mapping.amount is not None:
            found["amount.column"] = mapping.amount.column
        if mapping.label is not None:
            found["label.column"] = mapping.label.column
        return found

    def _needed(self, key: str, text: str) -> list[str]:
        if text in self._file.columns:
            return [text]
        fingerprint = _FINGERPRINT.match(text)
        if fingerprint:
            return [self._column(key, fingerprint[1].strip())]
        return columns_in(text, self._file.columns)

    def _column(self, key: str, name: str) -> str:
        if name in self._file.columns:
            return name
        near = nearest(name, list(self._file.columns))
        detail = f"there is no column `{shown(name)}`"
        if near is not None:
            detail += f"; did you mean `{near}`?"
        raise InvalidRequest("unknown_column", detail, pointer=self._mapping.place(key))

    def _cells_are_text(self, text: str) -> bool:
        return self._file.kind == "csv" and text in self._file.columns

    def _place(self, text: str) -> Place:
        column = text if text in self._file.columns else "expression"
        return lambda row: self._file.place(row, column)

    def _place_of(self, path: str) -> Place:
        return self._place(self._mapping.fields.get(path, path))


def _scalars(series: pl.Series) -> pl.Series:
    kind = series.dtype
    if kind.is_integer():
        return series.cast(pl.Int64, strict=False)
    if kind.is_float() or kind == pl.Boolean:
        return series
    return texts(series, str)


def _repeats(
    fields: pl.DataFrame, time_us: npt.NDArray[np.int64], file: PaymentFile
) -> npt.NDArray[np.int64] | None:
    identity = fields.select("payment.id", "payment.attempt")
    if identity["payment.id"].n_unique() == fields.height or not identity.is_duplicated().any():
        return None
    rows = fields.with_columns(pl.Series("=t", time_us)).with_row_index("=row")
    names = ["payment.id", "payment.attempt"]
    firsts = rows.select(pl.col("=row").min().over(names)).to_series().to_numpy().astype(np.int64)
    contents = [name for name in rows.columns if name != "=row"]
    alike = rows.select(pl.col("=row").min().over(contents)).to_series().to_numpy()
    other = np.flatnonzero(alike != firsts)
    if len(other):
        row = int(other[0])
        detail = f"the payment stands in {file.place(int(firsts[row]))} with other content"
        raise InvalidRequest("duplicate_payment", detail, pointer=file.place(row))
    return firsts
