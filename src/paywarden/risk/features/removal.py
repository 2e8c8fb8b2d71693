"""Taking events away from a key: expiry, and the sweep that gives memory back.

Guards: bounded windows forget what no window can see any more; `all` windows first add it to the
running totals of the key and keep labels, because a label can be withdrawn at any age. The sweep
looks at one place of each key table per event, so its work and its result depend on the log alone.
Not done here: putting events in (`insertion.py`), taking labels back (`withdrawal.py`).
"""

from __future__ import annotations

from paywarden.risk.features.events import (
    event_of,
    let_go,
)
from paywarden.risk.features.heap import (
    EVENTS,
    PARTITION_WORDS,
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
    PAGE,
    R_BLOCK,
    R_KEPT,
    R_SIZE,
    cap_of,
    count_of,
    fold_away,
    head_of,
    page_words,
    set_span,
    sum_group,
    sum_page,
    tail_of,
)
from paywarden.risk.features.pairs import (
    point_page,
)
from paywarden.risk.features.program import (
    ENTRY,
    HORIZON,
    LABEL_SHIFT,
    LABEL_WORD,
    ROW,
    ROW_HEAD,
    RUNNING,
    SLOT_HEAD,
    SLOT_STATE,
)
from paywarden.risk.features.rows import (
    give_row,
    resize_small,
    to_small,
)


@compiled
def is_label(mem: Words, prog: Words, slot: Word, p: Word) -> Word:
    """1 when the entry must stay because it is a label of an `all` slot."""
    if not prog[slot, RUNNING]:
        return 0
    return (mem[p + prog[slot, LABEL_WORD]] >> prog[slot, LABEL_SHIFT]) & 1


@compiled
def compact(
    mem: Words, prog: Words, slot: Word, row: Word, base: Word, count: Word, horizon: Word
) -> Word:
    """Drop entries at or before the horizon from a page; entries left."""
    width, kept, i = prog[slot, ENTRY], 0, 0
    while i < count and mem[base + i * width] <= horizon:
        p = base + i * width
        if is_label(mem, prog, slot, p):
            shift_down(mem, base + kept * width, p, width)
            kept += 1
        else:
            if prog[slot, RUNNING]:
                fold_away(mem, prog, slot, row, p, row + ROW_HEAD)
            let_go(mem, prog, event_of(mem, p))
        i += 1
    if i > kept:
        shift_down(mem, base + kept * width, base + i * width, (count - i) * width)
    gone = i - kept
    mem[row + R_SIZE] -= gone
    mem[EVENTS] -= gone
    return count - gone


@compiled
def expire_page(mem: Words, prog: Words, slot: Word, row: Word, k: Word, horizon: Word) -> Word:
    """Empty page k of what is over; 1 when its directory entry is not needed any more."""
    width, directory = page_words(prog, slot), mem[row + R_BLOCK]
    at = directory + k * width
    base, count = mem[at + D_PAGE], mem[at + D_COUNT]
    point_page(mem, prog, slot, row, base, count, -1)
    left = compact(mem, prog, slot, row, base, count, horizon)
    mem[at + D_COUNT] = left
    entry = prog[slot, ENTRY]
    if left > 0:
        room = k > head_of(mem, row) and mem[at - width + D_COUNT] + left <= PAGE
        if not room:
            sum_page(mem, prog, slot, row, k)
            return 0
        to = mem[at - width + D_PAGE] + mem[at - width + D_COUNT] * entry
        shift_down(mem, to, base, left * entry)
        mem[at - width + D_COUNT] += left
        sum_page(mem, prog, slot, row, k - 1)
    give(mem, base, PAGE * entry)
    return 1


@compiled
def expire_pages(mem: Words, prog: Words, slot: Word, row: Word, horizon: Word) -> Word:
    """Give back pages that are over; labels of `all` slots gather in the first ones. The row."""
    width, entry = page_words(prog, slot), prog[slot, ENTRY]
    first = head_of(mem, row)
    k, tail, directory = first + mem[row + R_KEPT], tail_of(mem, row), mem[row + R_BLOCK]
    start = k
    while k < tail:
        at = directory + k * width
        if mem[mem[at + D_PAGE] + (mem[at + D_COUNT] - 1) * entry] > horizon:
            break
        if expire_page(mem, prog, slot, row, k, horizon):
            head = head_of(mem, row)
            for w in range((k - head) * width - 1, -1, -1):
                mem[directory + (head + 1) * width + w] = mem[directory + head * width + w]
            set_span(mem, row, head + 1, tail)
        else:
            mem[row + R_KEPT] += 1
        k += 1
    if k == start:
        return row
    if prog[slot, RUNNING]:
        for group in range(first >> 6, ((k - 1) >> 6) + 1):
            sum_group(mem, prog, slot, row, group << 6)
    head = head_of(mem, row)
    if tail - head == 0 or (tail - head == 1 and count_of(mem, row) <= PAGE // 2):
        return to_small(mem, prog, slot, row)
    return row


@compiled
def expire(mem: Words, prog: Words, slot: Word, row: Word, t: Word) -> Word:
    """Drop what no window of the slot can see at t or later; the row of the key."""
    horizon = t - prog[slot, HORIZON]
    if mem[row + R_SIZE] < 0:
        return expire_pages(mem, prog, slot, row, horizon)
    if count_of(mem, row) > 0:
        compact(mem, prog, slot, row, row + prog[slot, ROW], count_of(mem, row), horizon)
    return row


@compiled
def sweep(mem: Words, prog: Words, slot: Word, t: Word) -> None:
    """Look at the next place of the key table: expire, shrink, forget an empty key."""
    base = prog[slot, SLOT_STATE]
    state = base + SLOT_HEAD
    part = base + mem[state] * PARTITION_WORDS
    i = mem[state + 1]
    if i >= mem[part + 1]:
        mem[state] = (mem[state] + 1) & 255
        mem[state + 1] = 0
        return
    held = mem[mem[part] + i]
    mem[state + 1] += 1
    if held == 0:
        return
    row = expire(mem, prog, slot, held & 0xFFFFFFFF, t)
    count, size = count_of(mem, row), cap_of(mem, row)
    if count == 0 and not prog[slot, RUNNING]:
        give_row(mem, prog, slot, row)
        mem[state + 1] = i
    elif size > 0 and (count == 0 or size >= 2 * count + 8):
        resize_small(mem, prog, slot, row, count)
