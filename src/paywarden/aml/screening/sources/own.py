"""The operator's own lists and files of politically exposed persons, as CSV or JSON objects.

Needed is a name (or first and last name); known beside it are id, aliases, birth date, country,
kind, gender, program and remarks under the usual headings, in any order and case. Other columns are
skipped. OpenSanctions' `targets.simple.csv` has such headings. An entry without an id is named by
the hash of its name and birth date, so that a later reading finds it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from paywarden.aml.screening.model import ListedEntity, Schema
from paywarden.aml.screening.sources.drafting import Draft, cleaned
from paywarden.aml.screening.sources.faults import ListFault, malformed
from paywarden.aml.screening.sources.opening import Content
from paywarden.aml.screening.sources.schemas import schema_of
from paywarden.aml.screening.sources.tabular import named_rows, rows_of
from paywarden.aml.screening.sources.told import Told

_SAME: Final = {
    "name": "name full_name fullname entity_name person_name caption whole_name names",
    "first": "first_name firstname given_name given_names forename",
    "middle": "middle_name second_name",
    "last": "last_name lastname surname family_name",
    "id": "id uid entity_id reference ref number list_id",
    "alias": "alias aliases aka a_k_a also_known_as alternative_names alt_names other_names",
    "weak": "weak_alias weak_aliases low_quality_aliases",
    "born": "birth_date birth_dates birthdate dob date_of_birth birthday born d_o_b year_of_birth",
    "country": "country countries nationality nationalities citizenship country_code jurisdiction",
    "schema": "schema type entity_type kind party_type category",
    "gender": "gender sex",
    "program": "program programs programme sanctions program_ids regime list reason topics",
    "identifier": "identifier identifiers id_number passport passport_number document_number",
    "wallet": "wallet wallets crypto_wallet wallet_address",
    "remarks": "remarks remark notes note comment comments position",
}
_COLUMNS: Final = {word: field for field, words in _SAME.items() for word in words.split()}
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")
_PARTS: Final = re.compile(r"[;|\n]")


def field_of(heading: str) -> str | None:
    """Which field a heading names, if any."""
    return _COLUMNS.get(_NOT_WORD.sub("_", heading.strip().casefold()).strip("_"))


def names_something(headings: list[str]) -> bool:
    """Whether headings hold a name: the mark of an own list."""
    fields = {field_of(one) for one in headings}
    return "name" in fields or "last" in fields


def read_own_csv(
    content: Content, told: Told, source: str, delimiter: str
) -> Iterator[ListedEntity]:
    """All rows. Errors: ListFault."""
    rows = rows_of(content, told, delimiter)
    heading = [cleaned(one) for one in next(rows)[1]]
    if not names_something(heading):
        raise ListFault(
            "list_columns_missing",
            "there is no column `name`",
            "name the columns in the first line: name, id, aliases, birth_date, country, type",
            1,
        )
    numbered = [f"{place}\x1f{one}" for place, one in enumerate(heading)]
    for line, row in named_rows(rows, numbered, told, padded=True):
        cells = [(name.partition("\x1f")[2], cell) for name, cell in row.items()]
        yield own_entity(cells, source, line)


def own_entity(
    cells: list[tuple[str, str]], source: str, line: int, default: Schema = "LegalEntity"
) -> ListedEntity:
    """One entry of (heading, text) pairs. Errors: ListFault."""
    fields: dict[str, list[str]] = {}
    for heading, text in cells:
        field = field_of(heading)
        if field and text.strip():
            fields.setdefault(field, []).append(text.strip())
    draft = Draft(source, _number(fields), _schema(fields, default))
    whole = fields.get("name") or [_joined(fields)]
    for place, text in enumerate(whole):
        draft.name(text, "primary" if place == 0 else "alias")
    _facts(draft, fields)
    made = draft.entity()
    if made is None:
        raise ListFault(
            "list_name_missing", "an entry has no name", "give it a name, or take it out", line
        )
    return made


def _joined(fields: Mapping[str, list[str]]) -> str:
    return " ".join(fields[part][0] for part in ("first", "middle", "last") if part in fields)


def _number(fields: Mapping[str, list[str]]) -> str:
    if "id" in fields:
        return fields["id"][0]
    told = (fields.get("name") or [_joined(fields)], fields.get("born", []))
    return sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _schema(fields: Mapping[str, list[str]], default: Schema) -> Schema:
    given = fields.get("schema", [""])[0]
    found = schema_of(given)
    if found is None:
        person = bool({"born", "gender", "first", "last"} & set(fields))
        return "Person" if person else default
    return found


def _facts(draft: Draft, fields: Mapping[str, list[str]]) -> None:
    def items(field: str) -> Iterator[str]:
        for text in fields.get(field, ()):
            yield from (one.strip() for one in _PARTS.split(text) if one.strip())

    for one in items("alias"):
        draft.name(one, "alias")
    for one in items("weak"):
        draft.name(one, "weak")
    for one in items("born"):
        draft.born(one)
    for one in items("country"):
        draft.country(one)
    for one in items("gender"):
        draft.gender(one)
    for one in items("program"):
        draft.program(one)
    for kind in ("identifier", "wallet"):
        for one in items(kind):
            draft.number(kind, one)
    for text in fields.get("remarks", ()):
        draft.remark(text)


def object_entity(told: Mapping[str, object], source: str, line: int) -> ListedEntity:
    """One entry of a JSON object with such keys. Errors: ListFault."""
    cells: list[tuple[str, str]] = []
    for key, value in told.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, list | dict) for one in values) and field_of(key):
            raise malformed("a field of an entry is neither text nor a list of texts", line)
        cells += [(key, str(one)) for one in values if isinstance(one, str | int | float)]
    return own_entity(cells, source, line)
