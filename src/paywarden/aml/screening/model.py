"""A listed entity as every source of lists tells it, and the hash that says whether it changed.

Guards: values are frozen and normal (sorted where order says nothing, no empty text), so that two
readings of one entry hash alike whichever format or file order it came in. Not done here: folding
of names for matching, and any reading of files.

>>> PartialDate(1962, 3).text, PartialDate(1962, circa=True).text
('1962-03', 'c. 1962')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, get_args

Schema = Literal[
    "Person",
    "Organization",
    "Company",
    "LegalEntity",
    "Vessel",
    "Aircraft",
    "CryptoWallet",
    "Address",
]
"""Kinds of listed things, in the words of FollowTheMoney."""

NameKind = Literal["primary", "alias", "weak", "maiden", "original_script"]
"""`weak`: an alias the publisher itself calls of low quality."""

SCHEMAS: Final[tuple[str, ...]] = get_args(Schema)
_FIELD_END: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class ListedName:
    """One name as published, blanks collapsed. `kind` says how the publisher gave it."""

    text: str
    kind: NameKind = "primary"


@dataclass(frozen=True, slots=True, order=True)
class PartialDate:
    """A date as far as it is known; what is unknown is None, never 0.

    A short range of years comes as one PartialDate per year, each `circa`; a long one as its ends.
    """

    year: int
    month: int | None = None
    day: int | None = None
    circa: bool = False

    @property
    def text(self) -> str:
        """`1962`, `1962-03`, `1962-03-05`, with `c. ` in front when it is not exact."""
        parts = [f"{self.year:04d}"]
        if self.month is not None:
            parts.append(f"{self.month:02d}")
            if self.day is not None:
                parts.append(f"{self.day:02d}")
        return ("c. " if self.circa else "") + "-".join(parts)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number given by some authority. `kind` is snake case: passport, imo, lei, wallet, ..."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ListedEntity:
    """One entry of one list.

    `id` is unique within all sources (it starts with the source), `countries` are ISO 3166 alpha-2
    of nationality, residence or registration, `genders` are male, female or other, `programs` the
    regimes as published. `remarks` is the publisher's free text, cut at a limit.
    """

    id: str
    source: str
    schema: Schema
    names: tuple[ListedName, ...]
    birth_dates: tuple[PartialDate, ...] = ()
    countries: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    programs: tuple[str, ...] = ()
    remarks: str = ""
    content_hash: str = field(init=False, compare=False, default="")
    """SHA-256 (hex) over everything but the id, whatever order the parts came in."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content_hash", _content_hash(self))

    @property
    def primary_name(self) -> str:
        """The name to show."""
        return self.names[0].text if self.names else self.id


def _content_hash(entity: ListedEntity) -> str:
    state = sha256()
    for part in _parts(entity):
        octets = part.encode("utf-8", "surrogatepass")
        state.update(len(octets).to_bytes(4, "big") + octets)
    return state.hexdigest()


def _parts(entity: ListedEntity) -> Iterator[str]:
    yield from (entity.source, entity.schema, entity.remarks)
    groups: tuple[list[str], ...] = (
        [f"{one.kind}{_FIELD_END}{one.text}" for one in entity.names],
        [one.text for one in entity.birth_dates],
        list(entity.countries),
        list(entity.genders),
        [f"{one.kind}{_FIELD_END}{one.value}" for one in entity.identifiers],
        list(entity.programs),
    )
    for group in groups:
        yield str(len(group))
        yield from sorted(group)
