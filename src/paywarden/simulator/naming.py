"""Opaque identifiers: numbers become names that tell neither order nor origin.

Guards: no identifier leaks truth. Every thing has a number = space (who made it) and a counter; a
bijection on 60 bits, keyed by seed and kind, turns it into twelve base-32 letters (RFC 4648
alphabet, lower case). Bijective, so two things of a kind never share a name; mixed, so a name does
not tell whether a campaign made it. Base 32 holds no 0, 1, 8, 9: a name never looks like a card.
"""

from __future__ import annotations

import functools

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paywarden.core.errors import InvalidRequest
from paywarden.simulator.rows import Ints
from paywarden.simulator.streams import stable_words

Words = NDArray[np.uint64]
COUNTER_BITS = 24
ORDINAL_BITS = 12
_MASK = 2**60 - 1
_LETTER_SHIFTS = [15 * part + shift for part in range(4) for shift in (10, 5, 0)]
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


def name(seed: int, kind: str, prefix: str, number: int) -> str:
    """The same as `names` for one number; cheap enough for every event of a stream.

    >>> name(7, "events", "ev-", 1) == names(7, "events", "ev-", np.array([1]))[0]
    True
    """
    a, b, *factors = _keys(seed, kind)
    state = (number + a * 2**31 + b) & _MASK
    for factor in factors:
        state ^= state >> 29
        state = (state * factor) & _MASK
    state ^= state >> 31
    return prefix + "".join(_ALPHABET[state >> s & 31] for s in _LETTER_SHIFTS)


def _mix(numbers: Words, seed: int, kind: str) -> Words:
    a, b, *factors = (np.uint64(key) for key in _keys(seed, kind))
    mask = np.uint64(_MASK)
    state = (numbers + a * np.uint64(2**31) + b) & mask
    for factor in factors:
        # xor-shifts and odd factors are each invertible modulo 2**60, hence so is the whole
        state ^= state >> np.uint64(29)
        state = (state * factor) & mask
    return state ^ (state >> np.uint64(31))


@functools.lru_cache(maxsize=64)
def _keys(seed: int, kind: str) -> tuple[int, int, int, int]:
    a, b, c, d = stable_words(f"{seed}/{kind}", 4)
    return a, b, c | 2**33 + 1, d | 2**34 + 1
