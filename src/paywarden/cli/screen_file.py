"""Parties out of a file: CSV, CSV.gz, Parquet or JSON lines with a column `name` or `full_name`.

Guards: a file without a name column is refused with the columns it has; a birth date or schema that
cannot be read refuses the file with its line, because a silent miss would pass for a clean answer.
An empty name is a party that matches nothing, and is counted. Countries may be codes or names.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from paywarden.aml.screening.model import SCHEMAS, Identifier, PartialDate
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.sources.countries import alpha2_of
from paywarden.core.errors import InvalidRequest
from paywarden.lab.files import PaymentFile, open_file

NAME_COLUMNS = ("name", "full_name")
OPTIONAL_COLUMNS = ("date_of_birth", "nationality", "schema", "gender", "identifier")
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?\Z")


def read_parties(path: Path) -> list[Party]:
    """The parties in order of the file. Errors: InvalidRequest with file, line and column."""
    file = open_file(path)
    name = next((column for column in NAME_COLUMNS if column in file.columns), None)
    if name is None:
        shown = ", ".join(file.columns[:12])
        detail = f"needs a column `name` or `full_name`; it has: {shown}"
        raise InvalidRequest("unknown_column", detail, pointer=path.name)
    wanted = [name, *(column for column in OPTIONAL_COLUMNS if column in file.columns)]
    frame = file.read(wanted, None).rename({name: "name"}).with_columns(pl.all().cast(pl.String))
    return [_party(file, row, cells) for row, cells in enumerate(frame.iter_rows(named=True))]


def _party(file: PaymentFile, row: int, cells: dict[str, str | None]) -> Party:
    nationality = (cells.get("nationality") or "").strip()
    identifier = (cells.get("identifier") or "").strip()
    return Party(
        cells["name"] or "",
        _schema(file, row, cells.get("schema")),
        _date(file, row, cells.get("date_of_birth")),
        _countries(nationality),
        (cells.get("gender") or "").strip(),
        (Identifier("unknown", identifier),) if identifier else (),
    )


def _countries(nationality: str) -> tuple[str, ...]:
    """A code or a name; what is no country says nothing, and costs nothing."""
    code = alpha2_of(nationality) if nationality else None
    return () if code is None else (code,)


def _schema(file: PaymentFile, row: int, cell: str | None) -> str:
    text = (cell or "").strip()
    if not text:
        return ""  # not said: every kind of entry is searched
    known = {schema.lower(): schema for schema in SCHEMAS}
    if text.lower() not in known:
        detail = f"a schema is one of {', '.join(SCHEMAS)}"
        raise InvalidRequest("unknown_schema", detail, pointer=file.place(row, "schema"))
    return known[text.lower()]


def _date(file: PaymentFile, row: int, cell: str | None) -> PartialDate | None:
    text = (cell or "").strip()
    if not text:
        return None
    match = _DATE.match(text)
    if match is None:
        detail = "a birth date is YYYY, YYYY-MM or YYYY-MM-DD"
        raise InvalidRequest("bad_date", detail, pointer=file.place(row, "date_of_birth"))
    year, month, day = (int(part) if part else None for part in match.groups())
    return PartialDate(year or 0, month, day)
