"""What a scan answers: findings, what was passed over and why, how much was read.

Guards: a finding carries the masked number alone; numbers in the names of files, tables and columns
are masked in the path too. Places are octets of the file, of a member of an archive after `!`, or a
table, column and row after `#`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from paywarden.cde.discovery.block import Hit, hits
from paywarden.cde.discovery.judgement import masked
from paywarden.reference.card_brands import card_brands

MOST_PER_PLACE = 10_000
"""Findings of one file that are told; `skipped` says that there were more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One number. `mark` is the same for equal numbers of one scan and tells nothing beyond."""

    path: str
    offset: int
    kind: str
    masked: str
    form: str
    brand: str
    mark: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not read, or not to its end, and a stable word for why."""

    path: str
    reason: str


class Findings:
    """Collects what one scan finds. `salt`: 32 random octets, forgotten with the scan."""

    def __init__(self, salt: bytes) -> None:
        self.found: list[Finding] = []
        self.skipped: list[Skipped] = []
        self.octets = 0
        self._salt = salt
        self._told: dict[str, int] = {}

    def add(self, place: str, offset: int, hit: Hit, *, form: str | None = None) -> None:
        """Take in one hit at a place."""
        outer = place.split("#", 1)[0].split("!", 1)[0]
        told = self._told.get(outer, 0)
        self._told[outer] = told + 1
        if told == MOST_PER_PLACE:
            self.skip(outer, "more_findings")
        if told >= MOST_PER_PLACE:
            return
        brand = card_brands().brand_of(hit.digits) or "unknown"
        self.found.append(
            Finding(
                shown(place), offset, hit.kind, masked(hit.digits), form or hit.form, brand,
                self.mark(hit.digits),
            )
        )  # fmt: skip

    @classmethod
    def like(cls, other: Findings) -> Findings:
        """An empty one whose marks compare with the other's."""
        return cls(other._salt)

    def take_in(self, other: Findings, *, but: set[str]) -> None:
        """What the other found, without numbers whose marks are known."""
        self.found += [one for one in other.found if one.mark not in but]
        self.skipped += other.skipped
        self.octets += other.octets

    def mark(self, digits: str) -> str:
        """Equal for equal numbers, by a key that dies with this scan."""
        return hashlib.blake2b(digits.encode(), key=self._salt, digest_size=16).hexdigest()

    def skip(self, place: str, reason: str) -> None:
        """Name what was passed over."""
        self.skipped.append(Skipped(shown(place), reason))


def shown(place: str) -> str:
    """A path fit to print: card numbers in it masked, octets that are no text escaped."""
    text = place.encode("utf-8", "backslashreplace").decode("utf-8")
    raw = text.encode()
    for hit in reversed(hits(raw)):
        if hit.form == "text":
            raw = raw[: hit.start] + masked(hit.digits).encode() + raw[hit.end :]
    return raw.decode("utf-8", "replace")
