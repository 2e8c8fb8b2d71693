"""The loop that finds candidate numbers in octets: groups of digits, brand, length, Luhn.

Reads ASCII and UTF-8 in one pass. A group is an unbroken stretch of digits; up to three separators
join groups into a run. A candidate is 13 to 19 digits made of whole groups (digits inside a longer
stretch are another number) whose shape is that of a written card number, whose prefix and length
are a brand's and whose Luhn sum holds (ISO/IEC 7812-1 annex B). What stands around a candidate is
judged elsewhere (`judgement`).
"""

from __future__ import annotations

import numpy as np

from paywarden.cde.discovery.alphabet import INVISIBLE, OTHER, SEPARATOR, Longs, Octets
from paywarden.cde.discovery.machine_code import compiled

LEAST = 13
MOST = 19
GAP = 3
"""Separators that may stand between two groups."""
ROW = 12
"""Groups that may stand before a number in groups; after more, it is a row of a table."""
_DIGITS = 64
_GROUPS = 32
FIELDS = 4
"""Of one candidate: first octet, octet after the last, digits, groups."""


@compiled
def code_point(buffer: Octets, at: int, end: int) -> tuple[int, int]:
    """Code point and octets of the UTF-8 sequence at `at`; (-1, 1) where there is none."""
    lead = buffer[at]
    if lead < 0xC2 or lead > 0xF4:
        return -1, 1
    width = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if at + width > end:
        return -1, 1
    point = int(lead) & (0x7F >> width)
    for step in range(1, width):
        if buffer[at + step] & 0xC0 != 0x80:
            return -1, 1
        point = (point << 6) | int(buffer[at + step] & 0x3F)
    return point, width


@compiled
def shape_fits(sizes: Longs, newest: int, groups: int) -> bool:
    """Whether the last `groups` groups have the sizes of a card number as people write it.

    One group; groups of one size with a shorter last one; the known 4-6-5, 4-6-4, 6-10 and the
    like: at most five groups, none but the last under three digits.
    """
    if groups == 1:
        return True
    first = sizes[(newest - groups + 1) % _GROUPS]
    last = sizes[newest % _GROUPS]
    alike = last <= first
    least = first
    for back in range(1, groups):
        size = sizes[(newest - back) % _GROUPS]
        if size != first:
            alike = False
        if size < least:
            least = size
    if alike:
        return True
    return groups <= 6 and least >= 2 and first >= 2


@compiled
def is_number(
    digits: Octets, begin: int, count: int, low: Longs, high: Longs, lengths: Longs
) -> bool:
    """Whether the `count` digits from `begin` of the ring pass Luhn and are a brand's."""
    first = digits[begin % _DIGITS]
    if first < 3 and first != 2:
        return False
    total = 0
    for back in range(count):
        value = int(digits[(begin + count - 1 - back) % _DIGITS])
        if back & 1:
            value *= 2
            if value > 9:
                value -= 9
        total += value
    if total % 10:
        return False
    prefix = 0
    for step in range(8):
        prefix = prefix * 10 + int(digits[(begin + step) % _DIGITS])
    for n in range(low.size):  # noqa: SIM110 (compiled: no generators)
        if low[n] <= prefix <= high[n] and (lengths[n] >> count) & 1:
            return True
    return False


@compiled
def find_candidates(
    buffer: Octets, kinds: Octets, low: Longs, high: Longs, lengths: Longs, out: Longs
) -> tuple[int, int]:
    """Write candidates into `out` (rows of FIELDS); (how many, where to go on: the end or less).

    Stops early only when `out` is full; the caller then goes on from the second value.
    """
    end = buffer.size
    found = 0
    digits = np.zeros(_DIGITS, np.uint8)
    starts = np.zeros(_GROUPS, np.int64)
    sizes = np.zeros(_GROUPS, np.int64)
    firsts = np.zeros(_GROUPS, np.int64)
    at = 0
    held = 0  # digits seen in this run
    groups = 0
    gap = 0
    while at < end:
        kind = kinds[buffer[at]] if buffer[at] < 0x80 else OTHER
        width = 1
        if buffer[at] >= 0x80:
            point, width = code_point(buffer, at, end)
            if 0x80 <= point < kinds.size:
                kind = kinds[point]
        if kind > 9:
            if groups and kind == SEPARATOR and gap < GAP:
                gap += 1
            elif kind != INVISIBLE:
                held = 0
                groups = 0
                gap = 0
            at += width
            continue
        # A group begins here.
        start = at
        size = 0
        stop = at
        slot = groups % _GROUPS
        firsts[slot] = held
        while at < end:
            octet = buffer[at]
            width = 1
            if octet < 0x80:
                kind = kinds[octet]
            else:
                point, width = code_point(buffer, at, end)
                kind = kinds[point] if 0x80 <= point < kinds.size else OTHER
            if kind < 10:
                if size < 20:
                    digits[held % _DIGITS] = kind
                    held += 1
                size += 1
                at += width
                stop = at
            elif kind == INVISIBLE:
                at += width
            else:
                break
        starts[slot] = start
        sizes[slot] = size
        groups += 1
        gap = 0
        if size > MOST:
            held = 0
            groups = 0
            continue
        if held < LEAST:
            continue
        count = 0
        for back in range(min(groups, MOST)):
            which = (groups - 1 - back) % _GROUPS
            count += sizes[which]
            if count > MOST:
                break
            if count < LEAST or not shape_fits(sizes, groups - 1, back + 1):
                continue
            if back and groups - back - 1 > ROW:
                break
            if is_number(digits, firsts[which], count, low, high, lengths):
                out[found, 0] = starts[which]
                out[found, 1] = stop
                out[found, 2] = count
                out[found, 3] = back + 1
                found += 1
                if found + MOST >= out.shape[0]:
                    return found, at
    return found, end
