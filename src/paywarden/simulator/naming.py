"""Opaque identifiers: numbers become names that tell neither order nor origin.

Guards: no identifier leaks truth. Every thing has a number = space (who made it) and a counter; a
bijection on 60 bits, keyed by seed and kind, turns it into twelve base-32 letters (RFC 4648
alphabet, lower case). Bijective, so two things of a kind never share a name; mixed, so a name does
not tell whether a campaign made it. Base 32 holds no 0, 1, 8, 9: a name never looks like a card.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.simulator.rows import Ints
from paywarden.simulator.streams import stable_words

COUNTER_BITS = 24
ORDINAL_BITS = 12
_MASK = np.uint64(2**60 - 1)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_TRIPLES = pl.Series(
    "triples", [a + b + c for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
)


def space(owner: str, ordinal: int) -> int:
    """First number of the range that `owner`'s `ordinal`-th maker may use."""
    if not 0 <= ordinal < 2**ORDINAL_BITS:
        raise InvalidRequest("simulation_too_large", "more than 4,095 campaigns of one type")
    tag = stable_words(owner, 1)[0] >> 8
    return ((tag << ORDINAL_BITS) | ordinal) << COUNTER_BITS


def names(seed: int, kind: str, prefix: str, numbers: Ints) -> pl.Series:
    """`prefix` + twelve letters for each number (int64, below 2**60); -1 gives null."""
    mixed = _mix(np.where(numbers < 0, 0, numbers).astype(np.uint64), seed, kind)
    parts = {
        str(k): _TRIPLES.gather((mixed >> np.uint64(15 * k)) & np.uint64(0x7FFF)) for k in range(4)
    }
    frame = pl.DataFrame({**parts, "present": numbers >= 0})
    text = pl.concat_str([pl.lit(prefix), "0", "1", "2", "3"])
    return frame.select(name=pl.when("present").then(text)).to_series()


def _mix(
    numbers: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], seed: int, kind: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    a, b, c, d = (np.uint64(w) for w in stable_words(f"{seed}/{kind}", 4))
    high = np.uint64(2**31)
    state = (numbers + a * high + b) & _MASK
    for factor in (c | np.uint64(2**33 + 1), d | np.uint64(2**34 + 1)):
        # xor-shifts and odd factors are each invertible modulo 2**60, hence so is the whole
        state ^= state >> np.uint64(29)
        state = (state * factor) & _MASK
    return state ^ (state >> np.uint64(31))
