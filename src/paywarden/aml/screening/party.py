"""The party that is asked about: a name and whatever else the caller knows."""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.aml.screening.model import Identifier, PartialDate


@dataclass(frozen=True, slots=True)
class Party:
    """`schema` empty: not known, every kind of entry is searched. Countries: ISO alpha-2."""

    name: str
    schema: str = "Person"
    birth_date: PartialDate | None = None
    countries: tuple[str, ...] = ()
    gender: str = ""
    identifiers: tuple[Identifier, ...] = ()
