"""Taking events away from a key: expiry, the sweep that gives memory back, withdrawn labels.

Guards: bounded windows forget what no window can see any more; `all` windows first add it to the
running totals of the key and keep labels, because a label can be withdrawn at any age. The sweep
looks at one place of each key table per event, so its work and its result depend on the log alone.
Not done here: putting events in (`insertion.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.heap import (
    EVENTS,
    KEYS,
    PAIRS,
    PARTITION_WORDS,
    TABLE_WORDS,
    class_words,
    fill,
    give,
    half_at,
    mix,
    set_half,
    size_class,
    table_find,
    table_part,
    table_put,
    table_remove,
    table_value,
    take_block,
)
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.pages import (
    D_COUNT,
    D_PAGE,
    D_SEQ_0,
    D_SEQ_1,
    D_SUMMARY,
    GROUPED,
    PAGE,
    R_BLOCK,
    R_CAP,
    R_COUNT,
    R_KEPT,
    R_KEY,
    SEQ_SHIFT,
    count_in,
    entry_at,
    fold_away,
    head_of,
    page_words,
    set_span,
    sum_group,
    sum_page,
    tail_of,
)
from paywarden.risk.features.program import (
    A_OFFSET,
    ENTRY,
    HORIZON,
    L_SHIFT,
    L_VALUE,
    L_WORD,
    LABEL_SHIFT,
    LABEL_WORD,
    LANE_0,
    LANE_1,
    N_ACC,
    N_SHIFT,
    N_WORD,
    PAST_DISTINCT,
    ROW,
    ROW_HEAD,
    RUNNING,
    SALT,
    SLOT_HEAD,
    SLOT_STATE,
    SUMMARY,
)


@compiled
def pair_word(mem: Words, prog: Words, row: Word, lane: Word, value: Word) -> Word:
    """Word of (key, lane, value) in the pair table."""
    inner = np.int64(mix(mem[row + R_KEY] + prog[lane, SALT]))
    word = np.int64(mix(inner ^ value))
    return word if word != 0 else 1


@compiled
def pairs_of(prog: Words, slot: Word) -> Word:
    """Base of the pair table of a slot."""
    return prog[slot, SLOT_STATE] + TABLE_WORDS


@compiled
def set_pair(mem: Words, prog: Words, slot: Word, word: Word, value: Word) -> None:
    """Set the value of a pair, adding it when it is new."""
    base = pairs_of(prog, slot)
    at = table_find(mem, base, word)
    if at < 0:
        table_put(mem, base, word, value)
        mem[PAIRS] += 1
        return
    set_half(mem, table_value(mem, table_part(base, word), at), value)


@compiled
def drop_pair(mem: Words, prog: Words, slot: Word, word: Word) -> None:
    """Remove a pair that is in the table."""
    table_remove(mem, pairs_of(prog, slot), word)
    mem[PAIRS] -= 1


@compiled
def point_pairs(mem: Words, prog: Words, slot: Word, row: Word, p: Word, page: Word) -> None:
    """Let the pairs of which the entry at p is the newest name its page; -1 drops them."""
    for lane in range(prog[slot, LANE_0], prog[slot, LANE_1]):
        if prog[lane, N_ACC] < 0 or not (mem[p + prog[lane, N_WORD]] >> prog[lane, N_SHIFT]) & 1:
            continue
        word = pair_word(mem, prog, row, lane, mem[p + prog[lane, L_VALUE]])
        if page < 0:
            drop_pair(mem, prog, slot, word)
        else:
            set_pair(mem, prog, slot, word, page)


@compiled
def point_page(
    mem: Words, prog: Words, slot: Word, row: Word, base: Word, count: Word, page: Word
) -> None:
    """`point_pairs` for count entries at base."""
    if prog[slot, RUNNING]:
        return
    width = prog[slot, ENTRY]
    for p in range(base, base + count * width, width):
        point_pairs(mem, prog, slot, row, p, page)


@compiled
def is_label(mem: Words, prog: Words, slot: Word, p: Word) -> Word:
    """1 when the entry must stay because it is a label of an `all` slot."""
    if not prog[slot, RUNNING]:
        return 0
    return (mem[p + prog[slot, LABEL_WORD]] >> prog[slot, LABEL_SHIFT]) & 1


@compiled
def shift_down(mem: Words, to: Word, source: Word, words: Word) -> None:
    """Copy words to a lower place; the two may overlap."""
    for k in range(words):
        mem[to + k] = mem[source + k]


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
        elif prog[slot, RUNNING]:
            fold_away(mem, prog, slot, row, p, row + ROW_HEAD)
        i += 1
    if i > kept:
        shift_down(mem, base + kept * width, base + i * width, (count - i) * width)
    gone = i - kept
    mem[row + R_COUNT] -= gone
    mem[EVENTS] -= gone
    return count - gone


@compiled
def directory_words(prog: Words, slot: Word, size: Word) -> Word:
    """Words of a directory for so many pages."""
    return size * page_words(prog, slot) + (size >> 6) * prog[slot, SUMMARY]


@compiled
def to_small(mem: Words, prog: Words, slot: Word, row: Word) -> None:
    """Turn a paged key with at most one page into a small one."""
    head, tail, directory = head_of(mem, row), tail_of(mem, row), mem[row + R_BLOCK]
    block, size = 0, 0
    if head < tail:
        at = directory + head * page_words(prog, slot)
        block, size = mem[at + D_PAGE], PAGE
        point_page(mem, prog, slot, row, block, mem[at + D_COUNT], -1)
    give(mem, directory, directory_words(prog, slot, -mem[row + R_CAP]))
    mem[row + R_BLOCK], mem[row + R_CAP] = block, size
    set_span(mem, row, 0, 0)
    mem[row + R_KEPT] = 0


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
def expire_pages(mem: Words, prog: Words, slot: Word, row: Word, horizon: Word) -> None:
    """Give back the pages that are over; labels of `all` slots gather in the first pages."""
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
        return
    if prog[slot, RUNNING]:
        for group in range(first >> 6, ((k - 1) >> 6) + 1):
            sum_group(mem, prog, slot, row, group << 6)
    head = head_of(mem, row)
    if tail - head == 0 or (tail - head == 1 and mem[row + R_COUNT] <= PAGE // 2):
        to_small(mem, prog, slot, row)


@compiled
def expire(mem: Words, prog: Words, slot: Word, row: Word, t: Word) -> None:
    """Drop what no window of the slot can see at t or later."""
    horizon = t - prog[slot, HORIZON]
    if mem[row + R_CAP] < 0:
        expire_pages(mem, prog, slot, row, horizon)
    elif mem[row + R_COUNT] > 0:
        compact(mem, prog, slot, row, mem[row + R_BLOCK], mem[row + R_COUNT], horizon)


@compiled
def resize_small(mem: Words, prog: Words, slot: Word, row: Word, wanted: Word) -> None:
    """Move the block of a small key to one for at least so many entries."""
    width, block, size = prog[slot, ENTRY], mem[row + R_BLOCK], mem[row + R_CAP]
    larger, to = 0, 0
    if wanted > 0:
        wanted = PAGE if wanted > 48 else wanted
        larger = min(PAGE, class_words(size_class(wanted * width)) // width)
        to = take_block(mem, larger * width)
        shift_down(mem, to, block, mem[row + R_COUNT] * width)
    if size > 0:
        give(mem, block, size * width)
    mem[row + R_BLOCK], mem[row + R_CAP] = to, larger


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
    word = mem[mem[part] + i]
    mem[state + 1] += 1
    if word == 0:
        return
    row = half_at(mem, table_value(mem, part, mem[part] + i))
    expire(mem, prog, slot, row, t)
    count, size = mem[row + R_COUNT], mem[row + R_CAP]
    if count == 0 and not prog[slot, RUNNING]:
        if size > 0:
            give(mem, mem[row + R_BLOCK], size * prog[slot, ENTRY])
        table_remove(mem, base, word)
        give(mem, row, prog[slot, ROW])
        mem[KEYS] -= 1
        mem[state + 1] = i
    elif size > 0 and (count == 0 or size >= 2 * count + 8):
        resize_small(mem, prog, slot, row, count)


@compiled
def find_seq(mem: Words, prog: Words, slot: Word, row: Word, seq: Word) -> Word:
    """Place of an event as page << 6 | index, or -1."""
    width = prog[slot, ENTRY]
    small = mem[row + R_CAP] >= 0
    first, end = (0, 1) if small else (head_of(mem, row), tail_of(mem, row))
    for d in range(end - 1, first - 1, -1):
        if not small:
            at = mem[row + R_BLOCK] + d * page_words(prog, slot)
            if seq < mem[at + D_SEQ_0] or seq > mem[at + D_SEQ_1]:
                continue
        base = entry_at(mem, prog, slot, row, d, 0)
        for i in range(count_in(mem, prog, slot, row, d)):
            if mem[base + i * width + 1] >> SEQ_SHIFT == seq:
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
    if mem[row + R_CAP] < 0:
        offset = prog[prog[lane, N_ACC], A_OFFSET]
        pages, directory = page_words(prog, slot), mem[row + R_BLOCK]
        mem[directory + d * pages + D_SUMMARY + offset] += sign
        if mem[row + R_CAP] > -GROUPED:
            return
        groups = directory - mem[row + R_CAP] * pages
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
    place = prog[lane, L_VALUE]
    for page in range(d, d0 - 1, -1):
        base = entry_at(mem, prog, slot, row, page, 0)
        first = base + (i0 if page == d0 else 0) * width
        end = p if page == d else base + count_in(mem, prog, slot, row, page) * width
        for q in range(end - width, first - 1, -width):
            if (mem[q + word] >> shift) & 1 and mem[q + place] == mem[p + place]:
                return q, page
    return -1, 0


@compiled
def forget_values(mem: Words, prog: Words, slot: Word, row: Word, p: Word, d: Word) -> None:
    """Take an entry out of every distinct count."""
    first = 0 if mem[row + R_CAP] >= 0 else head_of(mem, row)
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
        if mem[row + R_CAP] < 0:
            word = pair_word(mem, prog, row, lane, mem[p + prog[lane, L_VALUE]])
            if q >= 0:
                set_pair(mem, prog, slot, word, entry_at(mem, prog, slot, row, page, 0))
            else:
                drop_pair(mem, prog, slot, word)


@compiled
def pair_count(mem: Words, prog: Words, slot: Word, row: Word, lane: Word, p: Word) -> Word:
    """Events of the entry's value under an `all` window of the key."""
    word = pair_word(mem, prog, row, lane, mem[p + prog[lane, L_VALUE]])
    base = pairs_of(prog, slot)
    at = table_value(mem, table_part(base, word), table_find(mem, base, word))
    return half_at(mem, at)


