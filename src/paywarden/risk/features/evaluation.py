"""Reading the aggregates of one key of one slot at an instant.

Guards: a window is the tail of the key's events from its first instant on, so reading changes
nothing and needs no state per window. One event can be left out by its sequence number.
The meaning of every function is that of `plain.py`, bit for bit.
"""

from __future__ import annotations

from paywarden.core.instants import DAY_US
from paywarden.risk.features.aggregates.registry import (
    AVG,
    COUNT,
    DISTINCT,
    FIRST,
    LAST,
    MAX,
    MIN,
    SINCE_FIRST,
    SINCE_LAST,
    STDDEV,
    SUM,
)
from paywarden.risk.features.events import seq_of, value_at
from paywarden.risk.features.heap import FOLD, LIMBS, WINDOWS
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.pages import (
    D_COUNT,
    D_FIRST,
    D_PAGE,
    GREATEST_WORD,
    LEAST_WORD,
    R_BLOCK,
    R_SIZE,
    count_in,
    count_of,
    entry_at,
    find_first,
    find_last,
    fold_range,
    fold_start,
    head_of,
    merge,
    page_words,
    search_entry,
    search_page,
    tail_of,
)
from paywarden.risk.features.pairs import pair_count
from paywarden.risk.features.program import (
    A_OFFSET,
    A_SHIFT,
    A_WORD,
    ENTRY,
    G_COUNT,
    G_FUNCTION,
    G_LANE,
    G_MAIN,
    G_OUT,
    G_SECOND,
    G_VALUE,
    G_WINDOW,
    HORIZON,
    OP,
    PAST_DISTINCT,
    ROW,
    ROW_HEAD,
    RUNNING,
    W_DAILY,
    W_LENGTH,
    WIN_0,
    WIN_1,
)
from paywarden.risk.features.wide import average, bits_of, deviation
from paywarden.risk.features.withdrawal import find_seq, same_before

_M32 = 0xFFFFFFFF


@compiled
def tail_entry(mem: Words, base: Word, count: Word, width: Word, s: Word) -> Word:
    """Like `search_entry`, from the end in growing steps: most windows start near it."""
    high, step = count, 1
    while step <= high and mem[base + (high - step) * width] >= s:
        high -= step
        step <<= 1
    low = max(0, high - step)
    return low + search_entry(mem, base + low * width, high - low, width, s)


@compiled
def locate(mem: Words, prog: Words, slot: Word, row: Word, s: Word) -> Word:
    """Place (page, index) of the first entry at or after s."""
    width = prog[slot, ENTRY]
    if mem[row + R_SIZE] >= 0:
        return 0, tail_entry(mem, row + prog[slot, ROW], count_of(mem, row), width, s)
    d = tail_of(mem, row) - 1
    if mem[mem[row + R_BLOCK] + d * page_words(prog, slot) + D_FIRST] >= s:
        d = search_page(mem, prog, slot, row, s)
    at = mem[row + R_BLOCK] + d * page_words(prog, slot)
    count = mem[at + D_COUNT]
    i = tail_entry(mem, mem[at + D_PAGE], count, width, s)
    if i == count and d + 1 < tail_of(mem, row):
        return d + 1, 0
    return d, i


@compiled
def close_windows(mem: Words, prog: Words, slot: Word) -> None:
    """Forget where the windows of the slot start."""
    for w in range(prog[slot, WIN_1] - prog[slot, WIN_0]):
        mem[WINDOWS + 2 * w] = -1


@compiled
def open_window(mem: Words, prog: Words, slot: Word, row: Word, t: Word, number: Word) -> Word:
    """Note where a window of the slot starts, once; offset of the note."""
    at, w = WINDOWS + 2 * number, prog[slot, WIN_0] + number
    if mem[at] >= 0:
        return at
    if prog[slot, RUNNING]:
        mem[at] = 0 if mem[row + R_SIZE] >= 0 else head_of(mem, row)
        mem[at + 1] = 0
        return at
    length = prog[w, W_LENGTH]
    start = t - t % DAY_US - length + DAY_US if prog[w, W_DAILY] else t - length + 1
    mem[at], mem[at + 1] = locate(mem, prog, slot, row, start)
    return at


@compiled
def fold(mem: Words, prog: Words, slot: Word, row: Word, a: Word, window: Word, out: Word) -> None:
    """Fold an accumulator over a window, leaving out the entry at place `out` (or -1)."""
    fold_start(mem, prog[a, OP])
    d0, i0 = mem[window], mem[window + 1]
    small = mem[row + R_SIZE] >= 0
    d1 = 0 if small else tail_of(mem, row) - 1
    i1 = count_in(mem, prog, slot, row, d1)
    if out < 0 or out < ((d0 << 6) + i0):
        fold_range(mem, prog, slot, row, a, d0, i0, d1, i1)
    else:
        d, i = out >> 6, out & 63
        fold_range(mem, prog, slot, row, a, d0, i0, d, i)
        fold_range(mem, prog, slot, row, a, d, i + 1, d1, i1)
    if prog[slot, RUNNING]:
        merge(mem, prog[a, OP], FOLD, row + ROW_HEAD + prog[a, A_OFFSET])


