"""Bringing the keys of rows to come into the cache before their turn.

Guards: answers never depend on it. A payment touches a place of a table and a row for each slot,
scattered over all of the memory: one after the other each waits for the last, asked for together
they do not. Places are asked for some rows ahead, then, the places being there, the rows.
Not done here: the look-ups themselves (`keys.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from paywarden.risk.features.heap import mix
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.keys import key_part
from paywarden.risk.features.program import (
    IN_KEYS,
    KEY_0,
    KEY_1,
    KEY_2,
    SLOT_STATE,
    SLOTS,
)

PLACES_AHEAD = 12
ROWS_AHEAD = 6
_LINE_WORDS = 8
_HALF = np.uint64(32)
_M32 = 0xFFFFFFFF


def _touch(_typing: Any, mem: Any, at: Any) -> Any:
    """Ask for the cache line of a word; the word need not be used."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(array.data, [args[1]]), byte)
        number = ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], shape)
        builder.call(prefetch, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(mem, at), emit


touch: Any = intrinsic(_touch)


@compiled
def key_word(prog: Words, slot: Word, rows: Words, r: Word) -> Word:
    """The key of a slot in an input row, 0 when a part is absent; equals `digests.combined`."""
    word = rows[r, IN_KEYS + prog[slot, KEY_0]]
    for k in range(KEY_1, KEY_2 + 1):
        if prog[slot, k] >= 0:
            part = rows[r, IN_KEYS + prog[slot, k]]
            if word == 0 or part == 0:
                return 0
            word = np.int64(mix(np.int64(mix(word)) ^ part))
            if word == 0:
                word = 1
    return word


@compiled
def expected_place(mem: Words, base: Word, key: Word) -> Word:
    """Offset of the first place at which a key may be, or 0."""
    part = key_part(base, key)
    if mem[part + 1] == 0:
        return 0
    return mem[part] + ((np.int64(mix(key) >> _HALF) * mem[part + 1]) >> 32)


@compiled
def expect_places(mem: Words, prog: Words, rows: Words, r: Word) -> None:
    """Ask for the places of the keys of input row r."""
    for slot in range(1, prog[0, SLOTS] + 1):
        touch(mem, expected_place(mem, prog[slot, SLOT_STATE], key_word(prog, slot, rows, r)))


@compiled
def expect_rows(mem: Words, prog: Words, rows: Words, r: Word) -> None:
    """Ask for the beginnings of the rows of the keys of input row r."""
    for slot in range(1, prog[0, SLOTS] + 1):
        key = key_word(prog, slot, rows, r)
        at, tag = expected_place(mem, prog[slot, SLOT_STATE], key), np.int64(mix(key) >> _HALF)
        for place in range(at, min(at + 4, mem.size)):
            if (mem[place] >> 32) & _M32 == tag:
                row = mem[place] & _M32
                touch(mem, row)
                touch(mem, row + _LINE_WORDS)
                break


@compiled
def expect_first(mem: Words, prog: Words, rows: Words, start: Word, stop: Word) -> None:
    """Ask for all that the first rows of a run need."""
    for r in range(start, min(start + PLACES_AHEAD, stop)):
        expect_places(mem, prog, rows, r)
    for r in range(start, min(start + ROWS_AHEAD, stop)):
        expect_rows(mem, prog, rows, r)


@compiled
def expect_next(mem: Words, prog: Words, rows: Words, r: Word, stop: Word) -> None:
    """Ask for what later rows of a run need while row r is being done."""
    if r + PLACES_AHEAD < stop:
        expect_places(mem, prog, rows, r + PLACES_AHEAD)
    if r + ROWS_AHEAD < stop:
        expect_rows(mem, prog, rows, r + ROWS_AHEAD)
