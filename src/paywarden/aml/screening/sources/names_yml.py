"""A compilation of EU, HMT and OFAC names in YAML: sections of `content` with names and facts.

Guards: anchors and aliases (bombs of YAML) and tags are refused; the file is read as events and no
object is built of it. Each section ends with `updated`, so one that lacks it was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import yaml

from paywarden.aml.screening.model import ListedEntity, PartialDate
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed, truncated
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.tabular import UNENDED
from paywarden.aml.screening.sources.told import Told

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEPTH_LIMIT: Final = 8
_SECONDS_DIGITS: Final = 11


def read_names_yml(content: Content, told: Told) -> Iterator[ListedEntity]:
    """All entries of all sections. Errors: ListFault."""
    octets = content.whole()
    if not octets.endswith(b"\n"):
        told.note(UNENDED)
    document = _document(octets)
    if not isinstance(document, dict):
        raise malformed("the YAML holds no sections")
    for section, body in document.items():
        if not isinstance(body, dict) or not isinstance(body.get("content"), list):
            raise truncated()
        if not isinstance(body.get("updated"), str):
            raise truncated()
        told.list_date = max(told.list_date or "", _day(body["updated"]) or "") or None
        for entry in body["content"]:
            yield _entity(section, entry)


def _document(octets: bytes) -> Any:
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events = yaml.parse(octets, Loader=loader)
        for event in events:
            if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                return _value(event, events, 0)
    except (yaml.YAMLError, UnicodeError) as fault:
        mark = getattr(fault, "problem_mark", None)
        raise malformed("the YAML is not well formed", mark.line + 1 if mark else None) from fault
    return None


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    plain = not getattr(event, "anchor", None) and not getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent) or not plain or depth > _DEPTH_LIMIT:
        raise malformed("the YAML holds anchors, tags or deep nesting", event.start_mark.line + 1)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_value(event, events, depth + 1))
        return items
    if isinstance(event, yaml.MappingStartEvent):
        pairs: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = _value(event, events, depth + 1)
            if not isinstance(key, str) or key in pairs:
                raise malformed("a key is no text or stands twice", event.start_mark.line + 1)
            pairs[key] = _value(next(events), events, depth + 1)
        return pairs
    return event.value


def _entity(section: str, entry: Any) -> ListedEntity:
    names = _texts(entry, "names")
    if not names:
        raise malformed("an entry has no names")
    born = [one for key in ("dob_epoch", "dob_year") for one in sorted(_texts(entry, key))]
    known = "\n".join((*sorted(names), *born))
    digest = sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    source = section.casefold()
    person = any(key.startswith("dob_") for key in entry) or "citizen" in entry
    draft = Draft(source, digest, "Person" if person else "LegalEntity")
    for place, name in enumerate(names):
        draft.name(name, "primary" if place == 0 else "alias")
    for moment in _texts(entry, "dob_epoch"):
        day = _day(moment)
        draft.born(day)
    years = [one for one in _texts(entry, "dob_year") if one.isdecimal() and len(one) == 4]
    draft.dates(tuple(PartialDate(int(one)) for one in years))
    for text in _texts(entry, "dob_text"):
        draft.born(text)
    for key in ("citizen", "nationality", "residence"):
        for land in _texts(entry, key):
            draft.country(land)
    for number in _texts(entry, "passport_no"):
        draft.number("passport", number)
    for number in _texts(entry, "national_id"):
        draft.number("national_id", number)
    draft.program(section)
    made = draft.entity()
    if made is None:
        raise malformed("an entry has no name")
    return made


def _texts(entry: Any, key: str) -> list[str]:
    found = entry.get(key) if isinstance(entry, dict) else None
    values = found if isinstance(found, list) else [found]
    return [one for one in values if isinstance(one, str)]


def _day(seconds: str) -> str | None:
    if not seconds.removeprefix("-").isdecimal() or len(seconds) > _SECONDS_DIGITS:
        return None
    return (_EPOCH + timedelta(seconds=int(seconds))).date().isoformat()
