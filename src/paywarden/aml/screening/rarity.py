"""How much a word of a name tells: bits, from few (everybody is called so) to many (rare).

The shipped table (`common_words.txt`) knows common words of names of many peoples, with the bits
of each: minus the binary logarithm of the share of persons who bear it. An index adds what it
counted in the loaded lists (`Rarity`), where a word is as common as the commoner of the two says.
Source of the table: `bench/screening_fit.py`, from invented names of many countries
(opensanctions/yente, MIT) and OFAC's lists (work of the US government); words of a few persons are
left out, so it names nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

MOST_BITS: Final = 15.0
"""Bits of a word that nobody counted: rarer than any that was."""
_SHORT_BITS: Final = {1: 4.0, 2: 8.0, 3: 10.0, 4: 12.0}
"""Bits of an unknown word by its length: short words are alike by chance."""
_STEADY: Final = 500
"""Persons a list needs before its own counts are believed."""
PLAIN_BITS: Final = 5.0
"""Bits of a word that every second company carries, such as `trading`, or of a country."""
LEAST_WEIGHT: Final = 0.55
_FULL_BITS: Final = 12.0
_FEW_BITS: Final = 6.0


def _read() -> dict[str, float]:
    text = files("paywarden.aml.screening").joinpath("common_words.txt").read_text("ascii")
    found: dict[str, float] = {}
    for line in text.splitlines():
        head, _, tail = line.partition(":")
        if not head.startswith("#"):
            found.update(dict.fromkeys(tail.split(), float(head)))
    return found


_BITS: Final = _read()


def is_common(word: str) -> bool:
    """Whether the table knows the word: it is a name that many bear."""
    return word in _BITS


def bits(word: str) -> float:
    """What the table says of a word."""
    known = _BITS.get(word)
    return _SHORT_BITS.get(len(word), MOST_BITS) if known is None else known


def prior(word: str) -> float:
    """Weight of a word of a person's name, 0..1, before any list has been counted."""
    known = _BITS.get(word)
    if known is None:
        return 1.0 if len(word) > 3 else 0.8
    share = (known - _FEW_BITS) / (_FULL_BITS - _FEW_BITS)
    return LEAST_WEIGHT + (1.0 - LEAST_WEIGHT) * max(0.0, min(1.0, share))


class Rarity:
    """Bits of words as the table and one list together say; `plain` words name nobody."""

    def __init__(self, counted: Mapping[str, float], plain: frozenset[str] | None = None) -> None:
        self.counted = counted
        self._plain = plain or frozenset()

    def __call__(self, word: str) -> float:
        """Bits of a word, at most MOST_BITS."""
        if word in self._plain:
            return PLAIN_BITS
        return min(bits(word), self.counted.get(word, MOST_BITS))


def counted_bits(bearers: int, entries: int) -> float:
    """Bits of a word that `bearers` of `entries` have. The entry itself does not count, so a word
    of one entry is as rare as the table says, however short the list.
    """
    others = bearers - 1
    if others < 1:
        return MOST_BITS
    return min(MOST_BITS, -math.log2(others / (entries + _STEADY)))


GENERAL: Final = Rarity({})
"""The table alone."""
