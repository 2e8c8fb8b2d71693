"""Where the row of a key is: open addressing, one word for a place.

Guards: a place holds the upper half of the mixed key and the offset of the row, which names the
whole key; so a look-up that finds nothing seldom leaves the table, and growing needs no row. Each
slot has 256 partitions, chosen by the lowest bits of the mixed key, which grow to the next class
one at a time and are filled to 85 %.
Not done here: the table of pairs, whose words have no row to name them (`heap.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.heap import (
    LARGEST_TABLE,
    PARTITION_WORDS,
    TABLE_LEAST,
    fill,
    mix,
    next_words,
    retire,
    take,
)
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.pages import R_KEY

_M32 = 0xFFFFFFFF
_HALF = np.uint64(32)
_BYTE = np.uint64(255)


@compiled
def key_part(base: Word, key: Word) -> Word:
    """Offset of the partition of a key."""
    return base + np.int64(mix(key) & _BYTE) * PARTITION_WORDS


@compiled
def key_home(held: Word, size: Word) -> Word:
    """Place at which the search for what a place holds begins."""
    return np.int64(((np.uint64(held) >> _HALF) * np.uint64(size)) >> _HALF)


@compiled
def key_find(mem: Words, base: Word, key: Word) -> Word:
    """Offset of the place of a key, or -1."""
    part, tag = key_part(base, key), np.int64(mix(key) >> _HALF)
    off, size = mem[part], mem[part + 1]
    if size == 0:
        return -1
    i: Word = (tag * size) >> 32
    while True:
        held = mem[off + i]
        if held == 0:
            return -1
        if (held >> 32) & _M32 == tag and mem[(held & _M32) + R_KEY] == key:
            return off + i
        i += 1
        if i == size:
            i = 0


@compiled
def key_free(mem: Words, off: Word, size: Word, held: Word) -> Word:
    """First free place for what is not in the table."""
    i = key_home(held, size)
    while mem[off + i] != 0:
        i += 1
        if i == size:
            i = 0
    return off + i


@compiled
def key_grow(mem: Words, part: Word) -> None:
    """Move a partition to a table of the next class."""
    off, size = mem[part], mem[part + 1]
    larger = next_words(size, TABLE_LEAST)
    mem[LARGEST_TABLE] = max(mem[LARGEST_TABLE], larger)
    to = take(mem, larger)
    fill(mem, to, larger, 0)
    for at in range(off, off + size):
        if mem[at] != 0:
            mem[key_free(mem, to, larger, mem[at])] = mem[at]
    if size > 0:
        retire(mem, off, size)
    mem[part], mem[part + 1] = to, larger


@compiled
def key_put(mem: Words, base: Word, key: Word, row: Word) -> None:
    """Add a key that is not in the table."""
    part = key_part(base, key)
    if (mem[part + 2] + 1) * 20 > mem[part + 1] * 17:
        key_grow(mem, part)
    held = np.int64((mix(key) >> _HALF) << _HALF) | row
    mem[key_free(mem, mem[part], mem[part + 1], held)] = held
    mem[part + 2] += 1


@compiled
def key_move(mem: Words, base: Word, key: Word, row: Word, to: Word) -> None:
    """Let a key's place name the new offset of its row."""
    mem[key_find(mem, base, key)] += to - row


@compiled
def key_remove(mem: Words, base: Word, key: Word) -> None:
    """Remove a key that is in the table, closing the gap behind it."""
    part, at = key_part(base, key), key_find(mem, base, key)
    off, size = mem[part], mem[part + 1]
    gap = at - off
    i = gap
    while True:
        i += 1
        if i == size:
            i = 0
        other = mem[off + i]
        if other == 0:
            break
        home = key_home(other, size)
        if (gap < home <= i) if gap <= i else (home > gap or home <= i):
            continue
        mem[off + gap] = other
        gap = i
    mem[off + gap] = 0
    mem[part + 2] -= 1
