"""Files of payments: CSV, CSV.gz, Parquet and JSON lines as frames, and where a row stands in them.

Guards: a file that is not what its name says is refused with the line where it breaks; unpacked
octets have a limit; CSV cells stay text, so that no leading zero is lost (numbers are read where a
number is asked for). Objects inside JSON lines and Parquet become dotted columns (`payer.id`).
Not done here: what columns mean (`sources.py`).
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import polars as pl

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable

MAX_OCTETS = 8 << 30
MAX_COLUMNS = 2_000
MAX_DEPTH = 8
_STEP = 1 << 24
_HEADER_OCTETS = 1 << 20
_KINDS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".jsonl.gz": "json",
    ".ndjson.gz": "json",
}


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file of a known kind ("csv", "parquet", "json") and the columns that it has."""

    path: Path
    kind: str
    separator: str
    columns: tuple[str, ...]

    def place(self, row: int, column: str = "") -> str:
        """`file:line:column` of a row counted from 0 (Parquet: `file:row N:column`)."""
        first = {"csv": 2, "json": 1}.get(self.kind)
        where = f"row {row + 1}" if first is None else str(row + first)
        return f"{self.path.name}:{where}" + (f":{column}" if column else "")

    def read(self, names: list[str], limit: int | None) -> pl.DataFrame:
        """The named columns of the first `limit` rows, in order of the file."""
        if self.kind == "parquet":
            return self._parquet(names, limit)
        octets = _octets(self.path)
        if self.kind == "json":
            frame = _json_frame(octets, self.path.name, limit)
            return frame.select(names) if names else frame
        return self._csv(octets, names, limit)

    def _csv(self, octets: bytes, names: list[str], limit: int | None) -> pl.DataFrame:
        # Every column is read: with a selection, lines with too many cells would pass unseen.
        try:
            frame = pl.read_csv(
                io.BytesIO(octets),
                n_rows=limit,
                separator=self.separator,
                infer_schema=False,
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _bad_csv(octets, self.path.name, self.separator) from error
        return frame.select(names)

    def _parquet(self, names: list[str], limit: int | None) -> pl.DataFrame:
        outer = list(dict.fromkeys(_outer(self.path, name) for name in names))
        try:
            frame = pl.read_parquet(self.path, columns=outer, n_rows=limit)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unparsable(self.path.name, "is no Parquet file") from error
        return _flat(frame).select(names)


def open_file(path: Path, separator: str = ",") -> PaymentFile:
    """The file with its column names. Errors: InvalidRequest `file_*`, Unparsable, TooLarge."""
    kind = _kind_of(path)
    if not path.is_file():
        raise InvalidRequest("file_not_found", "there is no such file", pointer=str(path))
    try:
        if kind == "parquet":
            names = _parquet_names(path)
        elif kind == "csv":
            names = _csv_names(path, separator)
        else:
            names = _json_frame(_octets(path), path.name, None).columns
    except OSError as error:
        raise InvalidRequest("file_unreadable", "cannot be read", pointer=str(path)) from error
    if len(names) > MAX_COLUMNS:
        raise TooLarge("file_too_wide", f"has over {MAX_COLUMNS} columns", pointer=path.name)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest("column_twice", "two columns share a name", pointer=f"{path.name}:1")
    return PaymentFile(path, kind, separator, tuple(names))


def _kind_of(path: Path) -> str:
    name = path.name.lower()
    for ending in sorted(_KINDS, key=len, reverse=True):
        if name.endswith(ending):
            return _KINDS[ending]
    detail = f"the name has to end in one of {', '.join(_KINDS)}"
    raise InvalidRequest("file_kind", detail, pointer=path.name)


# --- octets --------------------------------------------------------------------------------


def _open(path: Path) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def _octets(path: Path) -> bytes:
    """The whole content, unpacked. Errors: TooLarge, Unparsable."""
    parts: list[bytes] = []
    size = 0
    try:
        with _open(path) as opened:
            while part := opened.read(_STEP):
                parts.append(part)
                size += len(part)
                if size > MAX_OCTETS:
                    detail = f"has over {MAX_OCTETS} octets when unpacked; cut it into parts"
                    raise TooLarge("file_too_large", detail, pointer=path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unparsable(path.name, "is no whole gzip file") from error
    return b"".join(parts)


def _unparsable(pointer: str, detail: str) -> Unparsable:
    return Unparsable("file_unparsable", detail, pointer=pointer)


# --- CSV -----------------------------------------------------------------------------------


def _csv_names(path: Path, separator: str) -> list[str]:
    try:
        with _open(path) as opened:
            head = opened.read(_HEADER_OCTETS)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unparsable(path.name, "is no whole gzip file") from error
    text = head.decode("utf-8-sig", "replace")
    names = next(csv.reader(io.StringIO(text), delimiter=separator), [])
    if not names:
        raise _unparsable(path.name, "has no header line")
    return names


def _bad_csv(octets: bytes, name: str, separator: str) -> Unparsable:
    """The first line that breaks the file."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        return _unparsable(f"{name}:{line}", "is not UTF-8")
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    width = len(next(reader, []))
    try:
        for cells in reader:
            if len(cells) > width:
                detail = f"has {len(cells)} cells where the header has {width}"
                return _unparsable(f"{name}:{reader.line_num}", detail)
    except csv.Error:
        return _unparsable(f"{name}:{reader.line_num}", "is not CSV")
    return _unparsable(name, "is not CSV")


# --- JSON lines ----------------------------------------------------------------------------


def _json_frame(octets: bytes, name: str, limit: int | None) -> pl.DataFrame:
    try:
        frame = pl.read_ndjson(io.BytesIO(octets), infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _bad_json(octets, name) from error
    return _flat(frame if limit is None else frame.head(limit))


def _bad_json(octets: bytes, name: str) -> Unparsable:
    number = 0
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            found = msgspec.json.decode(line) if line.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _unparsable(f"{name}:{number}", "is not JSON")
        if not isinstance(found, dict):
            return _unparsable(f"{name}:{number}", "is no JSON object")
    return _unparsable(name, "a name holds values of different kinds in different lines")


# --- Parquet and nesting -------------------------------------------------------------------


def _parquet_names(path: Path) -> list[str]:
    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unparsable(path.name, "is no Parquet file") from error
    return _flat(pl.DataFrame(schema=schema)).columns


def _outer(path: Path, name: str) -> str:
    schema = pl.read_parquet_schema(path)
    if name in schema:
        return name
    return next((outer for outer in schema if name.startswith(outer + ".")), name)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Struct columns as dotted columns."""
    for _ in range(MAX_DEPTH):
        nested = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Struct)]
        if not nested:
            return frame
        for name in nested:
            fields = frame[name].struct.fields
            parts = [frame[name].struct.field(part).alias(f"{name}.{part}") for part in fields]
            frame = frame.drop(name).with_columns(parts)
    return frame
