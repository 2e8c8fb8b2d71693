"""The UK Sanctions List in XML (`Designations`). Source: FCDO, UK Sanctions List schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.sources.dates import parse_dates
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.uk_csv import SCHEMAS, SOURCE, kind_of
from paywarden.aml.screening.sources.xml_stream import below, elements, local, text

_PARTS: Final = ("Name1", "Name2", "Name3", "Name4", "Name5", "Name6")
_NUMBERS: Final = {
    "PassportNumber": "passport", "NationalIdentifierNumber": "national_id",
    "BusinessRegistrationNumber": "registration_number", "IMONumber": "imo",
}  # fmt: skip
_LANDS: Final = frozenset(("Nationality", "AddressCountry"))


def read_uk_xml(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries. Errors: ListFault."""
    for name, element in elements(content, frozenset(("DateGenerated", "Designation"))):
        if name == "DateGenerated":
            found = parse_dates(element.text or "")
            told.list_date = found[0].text if found else None
        elif name:
            yield _entity(element)


def _entity(element: Element) -> ListedEntity:
    number = text(element, "UniqueID").strip()
    kind = text(element, "IndividualEntityShip").strip().casefold()
    draft = Draft(SOURCE, number, SCHEMAS.get(kind, "LegalEntity"))
    for named in below(element, "Names", "Name"):
        whole = " ".join(filter(None, (text(named, part).strip() for part in _PARTS)))
        draft.name(whole, kind_of(text(named, "NameType"), text(named, "AliasStrength")))
    draft.program(text(element, "RegimeName"))
    draft.remark(text(element, "OtherInformation"))
    for found in element.iter():
        _detail(draft, local(found), found.text or "")
    made = draft.entity()
    if made is None or not number:
        raise malformed("a designation has no name or no UniqueID")
    return made


def _detail(draft: Draft, tag: str, said: str) -> None:
    if tag == "DOB":
        draft.born(said)
    elif tag == "Gender":
        draft.gender(said)
    elif tag in _LANDS:
        draft.country(said)
    elif tag in _NUMBERS:
        draft.number(_NUMBERS[tag], said)
    elif tag == "NameNonLatinScript":
        draft.name(said, "original_script")
