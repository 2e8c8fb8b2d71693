"""The events of one key: a few in its row, or pages of 64 with a directory that sums them up.

Guards: entries stay in the order (s, seq), seq being that of arrival, so every window is the tail
of the sequence and any range is folded in O(64 + pages / 64) steps. A row of a key holds: key,
capacity (negative: pages of the directory) and number of entries; then the entries of a small key,
or directory, its first and end page, retained pages at its front. A directory entry: page, entries,
first s, least and greatest seq, summary; a directory of 64 pages and more ends with the summaries
of groups of 64.
Not done here: changing them (`insertion.py`, `removal.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.events import seq_of, value_at
from paywarden.risk.features.heap import FOLD, fill
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.program import (
    A_OFFSET,
    A_SHIFT,
    A_VALUE,
    A_WORD,
    ACC_0,
    ACC_1,
    COUNTS,
    EARLIEST,
    ENTRY,
    GREATEST,
    LATEST,
    LEAST,
    OP,
    ROW,
    SQUARES,
    SUMMARY,
    SUMS,
)

PAGE = 64
DIRECTORY_LEAST = 4
GROUPED = 64
"""Directories of so many pages and more, then multiples of it, have summaries of groups."""
R_KEY, R_SIZE, R_BLOCK, R_SPAN, R_KEPT = range(5)
PAGED_ROW = 5
D_PAGE, D_COUNT, D_FIRST, D_SEQ_0, D_SEQ_1, D_SUMMARY = range(6)
LEAST_WORD = -(2**63)
GREATEST_WORD = 2**63 - 1
_M32 = 0xFFFFFFFF


@compiled
def count_of(mem: Words, row: Word) -> Word:
    """Entries of a key."""
    return mem[row + R_SIZE] & _M32


@compiled
def cap_of(mem: Words, row: Word) -> Word:
    """Entries that the row of a small key has room for; negative: pages of the directory."""
    return mem[row + R_SIZE] >> 32


@compiled
def set_size(mem: Words, row: Word, cap: Word, count: Word) -> None:
    """Set capacity and number of entries."""
    mem[row + R_SIZE] = (cap << 32) | count


@compiled
def head_of(mem: Words, row: Word) -> Word:
    """First live directory index of a paged key."""
    return mem[row + R_SPAN] & 0xFFFFFFFF


@compiled
def tail_of(mem: Words, row: Word) -> Word:
    """End of the directory of a paged key."""
    return mem[row + R_SPAN] >> 32


@compiled
def set_span(mem: Words, row: Word, head: Word, tail: Word) -> None:
    """Set both ends of the directory."""
    mem[row + R_SPAN] = head | (tail << 32)


@compiled
def page_words(prog: Words, slot: Word) -> Word:
    """Words of a directory entry."""
    return D_SUMMARY + prog[slot, SUMMARY]


@compiled
def entry_at(mem: Words, prog: Words, slot: Word, row: Word, d: Word, i: Word) -> Word:
    """Offset of entry i of page d (of the block, for a small key)."""
    width = prog[slot, ENTRY]
    if mem[row + R_SIZE] >= 0:
        return row + prog[slot, ROW] + i * width
    return mem[mem[row + R_BLOCK] + d * page_words(prog, slot) + D_PAGE] + i * width


@compiled
def count_in(mem: Words, prog: Words, slot: Word, row: Word, d: Word) -> Word:
    """Entries of page d (of the block, for a small key)."""
    if mem[row + R_SIZE] >= 0:
        return count_of(mem, row)
    return mem[mem[row + R_BLOCK] + d * page_words(prog, slot) + D_COUNT]


@compiled
def search_page(mem: Words, prog: Words, slot: Word, row: Word, s: Word) -> Word:
    """Last page whose first s is below s, or the first page."""
    width, directory = page_words(prog, slot), mem[row + R_BLOCK]
    low, high = head_of(mem, row), tail_of(mem, row)
    while high - low > 1:
        middle = (low + high) >> 1
        if mem[directory + middle * width + D_FIRST] < s:
            low = middle
        else:
            high = middle
    return low


@compiled
def search_entry(mem: Words, base: Word, count: Word, width: Word, s: Word) -> Word:
    """First of count entries at base whose s is at least s."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if mem[base + middle * width] < s:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def fold_start(mem: Words, op: Word) -> None:
    """Clear the fold."""
    fill(mem, FOLD, 4, 0)
    if op == LEAST:
        mem[FOLD] = GREATEST_WORD
    elif op == GREATEST:
        mem[FOLD] = LEAST_WORD