@compiled
def forget_pair(mem: Words, prog: Words, slot: Word, row: Word, lane: Word, p: Word) -> None:
    """Count one event less for a pair of an `all` window."""
    word = pair_word(mem, prog, row, lane, mem[p + prog[lane, L_VALUE]])
    base = pairs_of(prog, slot)
    at = table_value(mem, table_part(base, word), table_find(mem, base, word))
    count = half_at(mem, at)
    if count > 1:
        set_half(mem, at, count - 1)
        return
    drop_pair(mem, prog, slot, word)
    mem[row + prog[lane, PAST_DISTINCT]] -= 1


@compiled
def retract(mem: Words, prog: Words, slot: Word, row: Word, seq: Word) -> None:
    """Take the event back, if the key still holds it."""
    place = find_seq(mem, prog, slot, row, seq)
    if place < 0:
        return
    d, i, width = place >> 6, place & 63, prog[slot, ENTRY]
    p = entry_at(mem, prog, slot, row, d, i)
    forget_values(mem, prog, slot, row, p, d)
    count = count_in(mem, prog, slot, row, d)
    shift_down(mem, p, p + width, (count - i - 1) * width)
    last = p + (count - i - 1) * width
    fill(mem, last, width, 0)
    mem[row + R_COUNT] -= 1
    mem[EVENTS] -= 1
    if mem[row + R_CAP] >= 0:
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
