"""The party that is asked about: a name and whatever else the caller knows."""

from __future__ import annotations

import hashlib
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

    def key(self) -> str:
        """A digest of all that identifies the party here, for remembered exceptions."""
        date = self.birth_date
        parts = (
            self.name.casefold().strip(),
            self.schema,
            "" if date is None else f"{date.year}-{date.month}-{date.day}",
            ",".join(sorted(self.countries)),
            ",".join(sorted(f"{i.kind}={i.value}" for i in self.identifiers)),
        )
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()