@compiled
def add_square(mem: Words, at: Word, value: Word) -> None:
    """Add value squared, in four limbs of 32 bits, to four words."""
    size = np.uint64(-value if value < 0 else value)
    low, high = size & np.uint64(_M32), size >> np.uint64(32)
    first = low * low
    middle = low * high * np.uint64(2) + (first >> np.uint64(32))
    last = high * high + (middle >> np.uint64(32))
    mem[at] += np.int64(first & np.uint64(_M32))
    mem[at + 1] += np.int64(middle & np.uint64(_M32))
    mem[at + 2] += np.int64(last & np.uint64(_M32))
    mem[at + 3] += np.int64(last >> np.uint64(32))


@compiled
def fold_leaf(
    mem: Words, prog: Words, acc: Word, base: Word, i: Word, j: Word, width: Word
) -> None:
    """Fold entries i to j of one page."""
    op, word, shift, value = (
        prog[acc, OP],
        prog[acc, A_WORD],
        prog[acc, A_SHIFT],
        prog[acc, A_VALUE],
    )
    first, end = base + i * width, base + j * width
    if op == COUNTS:
        total = 0
        for p in range(first, end, width):
            total += (mem[p + word] >> shift) & 1
        mem[FOLD] += total
    elif op == SUMS:
        high, low = 0, 0
        for p in range(first, end, width):
            bit = (mem[p + word] >> shift) & 1
            high += bit * (value_at(mem, p, value) >> 32)
            low += bit * (value_at(mem, p, value) & _M32)
        mem[FOLD] += high
        mem[FOLD + 1] += low
    elif op == LEAST:
        found = mem[FOLD]
        for p in range(first, end, width):
            if (mem[p + word] >> shift) & 1:
                found = min(found, value_at(mem, p, value))
        mem[FOLD] = found
    elif op == GREATEST:
        found = mem[FOLD]
        for p in range(first, end, width):
            if (mem[p + word] >> shift) & 1:
                found = max(found, value_at(mem, p, value))
        mem[FOLD] = found
    elif op == SQUARES:
        for p in range(first, end, width):
            if (mem[p + word] >> shift) & 1:
                add_square(mem, FOLD, value_at(mem, p, value))


@compiled
def merge(mem: Words, op: Word, to: Word, source: Word) -> None:
    """Add one summary of an accumulator to another."""
    if op == LEAST:
        mem[to] = min(mem[to], mem[source])
    elif op == GREATEST:
        mem[to] = max(mem[to], mem[source])
    elif op < EARLIEST:
        mem[to] += mem[source]
        if op >= SUMS:
            mem[to + 1] += mem[source + 1]
        if op == SQUARES:
            mem[to + 2] += mem[source + 2]
            mem[to + 3] += mem[source + 3]


@compiled
def fold_part(
    mem: Words, prog: Words, slot: Word, row: Word, acc: Word, d: Word, i: Word, j: Word
) -> None:
    """Fold entries i to j of page d: by its summary where that touches fewer entries."""
    width, base = prog[slot, ENTRY], entry_at(mem, prog, slot, row, d, 0)
    small, op = mem[row + R_SIZE] >= 0, prog[acc, OP]
    additive = op <= SQUARES
    if small or j < count_in(mem, prog, slot, row, d) or (i > 0 and (2 * i > j or not additive)):
        fold_leaf(mem, prog, acc, base, i, j, width)
        return
    if i > 0:
        for k in range(FOLD, FOLD + 4):
            mem[k] = -mem[k]
        fold_leaf(mem, prog, acc, base, 0, i, width)
        for k in range(FOLD, FOLD + 4):
            mem[k] = -mem[k]
    at = mem[row + R_BLOCK] + d * page_words(prog, slot)
    merge(mem, op, FOLD, at + D_SUMMARY + prog[acc, A_OFFSET])


