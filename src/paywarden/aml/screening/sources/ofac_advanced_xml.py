"""OFAC's advanced XML (`Sanctions`: SDN and consolidated lists).

Everything is a reference: first come tables of values, then places and documents, then parties with
profiles, identities and features, and last the entries with programs. The tables needed are kept,
parties become drafts, and nothing else stays in memory. Numbers are those of the CSV files. Source:
OFAC, Advanced Sanctions Data Model (UN 1404 standard).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from paywarden.aml.screening.model import ListedEntity, NameKind, PartialDate, Schema
from paywarden.aml.screening.sources.dates import made_date, spread
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed
from paywarden.aml.screening.sources.ofac_remarks import is_wallet
from paywarden.aml.screening.sources.ofac_xml import SOURCE
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.xml_stream import below, elements, text

_VALUES: Final = frozenset(
    ("AliasType", "AreaCode", "Country", "DetailReference", "FeatureType", "IDRegDocType",
     "NamePartType", "PartySubType", "PartyType", "SanctionsType", "Script")
)  # fmt: skip
_WANTED: Final = _VALUES | {
    "DateOfIssue", "Location", "IDRegDocument", "DistinctParty", "SanctionsEntry",
}  # fmt: skip
_ORDER: Final = ("First Name", "Middle Name", "Patronymic", "Matronymic", "Last Name")
_SCHEMAS: Final[dict[str, Schema]] = {
    "individual": "Person", "entity": "Organization", "vessel": "Vessel", "aircraft": "Aircraft",
}  # fmt: skip


def read_ofac_advanced(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries, after the whole file was read. Errors: ListFault."""
    reading = _Reading()
    for name, element in elements(content, _WANTED):
        if name == "DateOfIssue" and told.list_date is None:
            told.list_date = _issued(element)
        elif name:
            reading.take(name, element)
    for draft in reading.drafts.values():
        made = draft.entity()
        if made is None:
            raise malformed("a party has no name")
        yield made


def _issued(element: Element) -> str | None:
    year, month, day = (text(element, one).strip() for one in ("Year", "Month", "Day"))
    found = made_date(year, month, day)
    return found.text if found else None


