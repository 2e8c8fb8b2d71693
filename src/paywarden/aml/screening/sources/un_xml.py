"""The consolidated list of the United Nations Security Council (`CONSOLIDATED_LIST`, XML).

Names come in up to four parts in natural order; aliases of quality `Low` are weak. Source: the
Council's sc-sanctions.xsd and the list itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from paywarden.aml.screening.model import ListedEntity, NameKind, Schema
from paywarden.aml.screening.sources.dates import made_date, spread
from paywarden.aml.screening.sources.drafting import Draft, cleaned
from paywarden.aml.screening.sources.faults import malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.xml_stream import below, elements, text, texts

SOURCE: Final = "un"
_KINDS: Final = frozenset(("INDIVIDUAL", "ENTITY"))
_NAMES: Final = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")


def read_un(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    for name, element in elements(content, _KINDS):
        if not name:
            told.list_date = element.get("dateGenerated", "")[:10] or None
            continue
        yield _entity(name, element)


def _entity(name: str, element: Element) -> ListedEntity:
    schema: Schema = "Person" if name == "INDIVIDUAL" else "Organization"
    number = text(element, "REFERENCE_NUMBER") or text(element, "DATAID")
    draft = Draft(SOURCE, number, schema)
    draft.name(" ".join(filter(None, (text(element, part).strip() for part in _NAMES))), "primary")
    for original in texts(element, "NAME_ORIGINAL_SCRIPT"):
        draft.name(original, "original_script")
    for alias in below(element, f"{name}_ALIAS"):
        _alias(draft, alias)
    for born in below(element, "INDIVIDUAL_DATE_OF_BIRTH"):
        _born(draft, born)
    for nationality in texts(element, "NATIONALITY", "VALUE"):
        draft.country(nationality)
    for land in texts(element, f"{name}_ADDRESS", "COUNTRY"):
        draft.country(land)
    for gender in texts(element, "GENDER"):
        draft.gender(gender)
    for paper in below(element, "INDIVIDUAL_DOCUMENT"):
        draft.number(text(paper, "TYPE_OF_DOCUMENT") or "document", text(paper, "NUMBER"))
    draft.program(f"UN {text(element, 'UN_LIST_TYPE')}".strip())
    for remark in (*texts(element, "DESIGNATION", "VALUE"), *texts(element, "COMMENTS1")):
        draft.remark(remark)
    made = draft.entity()
    if made is None or not number:
        raise malformed(f"an entry ({cleaned(number, 40) or 'no number'}) has no name or number")
    return made


def _alias(draft: Draft, alias: Element) -> None:
    quality = text(alias, "QUALITY").strip().casefold()
    kind: NameKind = "weak" if quality == "low" else "alias"
    for told in text(alias, "ALIAS_NAME").split(";"):
        draft.name(told, kind)


def _born(draft: Draft, born: Element) -> None:
    first, last = text(born, "FROM_YEAR").strip(), text(born, "TO_YEAR").strip()
    if first.isdecimal() and last.isdecimal() and len(first) == len(last) == 4:
        draft.dates(spread(int(first), int(last)))
        return
    circa = text(born, "TYPE_OF_DATE").strip().upper() == "APPROXIMATELY"
    day = text(born, "DATE").strip()[:10]
    whole = made_date(day[:4], day[5:7], day[8:10], circa) if day else None
    year = whole or made_date(text(born, "YEAR").strip(), "", "", circa)
    if year is not None:
        draft.dates((year,))
