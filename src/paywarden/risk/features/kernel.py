"""The three doors of the compiled store: run rows, look at keys, take a label back.

Guards: online and batch pass through the same code, so a back-test sees what a live decision saw.
`run` stops before a row for which memory was not reserved and says where to go on. Order within a
row, slot by slot: aggregates that exclude the present event, counting it, the other aggregates.
"""

from __future__ import annotations

from paywarden.risk.features.ahead import expect_first, expect_next, key_word
from paywarden.risk.features.evaluation import evaluate, excluded_place
from paywarden.risk.features.events import let_go, write_event
from paywarden.risk.features.heap import LARGEST_BLOCK, LARGEST_TABLE, TOP
from paywarden.risk.features.insertion import add_event
from paywarden.risk.features.jit import Word, Words, compiled, door
from paywarden.risk.features.program import (
    AGG_0,
    AGG_1,
    AGG_CUT,
    G_OUT,
    IN_T,
    RESERVE_BLOCKS,
    RESERVE_TABLES,
    SLOTS,
)
from paywarden.risk.features.removal import sweep
from paywarden.risk.features.rows import find_row
from paywarden.risk.features.withdrawal import retract


def reserve_words(mem: Words, prog: Words) -> int:
    """Words that one row can need at most."""
    blocks = 2 * prog[0, RESERVE_BLOCKS] * mem[LARGEST_BLOCK]
    return int(blocks + 2 * prog[0, RESERVE_TABLES] * mem[LARGEST_TABLE] + 1024)


reserve = compiled(reserve_words)


@compiled
def absent(prog: Words, slot: Word, out: Words, valid: Words, column: Word) -> None:
    """The aggregates of a slot whose key is absent."""
    for g in range(prog[slot, AGG_0], prog[slot, AGG_1]):
        out[column, prog[g, G_OUT]] = 0
        valid[column, prog[g, G_OUT]] = 0


@door
def run(
    mem: Words,
    prog: Words,
    rows: Words,
    columns: Words,
    out: Words,
    valid: Words,
    start: Word,
    stop: Word,
) -> Word:
    """Count rows start to stop; read those with a column >= 0. The next row to do."""
    expect_first(mem, prog, rows, start, stop)
    for r in range(start, stop):
        if mem.size - mem[TOP] < reserve(mem, prog):
            return r
        expect_next(mem, prog, rows, r, stop)
        column, t = columns[r], rows[r, IN_T]
        event = write_event(mem, prog, rows, r)
        for slot in range(1, prog[0, SLOTS] + 1):
            sweep(mem, prog, slot, t)
            key = key_word(prog, slot, rows, r)
            if key == 0:
                if column >= 0:
                    absent(prog, slot, out, valid, column)
                continue
            row = find_row(mem, prog, slot, key)
            first, cut, end = prog[slot, AGG_0], prog[slot, AGG_CUT], prog[slot, AGG_1]
            if column >= 0:
                evaluate(mem, prog, slot, row, t, first, cut, -1, out, valid, column)
            row = add_event(mem, prog, slot, row, key, rows, r, event)
            if column >= 0:
                evaluate(mem, prog, slot, row, t, cut, end, -1, out, valid, column)
        let_go(mem, prog, event)
    return stop


@door
def look(mem: Words, prog: Words, rows: Words, out: Words, valid: Words, excluded: Word) -> None:
    """Read the keys of row 0 at its t, leaving out one event where aggregates say so."""
    t = rows[0, IN_T]
    expect_first(mem, prog, rows, 0, 1)
    for slot in range(1, prog[0, SLOTS] + 1):
        key = key_word(prog, slot, rows, 0)
        if key == 0:
            absent(prog, slot, out, valid, 0)
            continue
        row = find_row(mem, prog, slot, key)
        first, cut, end = prog[slot, AGG_0], prog[slot, AGG_CUT], prog[slot, AGG_1]
        place = -1
        if row != 0 and first < cut:
            place = excluded_place(mem, prog, slot, row, t, excluded)
        evaluate(mem, prog, slot, row, t, first, cut, place, out, valid, 0)
        evaluate(mem, prog, slot, row, t, cut, end, -1, out, valid, 0)


@door
def take_back(mem: Words, prog: Words, rows: Words, seq: Word) -> Word:
    """Retract the event seq from the keys of row 0; 0 when memory has to be reserved first."""
    if mem.size - mem[TOP] < reserve(mem, prog):
        return 0
    for slot in range(1, prog[0, SLOTS] + 1):
        key = key_word(prog, slot, rows, 0)
        row = find_row(mem, prog, slot, key) if key != 0 else 0
        if row != 0:
            retract(mem, prog, slot, row, seq)
    return 1
