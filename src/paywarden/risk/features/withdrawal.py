"""Finding one event of a key again, and taking a withdrawn label back.

Guards: afterwards summaries, running totals and "newest of its value" bits are as if the event had
never been there, at any age.
Not done here: which labels there are and what keys they had (`arena.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.events import (
    event_of,
    let_go,
    seq_of,
    value_at,
)
from paywarden.risk.features.heap import (
    EVENTS,
    fill,
    give,
    shift_down,
)
from paywarden.risk.features.jit import (
    Word,
    Words,
    compiled,
)
from paywarden.risk.features.pages import (
    D_COUNT,
    D_PAGE,
    D_SEQ_0,
    D_SEQ_1,
    D_SUMMARY,
    GROUPED,
    PAGE,
    R_BLOCK,
    R_KEPT,
    R_SIZE,
    cap_of,
    count_in,
    entry_at,
    head_of,
    page_words,
    set_span,
    sum_group,
    sum_page,
    tail_of,
)
from paywarden.risk.features.pairs import (
    drop_pair,
    forget_pair,
    pair_word,
    set_pair,
)
from paywarden.risk.features.program import (
    A_OFFSET,
    ENTRY,
    L_SHIFT,
    L_VALUE,
    L_WORD,
    LANE_0,
    LANE_1,
    N_ACC,
    N_SHIFT,
    N_WORD,
    PAST_DISTINCT,
    SUMMARY,
)
from paywarden.risk.features.rows import (
    to_small,
)


@compiled
def find_seq(mem: Words, prog: Words, slot: Word, row: Word, seq: Word) -> Word:
    """Place of an event as page << 6 | index, or -1."""
    width = prog[slot, ENTRY]
    small = mem[row + R_SIZE] >= 0
    first, end = (0, 1) if small else (head_of(mem, row), tail_of(mem, row))
    for d in range(end - 1, first - 1, -1):
        if not small:
            at = mem[row + R_BLOCK] + d * page_words(prog, slot)
            if seq < mem[at + D_SEQ_0] or seq > mem[at + D_SEQ_1]:
                continue
        base = entry_at(mem, prog, slot, row, d, 0)
        for i in range(count_in(mem, prog, slot, row, d)):
            if seq_of(mem, base + i * width) == seq:
                return (d << 6) | i
    return -1


@compiled
def mark_newest(
    mem: Words, prog: Words, slot: Word, row: Word, lane: Word, p: Word, d: Word, sign: Word
) -> None:
    """Set (1) or clear (-1) the bit `newest` of an entry of page d, in summaries too."""
    word, shift = prog[lane, N_WORD], prog[lane, N_SHIFT]
    if sign > 0:
        mem[p + word] |= np.int64(1) << shift
    else:
        mem[p + word] &= ~(np.int64(1) << shift)
    if mem[row + R_SIZE] < 0:
        offset = prog[prog[lane, N_ACC], A_OFFSET]
        pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
        mem[directory + d * pages + D_SUMMARY + offset] += sign
        if cap_of(mem, row) > -GROUPED:
            return
        groups = directory - cap_of(mem, row) * pages
        mem[groups + (d >> 6) * prog[slot, SUMMARY] + offset] += sign


@compiled
def same_before(
    mem: Words,
    prog: Words,
    slot: Word,
    row: Word,
    lane: Word,
    p: Word,
    d: Word,
    d0: Word,
    i0: Word,
) -> Word:
    """Last entry before the one at p of page d, from (d0, i0) on, with its value, or -1; page."""
    width, word, shift = prog[slot, ENTRY], prog[lane, L_WORD], prog[lane, L_SHIFT]
    place, value = prog[lane, L_VALUE], value_at(mem, p, prog[lane, L_VALUE])
    for page in range(d, d0 - 1, -1):
        base = entry_at(mem, prog, slot, row, page, 0)
        first = base + (i0 if page == d0 else 0) * width
        end = p if page == d else base + count_in(mem, prog, slot, row, page) * width
        for q in range(end - width, first - 1, -width):
            if (mem[q + word] >> shift) & 1 and value_at(mem, q, place) == value:
                return q, page
    return -1, 0


@compiled
def forget_values(mem: Words, prog: Words, slot: Word, row: Word, p: Word, d: Word) -> None:
    """Take an entry out of every distinct count."""
    first = 0 if mem[row + R_SIZE] >= 0 else head_of(mem, row)
    for lane in range(prog[slot, LANE_0], prog[slot, LANE_1]):
        if not (mem[p + prog[lane, L_WORD]] >> prog[lane, L_SHIFT]) & 1:
            continue
        if prog[lane, PAST_DISTINCT] >= 0:
            forget_pair(mem, prog, slot, row, lane, p)
        if prog[lane, N_ACC] < 0 or not (mem[p + prog[lane, N_WORD]] >> prog[lane, N_SHIFT]) & 1:
            continue
        q, page = same_before(mem, prog, slot, row, lane, p, d, first, 0)
        if q >= 0:
            mark_newest(mem, prog, slot, row, lane, q, page, 1)
        if mem[row + R_SIZE] < 0:
            word = pair_word(mem, prog, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
            if q >= 0:
                set_pair(mem, prog, slot, word, entry_at(mem, prog, slot, row, page, 0))
            else:
                drop_pair(mem, prog, slot, word)


@compiled
def retract(mem: Words, prog: Words, slot: Word, row: Word, seq: Word) -> None:
    """Take the event back, if the key still holds it."""
    place = find_seq(mem, prog, slot, row, seq)
    if place < 0:
        return
    d, i, width = place >> 6, place & 63, prog[slot, ENTRY]
    p = entry_at(mem, prog, slot, row, d, i)
    forget_values(mem, prog, slot, row, p, d)
    let_go(mem, prog, event_of(mem, p))
    count = count_in(mem, prog, slot, row, d)
    shift_down(mem, p, p + width, (count - i - 1) * width)
    last = p + (count - i - 1) * width
    fill(mem, last, width, 0)
    mem[row + R_SIZE] -= 1
    mem[EVENTS] -= 1
    if mem[row + R_SIZE] >= 0:
        return
    pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
    head, tail = head_of(mem, row), tail_of(mem, row)
    mem[directory + d * pages + D_COUNT] -= 1
    if count > 1:
        sum_page(mem, prog, slot, row, d)
        sum_group(mem, prog, slot, row, d)
        return
    give(mem, mem[directory + d * pages + D_PAGE], PAGE * width)
    shift_down(mem, directory + d * pages, directory + (d + 1) * pages, (tail - d - 1) * pages)
    set_span(mem, row, head, tail - 1)
    if d - head < mem[row + R_KEPT]:
        mem[row + R_KEPT] -= 1
    for group in range(d >> 6, ((tail - 1) >> 6) + 1):
        sum_group(mem, prog, slot, row, group << 6)
    if tail - 1 == head:
        to_small(mem, prog, slot, row)
