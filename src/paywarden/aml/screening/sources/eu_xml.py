"""The European Union's consolidated financial sanctions, XML 1.1 (`export` of FSD).

An alias that is not `strong` is weak. Source: the schema published with the file (fpi/fsd/export).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from paywarden.aml.screening.model import ListedEntity, NameKind, Schema
from paywarden.aml.screening.sources.dates import made_date, parse_dates, spread
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.xml_stream import below, elements, texts

SOURCE: Final = "eu"


def read_eu_xml(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    for name, element in elements(content, frozenset(("sanctionEntity",))):
        if not name:
            told.list_date = element.get("generationDate", "")[:10] or None
            continue
        yield _entity(element)


def _entity(element: Element) -> ListedEntity:
    number = element.get("logicalId") or element.get("euReferenceNumber") or ""
    kinds = {one.get("code") for one in below(element, "subjectType")}
    schema: Schema = "Person" if "person" in kinds else "Organization"
    draft = Draft(SOURCE, number, schema)
    for place, alias in enumerate(below(element, "nameAlias")):
        _named(draft, alias, first=place == 0)
    for born in below(element, "birthdate"):
        birth(draft, dict(born.attrib))
    for tag in ("citizenship", "address"):
        for land in below(element, tag):
            draft.country(land.get("countryIso2Code") or land.get("countryDescription"))
    for paper in below(element, "identification"):
        draft.number(paper.get("identificationTypeCode") or "document", paper.get("number"))
    for regulation in below(element, "regulation"):
        draft.program(regulation.get("programme"))
    for remark in texts(element, "remark"):
        draft.remark(remark)
    made = draft.entity()
    if made is None or not number:
        raise malformed("an entry has no name or no logicalId")
    return made


def _named(draft: Draft, alias: Element, first: bool) -> None:
    parts = (alias.get(one) or "" for one in ("firstName", "middleName", "lastName"))
    whole = alias.get("wholeName") or " ".join(filter(None, parts))
    kind: NameKind = "weak" if alias.get("strong", "true").lower() == "false" else "alias"
    draft.name(whole, "primary" if first and kind == "alias" else kind)
    draft.gender(alias.get("gender"))
    draft.remark(alias.get("function"))


def birth(draft: Draft, told: dict[str, str]) -> None:
    """A birth date of FSD's fields; its country is no nationality and is left out."""
    first, last = told.get("yearRangeFrom", ""), told.get("yearRangeTo", "")
    if len(first) == len(last) == 4 and first.isdecimal() and last.isdecimal():
        draft.dates(spread(int(first), int(last)))
        return
    circa = told.get("circa", "").lower() == "true"
    found = made_date(
        told.get("year", ""), told.get("monthOfYear", ""), told.get("dayOfMonth", ""), circa
    )
    whole = told.get("birthdate", "")
    draft.dates((found,) if found else parse_dates(f"c. {whole}" if circa else whole))