class _Reading:
    """Tables met so far, and the drafts of parties by profile."""

    def __init__(self) -> None:
        self.drafts: dict[str, Draft] = {}
        self._values: dict[str, dict[str, str]] = defaultdict(dict)
        self._kinds: dict[str, str] = {}
        self._lands: dict[str, str] = {}
        self._numbers: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def take(self, name: str, element: Element) -> None:
        if name in _VALUES:
            self._value(name, element)
        elif name == "Location":
            self._location(element)
        elif name == "IDRegDocument":
            kind = self._values["IDRegDocType"].get(element.get("IDRegDocTypeID", ""), "document")
            number = text(element, "IDRegistrationNo")
            self._numbers[element.get("IdentityID", "")].append((kind, number))
        elif name == "DistinctParty":
            self._party(element)
        else:
            self._entry(element)

    def _value(self, name: str, element: Element) -> None:
        number, said = element.get("ID", ""), (element.text or "").strip()
        if name in ("Country", "AreaCode"):
            said = element.get("ISO2") or element.get("Description") or said
        if name == "PartySubType":
            self._kinds[number] = element.get("PartyTypeID", "")
        self._values[name][number] = said

    def _location(self, element: Element) -> None:
        land = next(below(element, "LocationCountry"), None)
        area = next(below(element, "LocationAreaCode"), None)
        told = self._values["Country"].get(land.get("CountryID", "")) if land is not None else None
        if told is None and area is not None:
            told = self._values["AreaCode"].get(area.get("AreaCodeID", ""))
        if told:
            self._lands[element.get("ID", "")] = told

    def _party(self, element: Element) -> None:
        for profile in below(element, "Profile"):
            number = element.get("FixedRef") or profile.get("ID") or ""
            draft = Draft(SOURCE, number, self._schema(profile.get("PartySubTypeID", "")))
            for identity in below(profile, "Identity"):
                self._identity(draft, identity)
            for feature in below(profile, "Feature"):
                self._feature(draft, feature)
            if not number:
                raise malformed("a party has no number")
            self.drafts[profile.get("ID", number)] = draft

    def _schema(self, sub_type: str) -> Schema:
        fine = self._values["PartySubType"].get(sub_type, "").casefold()
        coarse = self._values["PartyType"].get(self._kinds.get(sub_type, ""), "").casefold()
        return _SCHEMAS.get(fine) or _SCHEMAS.get(coarse) or "LegalEntity"

    def _identity(self, draft: Draft, identity: Element) -> None:
        groups = {
            one.get("ID", ""): self._values["NamePartType"].get(one.get("NamePartTypeID", ""), "")
            for one in below(identity, "NamePartGroups", "MasterNamePartGroup", "NamePartGroup")
        }
        for alias in below(identity, "Alias"):
            for named in below(alias, "DocumentedName"):
                self._named(draft, alias, named, groups)
        for kind, number in self._numbers.get(identity.get("ID", ""), ()):
            draft.number("wallet" if is_wallet(kind) else kind, number)

    def _named(self, draft: Draft, alias: Element, named: Element, groups: dict[str, str]) -> None:
        parts: list[tuple[int, str]] = []
        scripts: set[str] = set()
        for value in below(named, "DocumentedNamePart", "NamePartValue"):
            part = groups.get(value.get("NamePartGroupID", ""), "")
            rank = _ORDER.index(part) if part in _ORDER else len(_ORDER)
            parts.append((rank, (value.text or "").strip()))
            scripts.add(self._values["Script"].get(value.get("ScriptID", ""), "Latin"))
        parts.sort(key=lambda one: one[0])
        draft.name(" ".join(one for _, one in parts), _kind(alias, scripts))

    def _feature(self, draft: Draft, feature: Element) -> None:
        kind = self._values["FeatureType"].get(feature.get("FeatureTypeID", ""), "")
        word = kind.casefold()
        for version in below(feature, "FeatureVersion"):
            if word == "birthdate":
                draft.dates(_period(version))
            details = list(below(version, "VersionDetail"))
            for detail in details:
                said = self._values["DetailReference"].get(detail.get("DetailReferenceID", ""))
                self._detail(draft, kind, said or (detail.text or ""))
            if word in ("nationality country", "citizenship country", "location"):
                for place in below(version, "VersionLocation"):
                    draft.country(self._lands.get(place.get("LocationID", "")))

    @staticmethod
    def _detail(draft: Draft, kind: str, said: str) -> None:
        word = kind.casefold()
        if word == "gender":
            draft.gender(said)
        elif is_wallet(kind):
            draft.number("wallet", said)
        elif "number" in word or "call sign" in word or word in ("mmsi", "swift/bic", "website"):
            draft.number(kind, said)
        elif word.startswith("title"):
            draft.remark(said)

    def _entry(self, element: Element) -> None:
        draft = self.drafts.get(element.get("ProfileID", ""))
        if draft is None:
            raise malformed("an entry names a party that is not there")
        for measure in below(element, "SanctionsMeasure"):
            kind = self._values["SanctionsType"].get(measure.get("SanctionsTypeID", ""), "")
            if kind.casefold() in ("program", ""):
                draft.program(text(measure, "Comment"))


def _kind(alias: Element, scripts: set[str]) -> NameKind:
    if alias.get("LowQuality", "").lower() == "true":
        return "weak"
    if scripts - {"Latin", ""}:
        return "original_script"
    return "primary" if alias.get("Primary", "").lower() == "true" else "alias"


def _period(version: Element) -> tuple[PartialDate, ...]:
    ends = list(below(version, "DatePeriod"))
    if not ends:
        return ()
    first, last = _point(ends[0], "Start", "From"), _point(ends[0], "End", "To")
    if first is None or last is None:
        return tuple(one for one in (first, last) if one is not None)
    if first.year != last.year:
        return spread(first.year, last.year)
    if (first.month, first.day) == (last.month, last.day):
        return (first,)
    whole = (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    month = first.month if first.month == last.month else None
    return (PartialDate(first.year, month, None, first.circa or not (whole or month)),)


def _point(period: Element, side: str, end: str) -> PartialDate | None:
    for found in below(period, side):
        circa = found.get("Approximate", "").lower() == "true"
        for point in below(found, end):
            year, month, day = (text(point, one).strip() for one in ("Year", "Month", "Day"))
            return made_date(year, month, day, circa)
    return None
