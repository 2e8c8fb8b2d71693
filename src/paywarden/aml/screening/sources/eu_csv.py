"""The European Union's consolidated financial sanctions, CSV 1.1: parts of an entity on many rows.

Rows of one entity follow each other and carry its number; each row tells a name, an address, a
birth date, a citizenship or a document. Separator: semicolon. Source: FSD's CSV 1.1 headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from paywarden.aml.screening.model import ListedEntity, NameKind
from paywarden.aml.screening.sources.drafting import Draft, cleaned
from paywarden.aml.screening.sources.eu_xml import SOURCE, birth
from paywarden.aml.screening.sources.faults import ListFault, malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.tabular import named_rows, rows_of
from paywarden.aml.screening.sources.told import Told

MARK: Final = "Entity_LogicalId"
_NEEDED: Final = (MARK, "NameAlias_WholeName")
_BIRTH: Final = {
    "birthdate": "BirthDate_BirthDate", "dayOfMonth": "BirthDate_Day",
    "monthOfYear": "BirthDate_Month", "year": "BirthDate_Year",
    "yearRangeFrom": "BirthDate_YearRangeFrom", "yearRangeTo": "BirthDate_YearRangeTo",
    "circa": "BirthDate_Circa",
}  # fmt: skip


def read_eu_csv(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    rows = rows_of(content, told, ";")
    heading = [cleaned(one) for one in next(rows)[1]]
    missing = [one for one in _NEEDED if one not in heading]
    if missing:
        raise ListFault(
            "list_columns_missing",
            f"the columns {', '.join(missing)} are missing",
            "fetch the file of version 1.1 (full)",
            1,
        )
    drafts: dict[str, tuple[int, Draft]] = {}
    for line, row in named_rows(rows, heading, told, padded=False):
        number = row[MARK].strip()
        if not number:
            raise malformed("a row has no Entity_LogicalId", line)
        told.list_date = told.list_date or _day(row.get("fileGenerationDate", ""))
        if number not in drafts:
            person = row.get("Entity_SubjectType", "").strip().casefold() in ("p", "person")
            drafts[number] = line, Draft(SOURCE, number, "Person" if person else "Organization")
        _add(drafts[number][1], row)
    for line, draft in drafts.values():
        made = draft.entity()
        if made is None:
            raise malformed("an entity has no name", line)
        yield made


def _day(text: str) -> str | None:
    day, _, rest = text.strip()[:10].partition("/")
    month, _, year = rest.partition("/")
    return f"{year}-{month}-{day}" if year else text.strip()[:10] or None


def _add(draft: Draft, row: dict[str, str]) -> None:
    parts = (row.get(f"NameAlias_{one}Name", "").strip() for one in ("First", "Middle", "Last"))
    strong = row.get("NameAlias_Strong", "true").strip().casefold()
    kind: NameKind = "weak" if strong == "false" else "alias"
    draft.name(row["NameAlias_WholeName"].strip() or " ".join(filter(None, parts)), kind)
    draft.gender(row.get("NameAlias_Gender"))
    birth(draft, {name: row.get(column, "").strip() for name, column in _BIRTH.items()})
    for column in ("Citizenship_CountryIso2Code", "Address_CountryIso2Code"):
        draft.country(row.get(column))
    kind_of_paper = row.get("Identification_TypeCode") or "document"
    draft.number(kind_of_paper, row.get("Identification_Number"))
    draft.program(row.get("Entity_Regulation_Programme"))
    draft.remark(row.get("Entity_Remark"))