@compiled
def fold_range(
    mem: Words,
    prog: Words,
    slot: Word,
    row: Word,
    acc: Word,
    d0: Word,
    i0: Word,
    d1: Word,
    i1: Word,
) -> None:
    """Fold from entry (d0, i0) to before (d1, i1) into the fold."""
    if d0 == d1:
        fold_part(mem, prog, slot, row, acc, d0, i0, i1)
        return
    fold_part(mem, prog, slot, row, acc, d0, i0, count_in(mem, prog, slot, row, d0))
    op, offset = prog[acc, OP], prog[acc, A_OFFSET]
    pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
    groups, summary = directory - cap_of(mem, row) * pages, prog[slot, SUMMARY]
    d = d0 + 1
    while d < d1:
        if (d & 63) == 0 and d + 64 <= d1:
            merge(mem, op, FOLD, groups + (d >> 6) * summary + offset)
            d += 64
        else:
            merge(mem, op, FOLD, directory + d * pages + D_SUMMARY + offset)
            d += 1
    if i1 > 0:
        fold_part(mem, prog, slot, row, acc, d1, 0, i1)


@compiled
def find_first(
    mem: Words,
    prog: Words,
    slot: Word,
    row: Word,
    acc: Word,
    d0: Word,
    i0: Word,
    d1: Word,
    i1: Word,
) -> Word:
    """Offset of the first entry of the range that has the bit, or -1."""
    width, word, shift = prog[slot, ENTRY], prog[acc, A_WORD], prog[acc, A_SHIFT]
    pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
    groups, summary = directory - cap_of(mem, row) * pages, prog[slot, SUMMARY]
    d = d0
    while d <= d1:
        grouped = d > d0 and (d & 63) == 0 and d + 64 <= d1
        if grouped and mem[groups + (d >> 6) * summary + prog[acc, A_OFFSET]] == 0:
            d += 64
            continue
        if d0 < d < d1 and mem[directory + d * pages + D_SUMMARY + prog[acc, A_OFFSET]] == 0:
            d += 1
            continue
        first = i0 if d == d0 else 0
        end = i1 if d == d1 else count_in(mem, prog, slot, row, d)
        if first < end:
            base = entry_at(mem, prog, slot, row, d, 0)
            for p in range(base + first * width, base + end * width, width):
                if (mem[p + word] >> shift) & 1:
                    return p
        d += 1
    return -1


@compiled
def find_last(
    mem: Words,
    prog: Words,
    slot: Word,
    row: Word,
    acc: Word,
    d0: Word,
    i0: Word,
    d1: Word,
    i1: Word,
) -> Word:
    """Offset of the last entry of the range that has the bit, or -1."""
    width, word, shift = prog[slot, ENTRY], prog[acc, A_WORD], prog[acc, A_SHIFT]
    pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
    groups, summary = directory - cap_of(mem, row) * pages, prog[slot, SUMMARY]
    d = d1
    while d >= d0:
        grouped = d < d1 and (d & 63) == 63 and d - 64 >= d0
        if grouped and mem[groups + (d >> 6) * summary + prog[acc, A_OFFSET]] == 0:
            d -= 64
            continue
        if d0 < d < d1 and mem[directory + d * pages + D_SUMMARY + prog[acc, A_OFFSET]] == 0:
            d -= 1
            continue
        first = i0 if d == d0 else 0
        end = i1 if d == d1 else count_in(mem, prog, slot, row, d)
        if first < end:
            base = entry_at(mem, prog, slot, row, d, 0)
            for p in range(base + (end - 1) * width, base + first * width - 1, -width):
                if (mem[p + word] >> shift) & 1:
                    return p
        d -= 1
    return -1


