"""Putting an event into the keys of a slot, in order of (s, seq).

Guards: an event that comes late is inserted where it belongs, and every summary and every
"newest of its value" bit is right afterwards. Growth moves one row of at most 64 entries or one
directory, never all events of a key.
Not done here: taking events away (`removal.py`), reading (`evaluation.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.events import (
    hold,
    seq_of,
    value_at,
)
from paywarden.risk.features.heap import (
    EVENTS,
    fill,
    give,
    half_at,
    shift_down,
    table_find,
    table_part,
    table_value,
    take_block,
)
from paywarden.risk.features.jit import (
    Word,
    Words,
    compiled,
)
from paywarden.risk.features.pages import (
    D_COUNT,
    D_FIRST,
    D_PAGE,
    D_SEQ_0,
    D_SEQ_1,
    D_SUMMARY,
    GROUPED,
    PAGE,
    R_BLOCK,
    R_SIZE,
    add_entry,
    cap_of,
    clear_summary,
    count_of,
    fold_away,
    head_of,
    page_words,
    search_entry,
    search_page,
    set_size,
    set_span,
    sum_group,
    sum_page,
    tail_of,
)
from paywarden.risk.features.pairs import (
    count_pairs,
    pair_word,
    pairs_of,
    point_page,
)
from paywarden.risk.features.program import (
    ENTRY,
    FLAG_LABEL,
    HORIZON,
    IN_FILTERS,
    IN_FLAGS,
    IN_S,
    IN_T,
    L_FIELD,
    L_FILTER,
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
    ROW,
    ROW_FIELDS,
    ROW_FILTERS,
    ROW_HEAD,
    RUNNING,
    SCRATCH,
    SUMMARY,
)
from paywarden.risk.features.removal import (
    expire,
)
from paywarden.risk.features.rows import (
    directory_words,
    make_row,
    resize_small,
    to_pages,
)
from paywarden.risk.features.withdrawal import (
    mark_newest,
)


@compiled
def build_entry(mem: Words, prog: Words, slot: Word, rows: Words, r: Word, event: Word) -> Word:
    """Write the entry of input row r into the scratch; 1 when any lane wants it."""
    p, wanted = prog[0, SCRATCH], 0
    fill(mem, p, prog[slot, ENTRY], 0)
    mem[p], mem[p + 1] = rows[r, IN_S], event << 32
    present = IN_FILTERS + prog[0, ROW_FILTERS] + prog[0, ROW_FIELDS]
    for lane in range(prog[slot, LANE_0], prog[slot, LANE_1]):
        test, field = prog[lane, L_FILTER], prog[lane, L_FIELD]
        if test >= 0 and not (rows[r, IN_FILTERS + (test >> 6)] >> (test & 63)) & 1:
            continue
        if field >= 0 and not (rows[r, present + (field >> 6)] >> (field & 63)) & 1:
            continue
        mem[p + prog[lane, L_WORD]] |= np.int64(1) << prog[lane, L_SHIFT]
        wanted = 1
    if wanted and prog[slot, RUNNING] and rows[r, IN_FLAGS] & FLAG_LABEL:
        mem[p + prog[slot, LABEL_WORD]] |= np.int64(1) << prog[slot, LABEL_SHIFT]
    return wanted


@compiled
def directory_room(mem: Words, prog: Words, slot: Word, row: Word) -> None:
    """Make sure that one more page fits into the directory."""
    size, head, tail = -cap_of(mem, row), head_of(mem, row), tail_of(mem, row)
    if tail < size:
        return
    pages, summary, directory = page_words(prog, slot), prog[slot, SUMMARY], mem[row + R_BLOCK]
    free = head & ~63 if size >= GROUPED else head
    larger, to = size, directory
    if free * 4 < size:
        larger = ((size + size // 2 + 63) >> 6) << 6 if size >= GROUPED else 2 * size
        to = take_block(mem, directory_words(prog, slot, larger))
    shift_down(mem, to, directory + free * pages, (size - free) * pages)
    if size >= GROUPED:
        groups = directory + size * pages + (free >> 6) * summary
        shift_down(mem, to + larger * pages, groups, ((size - free) >> 6) * summary)
    if to != directory:
        give(mem, directory, directory_words(prog, slot, size))
        mem[row + R_BLOCK] = to
        set_size(mem, row, -larger, count_of(mem, row))
    set_span(mem, row, head - free, tail - free)
    if size < GROUPED <= larger:
        sum_group(mem, prog, slot, row, 0)


@compiled
def make_space(mem: Words, prog: Words, slot: Word, row: Word, t: Word) -> Word:
    """Make sure that one more entry fits, dropping what is over first; the row of the key."""
    if mem[row + R_SIZE] < 0:
        last = mem[row + R_BLOCK] + (tail_of(mem, row) - 1) * page_words(prog, slot)
        if mem[last + D_COUNT] == PAGE:
            row = expire(mem, prog, slot, row, t)
    elif count_of(mem, row) == cap_of(mem, row):
        row = expire(mem, prog, slot, row, t)
    if mem[row + R_SIZE] >= 0 and count_of(mem, row) == cap_of(mem, row):
        count = count_of(mem, row)
        if count == PAGE:
            row = to_pages(mem, prog, slot, row)
        else:
            row = resize_small(mem, prog, slot, row, count + max(1, count // 4))
    if mem[row + R_SIZE] < 0:
        directory_room(mem, prog, slot, row)
    return row


@compiled
def find_newest(mem: Words, prog: Words, slot: Word, row: Word, lane: Word, value: Word) -> Word:
    """The newest entry of the key with this value: offset (or -1) and page."""
    width, word, shift = prog[slot, ENTRY], prog[lane, N_WORD], prog[lane, N_SHIFT]
    place, base, count = prog[lane, L_VALUE], row + prog[slot, ROW], count_of(mem, row)
    small = mem[row + R_SIZE] >= 0
    if not small:
        pair = pair_word(mem, prog, row, lane, value)
        table = pairs_of(prog, slot)
        at = table_find(mem, table, pair)
        if at < 0:
            return -1, 0
        base = half_at(mem, table_value(mem, table_part(table, pair), at))
        count = PAGE
    for p in range(base + (count - 1) * width, base - 1, -width):
        if (mem[p + word] >> shift) & 1 and value_at(mem, p, place) == value:
            return p, 0 if small else page_index(mem, prog, slot, row, mem[p], base)
    return -1, 0


@compiled
def page_index(mem: Words, prog: Words, slot: Word, row: Word, s: Word, page: Word) -> Word:
    """Directory index of the page that holds an entry with this s."""
    width, directory = page_words(prog, slot), mem[row + R_BLOCK]
    d = search_page(mem, prog, slot, row, s + 1)
    while mem[directory + d * width + D_PAGE] != page:
        d -= 1
    return d


@compiled
def split_page(mem: Words, prog: Words, slot: Word, row: Word, d: Word) -> None:
    """Move the upper half of a full page to a new page behind it."""
    width, entry, directory = page_words(prog, slot), prog[slot, ENTRY], mem[row + R_BLOCK]
    head, tail, half = head_of(mem, row), tail_of(mem, row), PAGE // 2
    page = take_block(mem, PAGE * entry)
    fill(mem, page, PAGE * entry, 0)
    for w in range((tail - d - 1) * width - 1, -1, -1):
        mem[directory + (d + 2) * width + w] = mem[directory + (d + 1) * width + w]
    set_span(mem, row, head, tail + 1)
    at = directory + d * width
    source = mem[at + D_PAGE] + half * entry
    shift_down(mem, page, source, half * entry)
    fill(mem, source, half * entry, 0)
    mem[at + D_COUNT] = half
    mem[at + width + D_PAGE], mem[at + width + D_COUNT] = page, half
    point_page(mem, prog, slot, row, page, half, page)
    sum_page(mem, prog, slot, row, d)
    sum_page(mem, prog, slot, row, d + 1)
    for group in range(d >> 6, (tail >> 6) + 1):
        sum_group(mem, prog, slot, row, group << 6)


@compiled
def append_page(mem: Words, prog: Words, slot: Word, row: Word) -> None:
    """Add an empty page at the end."""
    entry, tail = prog[slot, ENTRY], tail_of(mem, row)
    page = take_block(mem, PAGE * entry)
    fill(mem, page, PAGE * entry, 0)
    at = mem[row + R_BLOCK] + tail * page_words(prog, slot)
    mem[at + D_PAGE], mem[at + D_COUNT] = page, 0
    mem[at + D_SEQ_0], mem[at + D_SEQ_1] = 2**62, 0
    clear_summary(mem, prog, slot, at + D_SUMMARY)
    set_span(mem, row, head_of(mem, row), tail + 1)
    if (tail & 63) == 0 and cap_of(mem, row) <= -GROUPED:
        groups = mem[row + R_BLOCK] - cap_of(mem, row) * page_words(prog, slot)
        clear_summary(mem, prog, slot, groups + (tail >> 6) * prog[slot, SUMMARY])


@compiled
def place_in_pages(mem: Words, prog: Words, slot: Word, row: Word, p: Word) -> Word:
    """Copy the entry at p into its page; the page's offset."""
    width, entry, s = page_words(prog, slot), prog[slot, ENTRY], mem[p]
    d = tail_of(mem, row) - 1
    at = mem[row + R_BLOCK] + d * width
    count = mem[at + D_COUNT]
    if s >= mem[mem[at + D_PAGE] + (count - 1) * entry]:
        if count == PAGE:
            append_page(mem, prog, slot, row)
            d, count = d + 1, 0
        i = count
    else:
        d = search_page(mem, prog, slot, row, s + 1)
        at = mem[row + R_BLOCK] + d * width
        i = search_entry(mem, mem[at + D_PAGE], mem[at + D_COUNT], entry, s + 1)
        if mem[at + D_COUNT] == PAGE:
            split_page(mem, prog, slot, row, d)
            if i > PAGE // 2:
                d, i = d + 1, i - PAGE // 2
    at = mem[row + R_BLOCK] + d * width
    page = mem[at + D_PAGE]
    open_gap(mem, page, i, mem[at + D_COUNT], entry)
    shift_down(mem, page + i * entry, p, entry)
    mem[at + D_COUNT] += 1
    if i == 0:
        mem[at + D_FIRST] = s
    seq = seq_of(mem, p)
    mem[at + D_SEQ_0], mem[at + D_SEQ_1] = min(mem[at + D_SEQ_0], seq), max(mem[at + D_SEQ_1], seq)
    add_entry(mem, prog, slot, at + D_SUMMARY, p)
    if cap_of(mem, row) <= -GROUPED:
        groups = mem[row + R_BLOCK] - cap_of(mem, row) * width
        add_entry(mem, prog, slot, groups + (d >> 6) * prog[slot, SUMMARY], p)
    return page


