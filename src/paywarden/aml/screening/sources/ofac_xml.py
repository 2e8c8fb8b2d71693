"""OFAC's simple XML (`sdnList`: SDN and consolidated lists).

The list says how many records it holds; fewer are a fault. Numbers are those of the CSV files, so
that one list in two formats gives the same ids. Source: OFAC's sdnList.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element

from paywarden.aml.screening.model import ListedEntity, NameKind, Schema
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed, truncated
from paywarden.aml.screening.sources.ofac_remarks import is_wallet
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.xml_stream import below, elements, text, texts

SOURCE: Final = "ofac"
SCHEMAS: Final[dict[str, Schema]] = {
    "individual": "Person", "entity": "Organization", "vessel": "Vessel", "aircraft": "Aircraft",
}  # fmt: skip


def read_ofac_xml(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    expected, count = None, 0
    for name, element in elements(content, frozenset(("publshInformation", "sdnEntry"))):
        if name == "publshInformation":
            told.list_date = _date(text(element, "Publish_Date"))
            number = text(element, "Record_Count").strip()
            expected = int(number) if number.isdecimal() else None
        elif name == "sdnEntry":
            count += 1
            yield _entity(element)
    if expected is not None and count != expected:
        raise truncated()


def _date(american: str) -> str | None:
    try:
        return datetime.strptime(american.strip(), "%m/%d/%Y").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return None


def _entity(element: Element) -> ListedEntity:
    number = text(element, "uid").strip()
    schema = SCHEMAS.get(text(element, "sdnType").strip().casefold(), "LegalEntity")
    draft = Draft(SOURCE, number, schema)
    draft.name(_whole(element), "primary")
    for alias in below(element, "akaList", "aka"):
        weak = text(alias, "category").strip().casefold() == "weak"
        kind: NameKind = "weak" if weak else "alias"
        draft.name(_whole(alias), kind)
    for born in texts(element, "dateOfBirthList", "dateOfBirthItem", "dateOfBirth"):
        draft.born(born)
    for path in (
        ("nationalityList", "nationality"), ("citizenshipList", "citizenship"),
        ("addressList", "address"),
    ):  # fmt: skip
        for land in texts(element, *path, "country"):
            draft.country(land)
    for paper in below(element, "idList", "id"):
        _numbered(draft, text(paper, "idType"), text(paper, "idNumber"))
    for sign in texts(element, "vesselInfo", "callSign"):
        draft.number("call_sign", sign)
    for program in texts(element, "programList", "program"):
        draft.program(program)
    draft.remark(text(element, "title"))
    draft.remark(text(element, "remarks"))
    made = draft.entity()
    if made is None or not number:
        raise malformed("an sdnEntry has no name or no uid")
    return made


def _whole(element: Element) -> str:
    return f"{text(element, 'firstName')} {text(element, 'lastName')}".strip()


def _numbered(draft: Draft, kind: str, value: str) -> None:
    if kind.strip().casefold() == "gender":
        draft.gender(value)
    else:
        draft.number("wallet" if is_wallet(kind) else kind, value)