@compiled
def find(
    mem: Words, prog: Words, slot: Word, row: Word, a: Word, window: Word, out: Word, last: Word
) -> Word:
    """First or last entry of a window with the bit of an accumulator: its offset, or -1."""
    d0, i0 = mem[window], mem[window + 1]
    d1 = 0 if mem[row + R_SIZE] >= 0 else tail_of(mem, row) - 1
    i1 = count_in(mem, prog, slot, row, d1)
    if out < 0 or out < ((d0 << 6) + i0):
        if last:
            return find_last(mem, prog, slot, row, a, d0, i0, d1, i1)
        return find_first(mem, prog, slot, row, a, d0, i0, d1, i1)
    d, i = out >> 6, out & 63
    if last:
        p = find_last(mem, prog, slot, row, a, d, i + 1, d1, i1)
        return p if p >= 0 else find_last(mem, prog, slot, row, a, d0, i0, d, i)
    p = find_first(mem, prog, slot, row, a, d0, i0, d, i)
    return p if p >= 0 else find_first(mem, prog, slot, row, a, d, i + 1, d1, i1)


@compiled
def edge(
    mem: Words, prog: Words, slot: Word, row: Word, g: Word, window: Word, out: Word, last: Word
) -> Word:
    """(found, s, value) of the first or last event of an aggregate."""
    p = find(mem, prog, slot, row, prog[g, G_COUNT], window, out, last)
    place = prog[g, G_VALUE]
    found = p >= 0
    s: Word = 0
    seq: Word = 0
    value: Word = 0
    if found:
        s, seq, value = mem[p], seq_of(mem, p), value_at(mem, p, place) if place >= 0 else 0
    if prog[slot, RUNNING]:
        past = row + ROW_HEAD + prog[prog[g, G_MAIN], A_OFFSET]
        if mem[past + 1] != 0:
            before = mem[past] < s or (mem[past] == s and mem[past + 1] < seq)
            if not found or before != (last != 0):
                found, s, value = True, mem[past], mem[past + 2]
    return found, s, value


@compiled
def different(
    mem: Words, prog: Words, slot: Word, row: Word, g: Word, window: Word, out: Word
) -> Word:
    """Distinct values of an aggregate."""
    lane, count = prog[g, G_LANE], prog[g, G_COUNT]
    excluded = out >= 0 and out >= ((mem[window] << 6) + mem[window + 1])
    p = entry_at(mem, prog, slot, row, out >> 6, out & 63) if excluded else 0
    if excluded and not (mem[p + prog[count, A_WORD]] >> prog[count, A_SHIFT]) & 1:
        excluded = False
    if prog[slot, RUNNING]:
        total = mem[row + prog[lane, PAST_DISTINCT]]
        if excluded and pair_count(mem, prog, slot, row, lane, p) == 1:
            total -= 1
        return total
    main = prog[g, G_MAIN]
    fold(mem, prog, slot, row, main, window, -1)
    total = mem[FOLD]
    if excluded and (mem[p + prog[main, A_WORD]] >> prog[main, A_SHIFT]) & 1:
        d0, i0 = mem[window], mem[window + 1]
        q, _ = same_before(mem, prog, slot, row, lane, p, out >> 6, d0, i0)
        if q < 0:
            total -= 1
    return total


@compiled
def compute(
    mem: Words, prog: Words, slot: Word, row: Word, g: Word, t: Word, window: Word, out: Word
) -> Word:
    """(present, word) of an aggregate of a key that has a row; doubles as their bits."""
    function, main = prog[g, G_FUNCTION], prog[g, G_MAIN]
    if function >= FIRST:
        last = function in (LAST, SINCE_LAST)
        found, s, value = edge(mem, prog, slot, row, g, window, out, 1 if last else 0)
        if function in (SINCE_FIRST, SINCE_LAST):
            value = (t - s) // 1_000_000
        return found, value
    if function == DISTINCT:
        total = different(mem, prog, slot, row, g, window, out)
        return total > 0, total
    if function == SUM:
        fold(mem, prog, slot, row, main, window, out)
        high, low = mem[FOLD] + (mem[FOLD + 1] >> 32), mem[FOLD + 1] & _M32
        return -(2**31) <= high < 2**31, (high << 32) | low
    if function in (MIN, MAX):
        fold(mem, prog, slot, row, main, window, out)
        found = mem[FOLD]
        if found != (GREATEST_WORD if function == MIN else LEAST_WORD):
            return True, found
    fold(mem, prog, slot, row, prog[g, G_COUNT], window, out)
    count = mem[FOLD]
    if function == COUNT:
        return True, count
    if count == 0:
        return False, 0
    if function in (MIN, MAX):
        return True, GREATEST_WORD if function == MIN else LEAST_WORD
    if function == STDDEV:
        fold(mem, prog, slot, row, prog[g, G_SECOND], window, out)
        for i in range(4):
            mem[LIMBS + 4 + i] = mem[FOLD + i]
    fold(mem, prog, slot, row, main, window, out)
    if function == AVG:
        return True, bits_of(mem, average(mem, mem[FOLD], mem[FOLD + 1], count))
    return True, bits_of(mem, deviation(mem, mem[FOLD], mem[FOLD + 1], count))


