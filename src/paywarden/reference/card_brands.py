"""Card brands by the leading digits of the number, with lengths and check digit.

Guards: one published table says which brand a prefix belongs to; the longest prefix wins (Elo
inside Visa, Verve inside Maestro). Standard: ISO/IEC 7812-1 (IIN, Luhn); ranges are facts that the
brands publish. Not done here: issuer, funding and country (`bins`), finding numbers in text
(`card_numbers`).

>>> card_brands().brand_of("411111")
'visa'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from paywarden.reference.provenance import Provenance
from paywarden.reference.ranges import Ranges
from paywarden.reference.shipped import load_shipped

PREFIX_DIGITS = 8
_REMEMBERED = 65_536


@dataclass(frozen=True, slots=True)
class BrandRange:
    """Prefixes `low`..`high` (both included, as 8-digit integers) of one brand."""

    brand: str
    low: int
    high: int
    lengths: frozenset[int]
    luhn: bool


class CardBrands:
    """All brand ranges; look-ups by the 6-8 leading digits."""

    def __init__(self, ranges: tuple[BrandRange, ...], provenance: Provenance) -> None:
        self.ranges = ranges
        self.provenance = provenance
        self._index = Ranges.build((r.low, r.high, n) for n, r in enumerate(ranges))
        self._remembered = lru_cache(_REMEMBERED)(self._brand_of)
        scale = 10 ** (PREFIX_DIGITS - 2)
        self._by_head = {
            head: tuple(r for r in ranges if r.low // scale <= head <= r.high // scale)
            for head in range(100)
        }

    def brand_of(self, digits: str) -> str | None:
        """Brand of 6 or more leading ASCII digits; None when unknown or when digits decide."""
        # Cut before remembering: a whole number must not stay in memory.
        return self._remembered(digits[:PREFIX_DIGITS])

    def _brand_of(self, digits: str) -> str | None:
        low, high = digit_span(digits)
        found = {self.ranges[n].brand if n >= 0 else None for n in self._index.find_all(low, high)}
        return found.pop() if len(found) == 1 else None

    def accepts(self, digits: str) -> bool:
        """Whether some brand has this prefix and this length (check digit not looked at)."""
        prefix = int(digits[:PREFIX_DIGITS].ljust(PREFIX_DIGITS, "0"))
        length = len(digits)
        near = self._by_head[prefix // 10 ** (PREFIX_DIGITS - 2)]
        return any(r.low <= prefix <= r.high and length in r.lengths for r in near)


def digit_span(digits: str, width: int = PREFIX_DIGITS) -> tuple[int, int]:
    """First and last integer of `width` digits that begin with these (digits beyond are cut)."""
    head = digits[:width]
    scale = 10 ** (width - len(head))
    low = int(head) * scale
    return low, low + scale - 1


@cache
def card_brands() -> CardBrands:
    """The shipped table, verified and indexed once."""
    table = load_shipped("card_ranges")
    ranges = tuple(
        BrandRange(
            brand, digit_span(first)[0], digit_span(last)[1], _lengths(lengths), luhn == "yes"
        )
        for brand, first, last, lengths, luhn in table.rows
    )
    return CardBrands(ranges, table.provenance)


def _lengths(text: str) -> frozenset[int]:
    lengths: set[int] = set()
    for part in text.split():
        low, _, high = part.partition("-")
        lengths.update(range(int(low), int(high or low) + 1))
    return frozenset(lengths)
