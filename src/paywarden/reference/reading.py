"""Reading table files that may be hostile: bounded, strict, every complaint with file and line.

Order: size on disk, gzip (by magic bytes, expansion bounded), UTF-8, leading `# key: value`
comments, then lines or CSV (RFC 4180) rows. Errors name `file:line`, never the cell's content.
Not done here: what the cells mean; each table's module checks its own.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable
from paywarden.reference.provenance import Provenance

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_LINE_CHARS: Final = 8_192
MAX_ROWS: Final = 5_000_000
_MAX_NOTES = 20


@dataclass(frozen=True, slots=True)
class TableText:
    """Decoded text of a table file, its digest, and the notes of its leading comments."""

    place: str
    text: str
    sha256: str
    notes: dict[str, str]

    def at(self, line: int) -> str:
        """`file:line`, the pointer of an error."""
        return f"{self.place}:{line}"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that the operator names, with what the operator knows about it.

    What is left None is taken from the file's leading comments (`# source: ...`, `# licence: ...`,
    `# as_of: YYYY-MM-DD`).
    """

    path: Path
    source: str | None = None
    licence: str | None = None
    as_of: date | None = None
    max_age_days: int | None = None


def read_text(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> TableText:
    """Read one file of at most `max_bytes`, before and after decompression.

    Errors: InvalidRequest `table_unreadable`; TooLarge `table_too_large`; Unparsable
    `table_not_gzip`, `table_not_utf8`.
    """
    place = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise InvalidRequest("table_unreadable", reason, pointer=place) from error
    if len(raw) > max_bytes:
        raise TooLarge("table_too_large", f"over {max_bytes} bytes", pointer=place)
    return parse_text(raw, place, max_bytes=max_bytes)


def parse_text(raw: bytes, place: str, *, max_bytes: int = MAX_FILE_BYTES) -> TableText:
    """Text of octets already at hand; same errors as `read_text`."""
    sha256 = hashlib.sha256(raw).hexdigest()
    octets = _gunzip(raw, place, max_bytes) if raw[:2] == b"\x1f\x8b" else raw
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        detail = "save the file as UTF-8"
        raise Unparsable("table_not_utf8", detail, pointer=f"{place}:{line}") from error
    return TableText(place, text, sha256, _notes(text))


def _gunzip(raw: bytes, place: str, max_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            octets = packed.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unparsable("table_not_gzip", "the gzip stream is broken", pointer=place) from error
    if len(octets) > max_bytes:
        detail = f"over {max_bytes} bytes when unpacked"
        raise TooLarge("table_too_large", detail, pointer=place)
    return octets


def _notes(text: str) -> dict[str, str]:
    notes: dict[str, str] = {}
    for line in io.StringIO(text[: MAX_LINE_CHARS * _MAX_NOTES]):
        if not line.startswith("#") or len(notes) == _MAX_NOTES:
            break
        key, colon, value = line[1:].partition(":")
        if colon:
            notes.setdefault(key.strip().lower(), value.strip())
    return notes


def numbered_lines(table: TableText, *, max_rows: int = MAX_ROWS) -> Iterator[tuple[int, str]]:
    """Stripped lines with their number, without blanks and `#` comments (also at a line's end).

    Errors: TooLarge `table_line_too_long`, `table_too_many_rows`.
    """
    rows = 0
    for number, line in _physical(table):
        content = line.partition("#")[0].strip()
        if content:
            rows += 1
            _check_rows(table, rows, max_rows, number)
            yield number, content


def csv_rows(table: TableText, *, max_rows: int = MAX_ROWS) -> Iterator[tuple[int, list[str]]]:
    """CSV rows with the line they end on; leading comments and blank lines are skipped.

    Errors: Unparsable `table_bad_csv`; TooLarge as for `numbered_lines`.
    """
    skipped = 0
    for _number, line in _physical(table):
        if line.strip() and not line.startswith("#"):
            break
        skipped += 1
    body = (line for number, line in _physical(table) if number > skipped)
    reader = csv.reader(body, strict=True)
    rows = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            here = table.at(skipped + reader.line_num)
            raise Unparsable("table_bad_csv", "not CSV (RFC 4180)", pointer=here) from error
        if cells is None:
            return
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            continue
        rows += 1
        _check_rows(table, rows, max_rows, skipped + reader.line_num)
        yield skipped + reader.line_num, cells


def _physical(table: TableText) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(io.StringIO(table.text, newline="\n"), start=1):
        if len(line) > MAX_LINE_CHARS:
            detail = f"over {MAX_LINE_CHARS} characters in one line"
            raise TooLarge("table_line_too_long", detail, pointer=table.at(number))
        yield number, line


def _check_rows(table: TableText, rows: int, max_rows: int, line: int) -> None:
    if rows > max_rows:
        detail = f"over {max_rows} rows; split the table or raise its limit"
        raise TooLarge("table_too_many_rows", detail, pointer=table.at(line))


def columns(
    table: TableText,
    header: Sequence[str],
    line: int,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    strict: bool = True,
) -> dict[str, int]:
    """Positions of the named columns in a header row (case and blanks around names ignored).

    Errors: InvalidRequest `table_column_missing`, `table_column_repeated`, and with `strict`
    `table_column_unknown`.
    """
    names = [name.strip().lower() for name in header]
    here = table.at(line)
    known = {*required, *optional}
    for name in required:
        if name not in names:
            detail = f"the header has no column {name}"
            raise InvalidRequest("table_column_missing", detail, pointer=here)
    found = [name for name in names if name in known]
    if len(found) != len(set(found)):
        raise InvalidRequest("table_column_repeated", "a column stands twice", pointer=here)
    if strict and len(found) != len(names):
        detail = "columns may be " + ", ".join([*required, *optional])
        raise InvalidRequest("table_column_unknown", detail, pointer=here)
    return {name: names.index(name) for name in found}


def check_width(table: TableText, cells: Sequence[str], width: int, line: int) -> None:
    """InvalidRequest `table_row_width` unless the row is as wide as the header."""
    if len(cells) != width:
        detail = f"{len(cells)} cells where the header has {width}"
        raise InvalidRequest("table_row_width", detail, pointer=table.at(line))


def refuse(table: TableText, line: int, code: str, detail: str) -> InvalidRequest:
    """The error of one cell, with its place."""
    return InvalidRequest(code, detail, pointer=table.at(line))


def provenance_of(
    name: str, file: TableFile, table: TableText, rows: int, max_age_days: int | None
) -> Provenance:
    """Provenance of an operator's table: what the operator said, else the file's own notes.

    Errors: InvalidRequest `table_bad_as_of` when the note is not a date.
    """
    as_of = file.as_of
    if as_of is None and "as_of" in table.notes:
        try:
            as_of = date.fromisoformat(table.notes["as_of"])
        except ValueError as error:
            detail = "as_of must be YYYY-MM-DD"
            raise InvalidRequest("table_bad_as_of", detail, pointer=table.place) from error
    limit = max_age_days if file.max_age_days is None else file.max_age_days
    source = file.source or table.notes.get("source", "not stated")
    licence = file.licence or table.notes.get("licence", "not stated")
    return Provenance(name, source, licence, as_of, table.sha256, rows, limit)
