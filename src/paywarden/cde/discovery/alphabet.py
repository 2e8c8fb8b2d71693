"""What each character is to the scanner, and the brand table as arrays.

Every code point up to U+1FFFF has one class: a decimal digit of any script (0-9), a separator that
may stand between the digits of a number, an invisible character that hides nothing, or another.
Brands come from `paywarden.reference.card_brands`, the one table of the house.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from paywarden.reference.card_brands import card_brands

Octets: TypeAlias = npt.NDArray[np.uint8]
Longs: TypeAlias = npt.NDArray[np.int64]

SEPARATOR = 10
OTHER = 11
INVISIBLE = 12
POINTS = 0x20000
_ASCII_SEPARATORS = " \t-._/+*|"
_MARKS = (
    "\u00b7\u2022\u2027\u2044\u2215\u2219\u22c5\u2212\u2043\u30fb\uff0e\ufe58\ufe63\uff0d\ufe52"
)


@functools.cache
def classes() -> Octets:
    """Class of each code point, `POINTS` long."""
    table = np.full(POINTS, OTHER, np.uint8)
    for point in range(0x80, POINTS):
        character = chr(point)
        value = unicodedata.digit(character, -1)
        category = unicodedata.category(character)
        if value >= 0 and category in ("Nd", "No"):
            table[point] = value
        elif category in ("Zs", "Pd"):
            table[point] = SEPARATOR
        elif category in ("Cf", "Mn", "Me"):
            table[point] = INVISIBLE
    for digit in range(10):
        table[0x30 + digit] = digit
    for mark in _ASCII_SEPARATORS + _MARKS:
        table[ord(mark)] = SEPARATOR
    return table


@functools.cache
def plain_octets() -> Octets:
    """ASCII octet that stands for each code point of the basic plane; `x` for any other."""
    table = np.full(0x10000, ord("x"), np.uint8)
    table[:0x80] = np.arange(0x80, dtype=np.uint8)
    kinds = classes()[:0x10000]
    wide = np.arange(0x10000) >= 0x80
    digits = wide & (kinds < SEPARATOR)
    table[digits] = 0x30 + kinds[digits]
    table[wide & (kinds == SEPARATOR)] = ord(" ")
    table[wide & (kinds == INVISIBLE)] = 0
    return table


@functools.cache
def brand_arrays() -> tuple[Longs, Longs, Longs]:
    """Lowest and highest 8-digit prefix of each brand range, and its lengths as a bit mask."""
    ranges = card_brands().ranges
    low = np.array([one.low for one in ranges], np.int64)
    high = np.array([one.high for one in ranges], np.int64)
    masks = [sum(1 << length for length in one.lengths) for one in ranges]
    return low, high, np.array(masks, np.int64)