@compiled
def clear_summary(mem: Words, prog: Words, slot: Word, at: Word) -> None:
    """Set a summary to that of no entries."""
    fill(mem, at, prog[slot, SUMMARY], 0)
    for a in range(prog[slot, ACC_0], prog[slot, ACC_1]):
        if prog[a, OP] == LEAST:
            mem[at + prog[a, A_OFFSET]] = GREATEST_WORD
        elif prog[a, OP] == GREATEST:
            mem[at + prog[a, A_OFFSET]] = LEAST_WORD


@compiled
def add_entry(mem: Words, prog: Words, slot: Word, at: Word, p: Word) -> None:
    """Add one entry to a summary."""
    for a in range(prog[slot, ACC_0], prog[slot, ACC_1]):
        if not (mem[p + prog[a, A_WORD]] >> prog[a, A_SHIFT]) & 1:
            continue
        op, to = prog[a, OP], at + prog[a, A_OFFSET]
        if op == COUNTS:
            mem[to] += 1
        elif op == SUMS:
            mem[to] += value_at(mem, p, prog[a, A_VALUE]) >> 32
            mem[to + 1] += value_at(mem, p, prog[a, A_VALUE]) & _M32
        elif op == LEAST:
            mem[to] = min(mem[to], value_at(mem, p, prog[a, A_VALUE]))
        elif op == GREATEST:
            mem[to] = max(mem[to], value_at(mem, p, prog[a, A_VALUE]))
        elif op == SQUARES:
            add_square(mem, to, value_at(mem, p, prog[a, A_VALUE]))


@compiled
def fold_away(mem: Words, prog: Words, slot: Word, row: Word, p: Word, at: Word) -> None:
    """Add an entry that leaves the events of a key to its running totals at `at`."""
    seq = seq_of(mem, p)
    for a in range(prog[slot, ACC_0], prog[slot, ACC_1]):
        op, to, value = prog[a, OP], at + prog[a, A_OFFSET], prog[a, A_VALUE]
        if op != EARLIEST and op != LATEST:
            continue
        if not (mem[p + prog[a, A_WORD]] >> prog[a, A_SHIFT]) & 1:
            continue
        known = mem[to + 1] != 0
        before = mem[p] < mem[to] or (mem[p] == mem[to] and seq < mem[to + 1])
        if not known or before == (op == EARLIEST):
            mem[to], mem[to + 1] = mem[p], seq
            mem[to + 2] = value_at(mem, p, value) if value >= 0 else 0
    add_entry(mem, prog, slot, at, p)


@compiled
def sum_page(mem: Words, prog: Words, slot: Word, row: Word, d: Word) -> None:
    """Compute the summary and bounds of page d anew."""
    width = prog[slot, ENTRY]
    at = mem[row + R_BLOCK] + d * page_words(prog, slot)
    clear_summary(mem, prog, slot, at + D_SUMMARY)
    base, least, greatest = mem[at + D_PAGE], GREATEST_WORD, 0
    for p in range(base, base + mem[at + D_COUNT] * width, width):
        add_entry(mem, prog, slot, at + D_SUMMARY, p)
        seq = seq_of(mem, p)
        least, greatest = min(least, seq), max(greatest, seq)
    mem[at + D_FIRST] = mem[base]
    mem[at + D_SEQ_0], mem[at + D_SEQ_1] = least, greatest


@compiled
def sum_group(mem: Words, prog: Words, slot: Word, row: Word, d: Word) -> None:
    """Compute the summary of the group of page d anew, from its live pages."""
    if cap_of(mem, row) > -GROUPED:
        return
    pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
    summary = prog[slot, SUMMARY]
    at = directory - cap_of(mem, row) * pages + (d >> 6) * summary
    clear_summary(mem, prog, slot, at)
    first = max(head_of(mem, row), d & ~63)
    for each in range(first, min(tail_of(mem, row), (d | 63) + 1)):
        source = directory + each * pages + D_SUMMARY
        for a in range(prog[slot, ACC_0], prog[slot, ACC_1]):
            offset = prog[a, A_OFFSET]
            merge(mem, prog[a, OP], at + offset, source + offset)
