"""Pairs of (key, value) behind exact counts of distinct values.

Guards: a paged key of bounded windows has one pair for each value that it holds, naming the page of
the newest entry with it; an `all` slot counts the events of each value. 12 bytes a place; the word
of a pair mixes key, lane and value.
Not done here: small keys, which look through their entries instead (`insertion.py`).
"""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.events import (
    value_at,
)
from paywarden.risk.features.heap import (
    PAIRS,
    TABLE_WORDS,
    half_at,
    mix,
    set_half,
    table_find,
    table_part,
    table_put,
    table_remove,
    table_value,
)
from paywarden.risk.features.jit import (
    Word,
    Words,
    compiled,
)
from paywarden.risk.features.pages import (
    R_KEY,
)
from paywarden.risk.features.program import (
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
    RUNNING,
    SALT,
    SLOT_STATE,
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
        word = pair_word(mem, prog, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
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
def count_pairs(mem: Words, prog: Words, slot: Word, row: Word, p: Word) -> None:
    """Count the entry's values for the distinct counts of an `all` slot."""
    for lane in range(prog[slot, LANE_0], prog[slot, LANE_1]):
        if prog[lane, PAST_DISTINCT] < 0:
            continue
        if not (mem[p + prog[lane, L_WORD]] >> prog[lane, L_SHIFT]) & 1:
            continue
        word = pair_word(mem, prog, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
        base = pairs_of(prog, slot)
        at = table_find(mem, base, word)
        if at < 0:
            table_put(mem, base, word, 1)
            mem[PAIRS] += 1
            mem[row + prog[lane, PAST_DISTINCT]] += 1
        else:
            where = table_value(mem, table_part(base, word), at)
            set_half(mem, where, half_at(mem, where) + 1)


@compiled
def pair_count(mem: Words, prog: Words, slot: Word, row: Word, lane: Word, p: Word) -> Word:
    """Events of the entry's value under an `all` window of the key."""
    word = pair_word(mem, prog, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
    base = pairs_of(prog, slot)
    at = table_value(mem, table_part(base, word), table_find(mem, base, word))
    return half_at(mem, at)


@compiled
def forget_pair(mem: Words, prog: Words, slot: Word, row: Word, lane: Word, p: Word) -> None:
    """Count one event less for a pair of an `all` window."""
    word = pair_word(mem, prog, row, lane, value_at(mem, p, prog[lane, L_VALUE]))
    base = pairs_of(prog, slot)
    at = table_value(mem, table_part(base, word), table_find(mem, base, word))
    count = half_at(mem, at)
    if count > 1:
        set_half(mem, at, count - 1)
        return
    drop_pair(mem, prog, slot, word)
    mem[row + prog[lane, PAST_DISTINCT]] -= 1