@compiled
def open_gap(mem: Words, base: Word, i: Word, count: Word, width: Word) -> None:
    """Move entries i to count up by one."""
    for w in range(base + count * width - 1, base + i * width - 1, -1):
        mem[w + width] = mem[w]


@compiled
def place(mem: Words, prog: Words, slot: Word, row: Word, p: Word) -> None:
    """Copy the entry at p to its place in the order (s, seq)."""
    mem[row + R_SIZE] += 1
    mem[EVENTS] += 1
    hold(mem, p)
    if mem[row + R_SIZE] < 0:
        page = place_in_pages(mem, prog, slot, row, p)
        point_page(mem, prog, slot, row, p, 1, page)
        return
    width, base, count = prog[slot, ENTRY], row + prog[slot, ROW], count_of(mem, row) - 1
    i = count
    if count and mem[base + (count - 1) * width] > mem[p]:
        i = search_entry(mem, base, count, width, mem[p] + 1)
        open_gap(mem, base, i, count, width)
    shift_down(mem, base + i * width, p, width)


@compiled
def take_over(mem: Words, prog: Words, slot: Word, row: Word, p: Word) -> None:
    """Make the entry the newest of its values, unless a later one is there."""
    for lane in range(prog[slot, LANE_0], prog[slot, LANE_1]):
        if prog[lane, N_ACC] < 0 or not (mem[p + prog[lane, L_WORD]] >> prog[lane, L_SHIFT]) & 1:
            continue
        q, d = find_newest(mem, prog, slot, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
        if q >= 0 and mem[q] > mem[p]:
            continue
        if q >= 0:
            mark_newest(mem, prog, slot, row, lane, q, d, -1)
        mem[p + prog[lane, N_WORD]] |= np.int64(1) << prog[lane, N_SHIFT]


@compiled
def add_event(
    mem: Words, prog: Words, slot: Word, row: Word, key: Word, rows: Words, r: Word, event: Word
) -> Word:
    """Count input row r for a key (row 0: it has none yet); its row, 0 when nothing wants it."""
    if not build_entry(mem, prog, slot, rows, r, event):
        return row
    p, t = prog[0, SCRATCH], rows[r, IN_T]
    over = mem[p] <= t - prog[slot, HORIZON]
    if over and not prog[slot, RUNNING]:
        return row
    if row == 0:
        row = make_row(mem, prog, slot, key)
    if prog[slot, RUNNING]:
        count_pairs(mem, prog, slot, row, p)
        if over and not rows[r, IN_FLAGS] & FLAG_LABEL:
            fold_away(mem, prog, slot, row, p, row + ROW_HEAD)
            return row
        row = make_space(mem, prog, slot, row, t)
    else:
        row = make_space(mem, prog, slot, row, t)
        take_over(mem, prog, slot, row, p)
    place(mem, prog, slot, row, p)
    return row
