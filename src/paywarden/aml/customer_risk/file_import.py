"""Files of customers: JSON lines with whole forms, or CSV with one column for each simple fact.

Guards: every row is read and checked before anything is sent, each fault with its row; at most
ROWS rows of LINE characters. Columns are paths of a form with dots (`person.country`,
`verification.level`); lists are words between semicolons; an empty cell is not known. Structures
of owners and documents do not fit a cell: JSON lines carry them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from paywarden.aml.customer_risk.flattening import facts_of
from paywarden.aml.customer_risk.forms import CUSTOMER_PATTERN, CustomerForm
from paywarden.core.errors import InvalidRequest, Unavailable

ROWS: Final = 1_000_000
LINE: Final = 262_144
BATCH: Final = 200
BATCH_OCTETS: Final = 700_000
COLUMN: Final = "customer"
_NAME: Final = re.compile(CUSTOMER_PATTERN)
_LISTS: Final = frozenset({"products", "nationalities", "operations"})
_WHOLE: Final = frozenset({"expected_monthly_minor", "reports_filed"})
_FLAGS: Final = frozenset({"cash_intensive", "listed", "regulated"})
_FAR: Final = date(9999, 1, 1)
"""Days are judged by the server, whose clock counts; here only that they are days."""


class Row(NamedTuple):
    """A customer of a file: row from 1 (the header is not one), id, form as JSON."""

    row: int
    customer: str
    form: dict[str, Any]


def read_rows(file: Path) -> list[Row]:
    """Every row of a file. Errors: InvalidRequest with the place, Unavailable."""
    csv_like = file.suffix.lower() == ".csv"
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            found = list(_csv(file, opened) if csv_like else _lines(file, opened))
    except OSError as fault:
        raise Unavailable("file_unreadable", str(fault.strerror), pointer=str(file)) from None
    except UnicodeDecodeError:
        raise InvalidRequest("not_utf8", "save the file as UTF-8", pointer=str(file)) from None
    seen: dict[str, int] = {}
    for one in found:
        if one.customer in seen:
            raise _fault(file, one.row, f"stands in row {seen[one.customer]} already")
        seen[one.customer] = one.row
    return found


def batches(rows: list[Row]) -> Iterator[list[Row]]:
    """Rows as the API takes them at once."""
    batch: list[Row] = []
    octets = 0
    for one in rows:
        size = len(json.dumps(one.form))
        if batch and (len(batch) == BATCH or octets + size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(one)
        octets += size
    if batch:
        yield batch


def _lines(file: Path, opened: Any) -> Iterator[Row]:
    row = 0
    while line := opened.readline(LINE + 1):
        row += 1
        if len(line) > LINE or row > ROWS:
            raise _fault(file, row, f"at most {ROWS} rows of {LINE} characters")
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            raise _fault(file, row, "this is no JSON") from None
        if not isinstance(given, dict):
            raise _fault(file, row, "write one object a line")
        name = given.pop(COLUMN, None)
        yield _row(file, row, name, given)


def _csv(file: Path, opened: Any) -> Iterator[Row]:
    csv.field_size_limit(LINE)
    reader = csv.DictReader(opened, strict=True)
    try:
        for row, cells in enumerate(reader, 1):
            if row > ROWS or None in cells:
                raise _fault(file, row, f"more cells than the header, or more than {ROWS} rows")
            name = cells.pop(COLUMN, None)
            yield _row(file, row, name, _nested(file, row, cells))
    except csv.Error as error:
        raise _fault(file, reader.line_num, f"this is no CSV: {error}") from None


def _nested(file: Path, row: int, cells: dict[str, str | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, cell in cells.items():
        if not cell or not cell.strip():
            continue
        place = found
        *outer, last = path.strip().split(".")
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise _fault(file, row, "a column is both a value and a group")
        place[last] = _value(file, row, last, cell.strip())
    return found


def _value(file: Path, row: int, name: str, cell: str) -> Any:
    if name in _LISTS:
        return [one.strip() for one in cell.split(";") if one.strip()]
    if name in _WHOLE:
        if not cell.isascii() or not cell.isdigit() or len(cell) > 16:
            raise _fault(file, row, f"`{name}` is a whole number")
        return int(cell)
    if name in _FLAGS:
        if cell.lower() not in ("true", "false"):
            raise _fault(file, row, f"`{name}` is true or false")
        return cell.lower() == "true"
    return cell


def _row(file: Path, row: int, name: Any, given: dict[str, Any]) -> Row:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _fault(file, row, "`customer` is an id of 1 to 128 characters without a slash")
    try:
        form = msgspec.convert(given, CustomerForm, strict=True)
        facts_of(form, _FAR)
    except msgspec.ValidationError as error:
        raise _fault(file, row, _without_values(str(error))) from None
    except InvalidRequest as refusal:
        raise _fault(file, row, f"{refusal.pointer or ''} {refusal.detail}".strip()) from None
    return Row(row, name, given)


def _without_values(message: str) -> str:
    """The decoder's message; it names places and types, and of values only unknown field names."""
    return message[:200]


def _fault(file: Path, row: int, detail: str) -> InvalidRequest:
    return InvalidRequest("customers_file_invalid", detail, pointer=f"{file}:{row}")
