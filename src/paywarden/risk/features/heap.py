"""Memory of the compiled window store: one growable array of words, blocks and hash tables in it.

Guards: no request copies more than one block or one table of a few thousand entries. The array is a
mapping that grows in place; its head holds the counters below, then scratch, then free lists by
size class (four classes per doubling, eight above 256 words). Tables map a 64-bit word (never 0) to
32 bits by open addressing in 256 partitions of their own, which grow one at a time to the next
class, so that a large one is never filled to less than 75 %. Partitions grow at about the same
time, so none wants the block that another leaves: it is retired, and small blocks are cut from it.
Invariant: whoever calls `take` has checked with `room` first, so that it cannot fail half-way.
Not done here: what blocks mean (`pages.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.jit import Word, Words, compiled

TOP = 0
LARGEST_BLOCK = 1
LARGEST_TABLE = 2
EVENTS = 3
KEYS = 4
PAIRS = 5
USED = 6
FOLD = 8
"""Eight words in which a range of entries is folded."""
LIMBS = 16
"""Thirty-two words for wide arithmetic."""
CUT = 48
CUT_END = 49
"""What is left of the retired block from which small blocks are cut."""
RETIRED = 50
"""First retired block; its first two words are the next one and its size."""
FREE = 52
FREE_CLASSES = 240
WINDOWS = FREE + FREE_CLASSES
"""Two words (page, index) per window of the slot at hand."""

PARTITIONS = 256
PARTITION_WORDS = 3
TABLE_WORDS = PARTITIONS * PARTITION_WORDS
TABLE_LEAST = 8
COARSE_BITS, COARSE_CLASSES = 8, 28
"""Up to 2**8 words there are four classes per doubling, 28 in all."""
RETIRE_WORDS = 16
CUT_WORDS = 32
"""For a larger block no further retired one is begun, so that few are left in small pieces."""

_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_BYTE = np.uint64(255)


@compiled
def mix(word: Word) -> Word:
    """A bijection of 64-bit words, equal to `digests.mix`."""
    w = np.uint64(word)
    w = (w ^ (w >> _HALF)) * _SPREAD
    w = (w ^ (w >> _HALF)) * _SPREAD
    return w ^ (w >> _HALF)


@compiled
def half_at(mem: Words, at: Word) -> Word:
    """The 32-bit value number `at`, two to a word, least first."""
    return (mem[at >> 1] >> ((at & 1) << 5)) & 0xFFFFFFFF


@compiled
def set_half(mem: Words, at: Word, value: Word) -> None:
    """Set the 32-bit value number `at`."""
    shift = (at & 1) << 5
    mem[at >> 1] = (mem[at >> 1] & ~(0xFFFFFFFF << shift)) | (value << shift)


@compiled
def fill(mem: Words, at: Word, words: Word, word: Word) -> None:
    """Set so many words from `at` on."""
    for k in range(at, at + words):
        mem[k] = word


@compiled
def shift_down(mem: Words, to: Word, source: Word, words: Word) -> None:
    """Copy words to a lower place; the two may overlap."""
    for k in range(words):
        mem[to + k] = mem[source + k]


@compiled
def size_class(words: Word) -> Word:
    """Number of the smallest class that holds so many words."""
    if words <= 8:
        return max(words, 1)
    bits = 4
    while (1 << bits) < words:
        bits += 1
    over = words - (1 << (bits - 1)) - 1
    if bits <= COARSE_BITS:
        return 9 + (bits - 4) * 4 + (over >> (bits - 3))
    return COARSE_CLASSES + 1 + (bits - COARSE_BITS - 1) * 8 + (over >> (bits - 4))


@compiled
def class_words(number: Word) -> Word:
    """Words of a block of that class."""
    if number <= 8:
        return number
    if number <= COARSE_CLASSES:
        bits = 4 + (number - 9) // 4
        return (1 << (bits - 1)) + ((number - 9) % 4 + 1) * (1 << (bits - 3))
    over = number - COARSE_CLASSES - 1
    bits = COARSE_BITS + 1 + over // 8
    return (1 << (bits - 1)) + (over % 8 + 1) * (1 << (bits - 4))


@compiled
def next_words(words: Word, least: Word) -> Word:
    """Words of the class after that of a block, and at least of that of `least`."""
    return class_words(max(size_class(words) + 1, size_class(least)))


@compiled
def take(mem: Words, words: Word) -> Word:
    """A block of at least so many words (contents undefined); its offset."""
    number = size_class(words)
    size = class_words(number)
    mem[USED] += size
    block = mem[FREE + number]
    if block != 0:
        mem[FREE + number] = mem[block]
        return block
    block = cut(mem, size)
    if block != 0:
        return block
    block = mem[TOP]
    if block + size > mem.size:
        raise MemoryError("window memory was not reserved")
    mem[TOP] = block + size
    return block


@compiled
def cut(mem: Words, size: Word) -> Word:
    """So many words of a retired block, 0 when there are none."""
    if mem[CUT] + size > mem[CUT_END]:
        block = mem[RETIRED]
        if size > CUT_WORDS or block == 0 or mem[block + 1] < size:
            return 0
        keep(mem, mem[CUT], mem[CUT_END] - mem[CUT])
        mem[RETIRED] = mem[block]
        mem[CUT], mem[CUT_END] = block, block + mem[block + 1]
    block = mem[CUT]
    mem[CUT] = block + size
    return block


@compiled
def keep(mem: Words, block: Word, words: Word) -> None:
    """Put a piece of memory with the free blocks of the largest class that it can be."""
    if words > 0:
        number = size_class(words)
        if class_words(number) > words:
            number -= 1
        mem[block] = mem[FREE + number]
        mem[FREE + number] = block


@compiled
def take_block(mem: Words, words: Word) -> Word:
    """Like `take`, remembering the largest size for `room`."""
    mem[LARGEST_BLOCK] = max(mem[LARGEST_BLOCK], words)
    return take(mem, words)


@compiled
def give(mem: Words, block: Word, words: Word) -> None:
    """Return a block taken with the same number of words."""
    number = size_class(words)
    mem[USED] -= class_words(number)
    mem[block] = mem[FREE + number]
    mem[FREE + number] = block


@compiled
def retire(mem: Words, block: Word, words: Word) -> None:
    """Return the block of a table that has grown."""
    if words < RETIRE_WORDS:
        give(mem, block, words)
        return
    size = class_words(size_class(words))
    mem[USED] -= size
    mem[block], mem[block + 1] = mem[RETIRED], size
    mem[RETIRED] = block


@compiled
def table_find(mem: Words, base: Word, word: Word) -> Word:
    """Index in mem of the slot that holds the word, or -1."""
    h = mix(word)
    part = base + np.int64(h & _BYTE) * PARTITION_WORDS
    size = mem[part + 1]
    if size == 0:
        return -1
    off = mem[part]
    i: Word = np.int64(((h >> _HALF) * np.uint64(size)) >> _HALF)
    while True:
        held = mem[off + i]
        if held == word:
            return off + i
        if held == 0:
            return -1
        i += 1
        if i == size:
            i = 0


@compiled
def table_part(base: Word, word: Word) -> Word:
    """Offset of the partition that a word belongs to."""
    return base + np.int64(mix(word) & _BYTE) * PARTITION_WORDS


@compiled
def table_value(mem: Words, part: Word, at: Word) -> Word:
    """Index in mem viewed as uint32 of the value of a slot."""
    off = mem[part]
    return (off + mem[part + 1]) * 2 + (at - off)


@compiled
def table_place(mem: Words, off: Word, size: Word, word: Word) -> Word:
    """First free index for a word that is not in the table."""
    i: Word = np.int64(((mix(word) >> _HALF) * np.uint64(size)) >> _HALF)
    while mem[off + i] != 0:
        i += 1
        if i == size:
            i = 0
    return i


@compiled
def table_grow(mem: Words, part: Word) -> None:
    """Move a partition to a table of the next class, so that pairs stay small."""
    off, size = mem[part], mem[part + 1]
    larger = next_words(size + (size + 1) // 2, TABLE_LEAST + TABLE_LEAST // 2) * 2 // 3
    mem[LARGEST_TABLE] = max(mem[LARGEST_TABLE], larger + (larger + 1) // 2)
    to = take(mem, larger + (larger + 1) // 2)
    fill(mem, to, larger, 0)
    for i in range(size):
        word = mem[off + i]
        if word != 0:
            j = table_place(mem, to, larger, word)
            mem[to + j] = word
            set_half(mem, (to + larger) * 2 + j, half_at(mem, (off + size) * 2 + i))
    if size > 0:
        retire(mem, off, size + (size + 1) // 2)
    mem[part], mem[part + 1] = to, larger


@compiled
def table_put(mem: Words, base: Word, word: Word, value: Word) -> None:
    """Add a word that is not in the table."""
    part = table_part(base, word)
    if (mem[part + 2] + 1) * 20 > mem[part + 1] * 17:
        table_grow(mem, part)
    off, size = mem[part], mem[part + 1]
    i = table_place(mem, off, size, word)
    mem[off + i] = word
    set_half(mem, (off + size) * 2 + i, value)
    mem[part + 2] += 1


@compiled
def table_remove(mem: Words, base: Word, word: Word) -> None:
    """Remove a word that is in the table, closing the gap behind it."""
    at = table_find(mem, base, word)
    if at < 0:
        return
    part = table_part(base, word)
    off, size = mem[part], mem[part + 1]
    values = (off + size) * 2
    gap = at - off
    i = gap
    while True:
        i += 1
        if i == size:
            i = 0
        other = mem[off + i]
        if other == 0:
            break
        home = np.int64(((mix(other) >> _HALF) * np.uint64(size)) >> _HALF)
        if (gap < home <= i) if gap <= i else (home > gap or home <= i):
            continue
        mem[off + gap] = other
        set_half(mem, values + gap, half_at(mem, values + i))
        gap = i
    mem[off + gap] = 0
    mem[part + 2] -= 1