@compiled
def excluded_place(mem: Words, prog: Words, slot: Word, row: Word, t: Word, seq: Word) -> Word:
    """Place of the event to leave out, or -1."""
    place = find_seq(mem, prog, slot, row, seq) if seq > 0 else -1
    if place >= 0 and prog[slot, RUNNING]:
        p = entry_at(mem, prog, slot, row, place >> 6, place & 63)
        if mem[p] <= t - prog[slot, HORIZON]:
            return -1
    return place


@compiled
def number_of_few(
    mem: Words, prog: Words, g: Word, function: Word, first: Word, end: Word, width: Word
) -> Word:
    """(entries, high, low) of a count, sum or mean over entries of a row that lie side by side."""
    acc = prog[g, G_MAIN] if function == DISTINCT else prog[g, G_COUNT]
    word, shift, place = prog[acc, A_WORD], prog[acc, A_SHIFT], prog[g, G_VALUE]
    count, high, low = 0, 0, 0
    if function in (COUNT, DISTINCT):
        for p in range(first, end, width):
            count += (mem[p + word] >> shift) & 1
        return count, high, low
    for p in range(first, end, width):
        if (mem[p + word] >> shift) & 1:
            value = value_at(mem, p, place)
            count += 1
            high += value >> 32
            low += value & _M32
    return count, high, low


@compiled
def extreme_of_few(
    mem: Words, prog: Words, g: Word, function: Word, first: Word, end: Word, width: Word
) -> Word:
    """(found, word) of a least or greatest value over entries of a row."""
    acc, place = prog[g, G_COUNT], prog[g, G_VALUE]
    word, shift = prog[acc, A_WORD], prog[acc, A_SHIFT]
    found, least = False, function == MIN
    best: Word = 0
    for p in range(first, end, width):
        if (mem[p + word] >> shift) & 1:
            value = value_at(mem, p, place)
            if not found or (value < best) == least:
                found, best = True, value
    return found, best


@compiled
def compute_few(
    mem: Words, prog: Words, slot: Word, row: Word, g: Word, t: Word, window: Word
) -> Word:
    """`compute` for a small key of bounded windows that leaves no event out: one plain loop."""
    function, width = prog[g, G_FUNCTION], prog[slot, ENTRY]
    base = row + prog[slot, ROW]
    first, end = base + mem[window + 1] * width, base + count_of(mem, row) * width
    if function in (MIN, MAX):
        return extreme_of_few(mem, prog, g, function, first, end, width)
    if function >= FIRST or function == STDDEV:
        if first == end:
            return False, 0
        return compute(mem, prog, slot, row, g, t, window, -1)
    count, high, low = number_of_few(mem, prog, g, function, first, end, width)
    if function == COUNT:
        return True, count
    if function == DISTINCT:
        return count > 0, count
    if function == SUM:
        high, low = high + (low >> 32), low & _M32
        return -(2**31) <= high < 2**31, (high << 32) | low
    if count == 0:
        return False, 0
    return True, bits_of(mem, average(mem, high, low, count))


@compiled
def evaluate(
    mem: Words,
    prog: Words,
    slot: Word,
    row: Word,
    t: Word,
    g0: Word,
    g1: Word,
    place: Word,
    out: Words,
    valid: Words,
    column: Word,
) -> None:
    """Write aggregates g0 to g1 of a key (row 0: nothing counted yet) to a line of the output."""
    if row != 0 and g0 < g1:
        close_windows(mem, prog, slot)
    few = row != 0 and place < 0 and mem[row + R_SIZE] >= 0 and not prog[slot, RUNNING]
    for g in range(g0, g1):
        if row == 0:
            present, word = prog[g, G_FUNCTION] <= SUM, 0
        else:
            window = open_window(mem, prog, slot, row, t, prog[g, G_WINDOW])
            if few:
                present, word = compute_few(mem, prog, slot, row, g, t, window)
            else:
                present, word = compute(mem, prog, slot, row, g, t, window, place)
        out[column, prog[g, G_OUT]] = word
        valid[column, prog[g, G_OUT]] = 1 if present else 0
