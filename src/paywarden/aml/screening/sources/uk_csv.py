"""The United Kingdom's lists in CSV: the UK Sanctions List, and OFSI's consolidated list.

A first line tells the date, then come headings; one entity has a row per name, address or number
and is known by `Unique ID` or `Group ID`. `Name 6` is the last name. Days stand before months.
Source: FCDO and OFSI, guides to the formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from paywarden.aml.screening.model import ListedEntity, NameKind, Schema
from paywarden.aml.screening.sources.dates import parse_dates
from paywarden.aml.screening.sources.drafting import Draft, cleaned
from paywarden.aml.screening.sources.faults import ListFault, malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.tabular import named_rows, rows_of
from paywarden.aml.screening.sources.told import Told

SOURCE: Final = "uk"
MARK: Final = "name 6"
SCHEMAS: Final[dict[str, Schema]] = {
    "individual": "Person", "entity": "Organization", "ship": "Vessel",
}  # fmt: skip
_PARTS: Final = ("name 1", "name 2", "name 3", "name 4", "name 5", "name 6")
_ITEMS: Final = re.compile(r"\(\d+\)|;|\n")
_NUMBERS: Final = {
    "passport number": "passport", "national identifier number": "national_id",
    "national identification number": "national_id",
    "business registration number (s)": "registration_number", "imo number": "imo",
}  # fmt: skip


def read_uk_csv(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    rows = rows_of(content, told, ",")
    heading = _heading(rows, told)
    drafts: dict[str, tuple[int, Draft]] = {}
    for line, row in named_rows(rows, heading, told, padded=False):
        number = (row.get("unique id") or row.get("group id") or "").strip()
        if not number:
            raise malformed("a row has neither Unique ID nor Group ID", line)
        if number not in drafts:
            kind = row.get("designation type") or row.get("group type") or ""
            schema = SCHEMAS.get(kind.strip().casefold(), "LegalEntity")
            drafts[number] = line, Draft(SOURCE, number, schema)
        _add(drafts[number][1], row)
    for line, draft in drafts.values():
        made = draft.entity()
        if made is None:
            raise malformed("an entity has no name", line)
        yield made


def _heading(rows: Iterator[tuple[int, list[str]]], told: Told) -> list[str]:
    for _, row in rows:
        names = [cleaned(one).casefold() for one in row]
        if MARK in names:
            if {"unique id", "group id"} & set(names):
                return names
            break
        found = parse_dates(" ".join(row).partition(":")[2].strip() or (row[1:2] or [""])[0])
        told.list_date = told.list_date or (found[0].text if found else None)
    raise ListFault(
        "list_columns_missing",
        "the columns Name 6 and Unique ID (or Group ID) are missing",
        "fetch the list in CSV from its publisher",
        1,
    )


def kind_of(name_type: str, strength: str) -> NameKind:
    """Kind of a name of the words of the UK's lists."""
    if "low" in strength.casefold():
        return "weak"
    word = name_type.strip().casefold()
    return "primary" if word in ("primary name", "") else "alias"


def _add(draft: Draft, row: dict[str, str]) -> None:
    whole = " ".join(filter(None, (row.get(part, "").strip() for part in _PARTS)))
    strength = row.get("alias strength") or row.get("alias quality") or ""
    draft.name(whole, kind_of(row.get("name type") or row.get("alias type") or "", strength))
    draft.name(row.get("name non-latin script"), "original_script")
    for column in ("d.o.b", "dob"):
        for item in _ITEMS.split(row.get(column, "")):
            draft.born(item.strip())
    for column in ("nationality(/ies)", "nationality", "address country", "country"):
        for item in _ITEMS.split(row.get(column, "")):
            draft.country(item)
    for column, kind in _NUMBERS.items():
        for item in _ITEMS.split(row.get(column, "")):
            draft.number(kind, item)
    draft.gender(row.get("gender"))
    draft.program(row.get("regime name") or row.get("regime"))
    draft.remark(row.get("other information"))
