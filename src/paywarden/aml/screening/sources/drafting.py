"""An entity while it is being read: parts come in any order, the same ones once, within limits.

Guards: every format cleans text, dates, countries and genders alike, so that entries of two formats
of one list compare. A name is kept as published, but for blanks and control characters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from paywarden.aml.screening.model import (
    Identifier,
    ListedEntity,
    ListedName,
    NameKind,
    PartialDate,
    Schema,
)
from paywarden.aml.screening.sources.countries import alpha2_of
from paywarden.aml.screening.sources.dates import parse_dates
from paywarden.aml.screening.sources.faults import too_large
from paywarden.aml.screening.sources.limits import (
    NAME_LIMIT,
    NAMES_LIMIT,
    PARTS_LIMIT,
    REMARKS_LIMIT,
)

_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")
_GENDERS: Final = {"m": "male", "male": "male", "f": "female", "female": "female", "other": "other"}
_RANK: Final[dict[str, int]] = {
    "primary": 0, "alias": 1, "maiden": 2, "original_script": 3, "weak": 4,
}  # fmt: skip


def cleaned(text: str | None, limit: int = NAME_LIMIT) -> str:
    """NFC, without control and direction characters, blanks collapsed, at most `limit` long."""
    if not text:
        return ""
    plain = _UNSEEN.sub(" ", unicodedata.normalize("NFC", text[: limit * 4]))
    return " ".join(plain.encode("utf-8", "ignore").decode().split())[:limit].rstrip()


def kind_word(text: str) -> str:
    """A publisher's word for a kind of number in snake case: `V.A.T. Number` -> `v_a_t_number`."""
    return _NOT_WORD.sub("_", cleaned(text, 80).casefold()).strip("_") or "number"


def natural_order(text: str) -> str:
    """`LAST, First` as `First LAST`; other texts as they are."""
    last, comma, first = text.partition(", ")
    return f"{first} {last}" if comma and first and ", " not in first else text


class Draft:
    """One entity being read."""

    __slots__ = (
        "_dates", "_genders", "_lands", "_names", "_numbers", "_programs", "_remarks", "id",
        "schema", "source",
    )  # fmt: skip

    def __init__(self, source: str, number: str, schema: Schema) -> None:
        self.source = source
        self.id = f"{source}-{cleaned(number, 200)}"
        self.schema: Schema = schema
        self._names: dict[str, NameKind] = {}
        self._dates: dict[PartialDate, None] = {}
        self._lands: dict[str, None] = {}
        self._genders: dict[str, None] = {}
        self._numbers: dict[Identifier, None] = {}
        self._programs: dict[str, None] = {}
        self._remarks: list[str] = []

    def name(self, text: str | None, kind: NameKind = "alias") -> None:
        """One more name; the better kind of a name given twice stays."""
        told = cleaned(text).strip(" ;,")
        if not any(one.isalnum() for one in told):
            return
        before = self._names.get(told)
        if before is None or _RANK[kind] < _RANK[before]:
            self._names[told] = kind
        if len(self._names) > NAMES_LIMIT:
            raise too_large(f"an entry has more than {NAMES_LIMIT} names")

    def born(self, text: str | None) -> None:
        """Birth dates that a text tells."""
        if text:
            self.dates(parse_dates(text))

    def dates(self, found: tuple[PartialDate, ...]) -> None:
        """Birth dates already understood."""
        self._dates.update(dict.fromkeys(found))
        self._check(len(self._dates))

    def country(self, text: str | None) -> None:
        """A country by code or name; one that is not known is left out."""
        code = alpha2_of(text) if text else None
        if code is not None:
            self._lands[code] = None

    def gender(self, text: str | None) -> None:
        """A gender as published."""
        word = _GENDERS.get(cleaned(text, 20).casefold().rstrip("."))
        if word is not None:
            self._genders[word] = None

    def number(self, kind: str, value: str | None) -> None:
        """A number given by an authority, or a wallet."""
        told = cleaned(value, 200)
        if any(one.isalnum() for one in told):
            self._numbers[Identifier(kind_word(kind), told)] = None
            self._check(len(self._numbers))

    def program(self, text: str | None) -> None:
        """A regime under which the entity is listed."""
        told = cleaned(text, 200)
        if told:
            self._programs[told] = None
            self._check(len(self._programs))

    def remark(self, text: str | None) -> None:
        """Free text of the publisher, each once."""
        told = cleaned(text, REMARKS_LIMIT)
        if told and told not in self._remarks and len(self._remarks) < 50:
            self._remarks.append(told)

    def _check(self, count: int) -> None:
        if count > PARTS_LIMIT:
            raise too_large(f"an entry has more than {PARTS_LIMIT} parts of one kind")

    def entity(self) -> ListedEntity | None:
        """The entity; None when it has no name at all. The first name is the primary one."""
        if not self._names:
            return None
        ranked = sorted(self._names.items(), key=lambda one: _RANK[one[1]])
        names = [ListedName(text, kind) for text, kind in ranked]
        if names[0].kind in ("alias", "maiden"):
            names[0] = ListedName(names[0].text, "primary")
        return ListedEntity(
            self.id,
            self.source,
            self.schema,
            tuple(names),
            tuple(sorted(self._dates, key=lambda one: one.text)),
            tuple(sorted(self._lands)),
            tuple(sorted(self._genders)),
            tuple(self._numbers),
            tuple(self._programs),
            " ".join(self._remarks)[:REMARKS_LIMIT],
        )
