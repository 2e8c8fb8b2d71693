"""A file of transfers as the table of the contract, and the truth beside it.

Guards: every row has a time and an amount, or is refused with its place; accounts of the outside
become "". What moves no money (to oneself, of nothing) stays; who reads leaves it out. Order: by
time, then by sequence; a sequence is given where the file has none. Truth is read by `read_truth`
alone.
Shapes: n transfers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, parse_rfc3339
from paywarden.lab.accounts.mapping import TEXTS, TransferMap
from paywarden.lab.amounts import amounts
from paywarden.lab.conversion import Place, refuse_where, texts
from paywarden.lab.files import PaymentFile, open_file
from paywarden.lab.times import times


@dataclass(frozen=True, slots=True)
class Truth:
    """patterns: pattern, family, account, main. laundering: numbers of rows of laundering, [m]."""

    patterns: pl.DataFrame
    laundering: pl.Series


def read_transfers(path: Path, mapping: TransferMap, limit: int | None = None) -> pl.DataFrame:
    """sequence, at_us, from_account, to_account, amount_minor, texts. Errors: InvalidRequest."""
    file = open_file(path)
    wanted = {"from_account", "to_account", "sequence", *TEXTS}
    known = {name: mapping.column(name) for name in wanted}
    needed = [known["from_account"], known["to_account"], mapping.time_column]
    needed.append(mapping.amount_column)
    for column in [*needed, *mapping.columns.values()]:
        if column not in file.columns:
            raise InvalidRequest("unknown_column", f"has no column `{column}`", pointer=path.name)
    present = {name: column for name, column in known.items() if column in file.columns}
    frame = file.read(list(dict.fromkeys([*needed, *present.values()])), limit)
    table = _table(frame, file, mapping, present)
    if "sequence" not in present:
        table = table.with_row_index("sequence", 1)
    _refuse_twice(table["sequence"], file)
    order = ["sequence", "at_us", "from_account", "to_account", "amount_minor", *TEXTS]
    return table.select(order).cast({"sequence": pl.Int64}).sort("at_us", "sequence")


def _table(
    frame: pl.DataFrame, file: PaymentFile, mapping: TransferMap, present: dict[str, str]
) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {}
    for name in ("from_account", "to_account"):
        found = _text(frame[present[name]], file, present[name])
        columns[name] = found.replace(list(mapping.outside), [""] * len(mapping.outside))
    for name in TEXTS:
        empty = pl.Series([""]).new_from_index(0, len(frame))
        columns[name] = _text(frame[present[name]], file, name) if name in present else empty
    place = _placed(file, mapping.time_column)
    columns["at_us"] = pl.Series(_moments(frame[mapping.time_column], mapping, place))
    columns["amount_minor"] = _amounts(frame[mapping.amount_column], file, mapping)
    if "sequence" in present:
        number = frame[present["sequence"]].cast(pl.Int64, strict=False)
        where = _placed(file, present["sequence"])
        refuse_where(number.is_null(), "field_type", "a sequence is a whole number", where)
        columns["sequence"] = number
    return pl.DataFrame(columns)


def _placed(file: PaymentFile, column: str) -> Place:
    return lambda row: file.place(row, column)


def _text(series: pl.Series, file: PaymentFile, column: str) -> pl.Series:
    return texts(series, _placed(file, column)).fill_null("")


def _moments(series: pl.Series, mapping: TransferMap, place: Place) -> np.ndarray:
    if mapping.unit != "day":
        return times(series, mapping.unit, place)
    days = series.cast(pl.Int64, strict=False)
    refuse_where(days.is_null(), "time_value", "a day is a whole number", place)
    refuse_where(days.abs() > 1_000_000, "time_value", "is no number of a day", place)
    try:
        start = parse_rfc3339(mapping.start + "T00:00:00Z")
    except ValueError as error:
        detail = "start is a date such as 2026-01-01"
        raise InvalidRequest("mapping_value", detail, pointer="time.start") from error
    return np.asarray(days.to_numpy() * DAY_US + start)


def _amounts(series: pl.Series, file: PaymentFile, mapping: TransferMap) -> pl.Series:
    place = _placed(file, mapping.amount_column)
    found = amounts(series, series, mapping.exponent or 0, place)
    refuse_where(found.is_null(), "field_missing", "the amount is missing", place)
    refuse_where(found < 0, "amount_out_of_range", "an amount is not negative", place)
    return found


def _refuse_twice(sequence: pl.Series, file: PaymentFile) -> None:
    place = _placed(file, "sequence")
    refuse_where(sequence.is_duplicated(), "sequence_twice", "a sequence comes twice", place)


# --- who there is, and the truth ------------------------------------------------------------------


def read_accounts(path: Path, mapping: TransferMap, transfers: pl.DataFrame) -> pl.Series:
    """All accounts of the house: of the accounts' file beside `path`, or all that ever moved."""
    moved = pl.concat([transfers["from_account"], transfers["to_account"]])
    beside = path.parent / (mapping.accounts_file or "")
    if mapping.accounts_file and beside.is_file():
        file = open_file(beside)
        _column(file, mapping.accounts_column)
        named = _text(file.read([mapping.accounts_column], None).to_series(), file, "account")
        moved = pl.concat([named, moved])
    return moved.filter(moved != "").unique().sort().alias("account")


def read_truth(path: Path, mapping: TransferMap) -> Truth:
    """The truth beside the file `path`. Errors: InvalidRequest `truth_*`, those of files."""
    truth = mapping.truth
    file = open_file(path.parent / truth.patterns)
    names = {"pattern": truth.pattern, "family": truth.family, "account": truth.account}
    if truth.main in file.columns:
        names["main"] = truth.main
    for column in names.values():
        _column(file, column)
    frame = file.read(list(names.values()), None)
    patterns = pl.DataFrame({name: _text(frame[at], file, at) for name, at in names.items()})
    if "main" not in names:
        patterns = patterns.with_columns(main=pl.lit("false"))
    patterns = patterns.with_columns(main=pl.col("main").str.to_lowercase().is_in(["true", "1"]))
    return Truth(patterns, _laundering(path, mapping))


def _column(file: PaymentFile, name: str) -> None:
    if name not in file.columns:
        raise InvalidRequest("truth_column", f"has no column `{name}`", pointer=file.path.name)


def _laundering(path: Path, mapping: TransferMap) -> pl.Series:
    """Sequences of transfers of laundering; sequences that were given count from 1."""
    if mapping.truth.transfers is not None:
        file = open_file(path.parent / mapping.truth.transfers)
        _column(file, "sequence")
        return file.read(["sequence"], None)["sequence"].cast(pl.Int64)
    file = open_file(path)
    column = mapping.truth.laundering or ""
    _column(file, column)
    sequence = mapping.column("sequence")
    names = [column, *([sequence] if sequence in file.columns else [])]
    frame = file.read(names, None).rename({column: "marked"})
    if sequence not in file.columns:
        frame = frame.with_row_index(sequence, 1)
    marks = frame["marked"].cast(pl.String).str.to_lowercase().is_in(["1", "true"])
    return frame[sequence].cast(pl.Int64).filter(marks).alias("sequence")
