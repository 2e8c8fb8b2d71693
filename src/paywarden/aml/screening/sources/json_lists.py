"""JSON lists: FollowTheMoney entities (OpenSanctions) or own objects, one a line or in one array.

An object with `schema` and `properties` is FollowTheMoney; any other is an entry of an own list.
Relations, sanctions, passports and plain addresses are no parties and are left out, as are entities
marked `target: false` that carry no topic; how many is noted. Facts nested in an entity (its
sanctions, passports, addresses) are read. The licence of OpenSanctions' data is the operator's own.
Source: followthemoney.tech, schemata.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from paywarden.aml.screening.model import ListedEntity, NameKind
from paywarden.aml.screening.sources.drafting import Draft
from paywarden.aml.screening.sources.faults import malformed, too_large, truncated
from paywarden.aml.screening.sources.limits import LINE_LIMIT_OCTETS
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.own import object_entity
from paywarden.aml.screening.sources.schemas import schema_of
from paywarden.aml.screening.sources.tabular import UNENDED
from paywarden.aml.screening.sources.told import Told

SOURCE: Final = "ftm"
_NAMES: Final[dict[str, NameKind]] = {
    "name": "primary", "alias": "alias", "previousName": "alias", "abbreviation": "alias",
    "weakAlias": "weak", "maidenName": "maiden", "callSign": "weak",
}  # fmt: skip
_LANDS: Final = ("nationality", "citizenship", "country", "jurisdiction", "mainCountry", "flag")
_NUMBERS: Final = (
    "idNumber", "passportNumber", "registrationNumber", "taxNumber", "innCode", "ogrnCode",
    "leiCode", "imoNumber", "mmsi", "swiftBic", "socialSecurityNumber", "dunsCode",
    "uniqueEntityId", "vatCode", "kppCode", "number",
)  # fmt: skip
_NOTES: Final = ("position", "notes", "summary")


def read_json_lines(content: Content, told: Told, source: str) -> Iterator[ListedEntity]:
    """All parties of a file with one object a line. Errors: ListFault."""
    decode, left_out, ended = msgspec.json.Decoder().decode, 0, True
    with content.stream() as stream:
        line = 0
        while octets := stream.readline(LINE_LIMIT_OCTETS + 1):
            line += 1
            if len(octets) > LINE_LIMIT_OCTETS:
                raise too_large("a line is longer than is allowed", line)
            ended = octets.endswith(b"\n")
            if not octets.strip():
                continue
            try:
                value = decode(octets.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
                if not ended:
                    raise truncated(line) from fault
                raise malformed("a line is not one JSON object", line) from fault
            made = _entity(value, source, line)
            left_out += made is None
            if made is not None:
                yield made
    _note(told, left_out)
    if not ended:
        told.note(UNENDED)


def read_json_document(content: Content, told: Told, source: str) -> Iterator[ListedEntity]:
    """All parties of an array, or of one object over several lines. Errors: ListFault."""
    try:
        value = msgspec.json.decode(content.whole().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        if "truncated" in str(fault):
            raise truncated() from fault
        raise malformed("the file is not one JSON document, nor one object a line") from fault
    values = value if isinstance(value, list) else [value]
    left_out = 0
    for place, one in enumerate(values, 1):
        made = _entity(one, source, place)
        left_out += made is None
        if made is not None:
            yield made
    _note(told, left_out)


def _note(told: Told, left_out: int) -> None:
    if left_out:
        told.note(f"{left_out} objects that are no listed parties were left out")


def _entity(value: Any, source: str, line: int) -> ListedEntity | None:
    if not isinstance(value, dict):
        raise malformed("an entry is not a JSON object", line)
    properties = value.get("properties")
    if not isinstance(properties, dict):
        return object_entity(value, source, line)
    return _ftm(value, properties, line)


def _ftm(value: dict[str, Any], properties: dict[str, Any], line: int) -> ListedEntity | None:
    schema, number = schema_of(str(value.get("schema", ""))), value.get("id")
    if not isinstance(number, str) or not number:
        raise malformed("an entity has no id", line)
    listed = value.get("target") is not False or bool(_texts(properties, "topics"))
    if schema is None or schema == "Address" or not listed:
        return None
    draft = Draft(SOURCE, number, schema)
    caption = value.get("caption")
    names = _texts(properties, "name")
    if isinstance(caption, str) and caption in names:
        draft.name(caption, "primary")
    for name, kind in _NAMES.items():
        for text in _texts(properties, name):
            draft.name(text, kind)
    wallets = _texts(properties, "publicKey")
    for key in wallets:
        draft.number("wallet", key)
    if not names:
        draft.name(caption if isinstance(caption, str) else (wallets or [""])[0], "primary")
    _facts(draft, value, properties)
    made = draft.entity()
    if made is None:
        raise malformed("an entity has no name", line)
    return made


def _facts(draft: Draft, value: dict[str, Any], properties: dict[str, Any]) -> None:
    for text in _texts(properties, "birthDate"):
        draft.born(text)
    for text in _texts(properties, "gender"):
        draft.gender(text)
    for name in _LANDS:
        for text in _texts(properties, name):
            draft.country(text)
    for name in _NUMBERS:
        for text in _texts(properties, name):
            draft.number(_snake(name), text)
    for text in (*_texts(properties, "topics"), *_texts(properties, "program"), *_datasets(value)):
        draft.program(text)
    for name in _NOTES:
        for text in _texts(properties, name):
            draft.remark(text)
    _nested(draft, properties)


def _nested(draft: Draft, properties: dict[str, Any]) -> None:
    for values in properties.values():
        for one in values if isinstance(values, list) else ():
            inner = one.get("properties") if isinstance(one, dict) else None
            if not isinstance(inner, dict):
                continue
            kind = one.get("schema")
            if kind == "Sanction":
                for text in (*_texts(inner, "program"), *_texts(inner, "programId")):
                    draft.program(text)
            elif kind == "Address":
                for text in _texts(inner, "country"):
                    draft.country(text)
            elif kind in ("Passport", "Identification"):
                for text in _texts(inner, "number"):
                    draft.number("passport" if kind == "Passport" else "id_number", text)


def _datasets(value: dict[str, Any]) -> list[str]:
    found = value.get("datasets")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _texts(properties: dict[str, Any], name: str) -> list[str]:
    found = properties.get(name)
    values = found if isinstance(found, list) else [found]
    return [one for one in values if isinstance(one, str)]


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)
