"""A window plan as numbers: what the compiled store reads, and how a row of input is laid out.

Guards: one table of int64 describes slots, lanes, accumulators, aggregates and windows, so the
machine code is the same for every policy and is compiled once.

- slot: aggregates with the same keys; `all` windows apart (they fold events into running totals).
- lane: one (filter, field) pair; each entry of a key carries one bit per lane, and a second one
  ("newest of its value") where an exact `distinct` needs it.
- accumulator: something that is added up over entries, pages and groups of pages.

Entry of a key, in words: s, event << 32 | 32 bits, further words of 64 bits (`events.py`).
Input row, in words: seq, t, s, flags, keys, filter bits, field values, presence bits.
Not done here: checking the policy (`plan.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.risk.features.aggregates import registry as functions
from paywarden.risk.features.catalogue import OBSERVED, Storage
from paywarden.risk.features.heap import TABLE_WORDS, WINDOWS
from paywarden.risk.features.jit import Words
from paywarden.risk.features.observation import KEY_COUNT
from paywarden.risk.features.plan import EXCLUSION_HOLD_US, PlannedAggregate, WindowPlan

WIDTH = 24
# Row 0 of the program.
SLOTS, ROW_FILTERS, ROW_FIELDS, SCRATCH, RESERVE_BLOCKS, RESERVE_TABLES, EVENT_WORDS = range(7)
# A slot.
(
    KEY_0,
    KEY_1,
    KEY_2,
    ENTRY,
    ROW,
    SUMMARY,
    HORIZON,
    RUNNING,
    LANE_0,
    LANE_1,
    ACC_0,
    ACC_1,
    AGG_0,
    AGG_1,
    WIN_0,
    WIN_1,
    AGG_CUT,
    LABEL_WORD,
    LABEL_SHIFT,
    EXTRA,
    SLOT_STATE,
    DISTINCT_LANES,
) = range(22)
# A lane.
L_FILTER, L_FIELD, L_WORD, L_SHIFT, N_WORD, N_SHIFT, L_VALUE, N_ACC, SALT, PAST_DISTINCT = range(10)
# An accumulator.
OP, A_WORD, A_SHIFT, A_VALUE, A_OFFSET = range(5)
COUNTS, SUMS, SQUARES, LEAST, GREATEST, EARLIEST, LATEST, DIFFERENT = range(8)
OP_WORDS = (1, 2, 4, 1, 1, 3, 3, 1)
# An aggregate.
G_OUT, G_FUNCTION, G_WINDOW, G_COUNT, G_MAIN, G_SECOND, G_VALUE, G_LANE = range(8)
# A window.
W_DAILY, W_LENGTH = range(2)

IN_SEQ, IN_T, IN_S, IN_FLAGS, IN_KEYS = range(5)
IN_FILTERS = IN_KEYS + KEY_COUNT
FLAG_LABEL = 1

ROW_HEAD = 5
"""Words of a row before its running totals (`pages.py`); bounded slots put entries after two."""
SLOT_HEAD = 2 * TABLE_WORDS
SLOT_WORDS = SLOT_HEAD + 8
_SALTS = 0x5851F42D4C957F2D


@dataclass(slots=True)
class _Lane:
    filter: int
    of: int
    newest: bool = False
    ops: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Program:
    """The table, the layout of an input row, and where the state begins.

    `fields`: indexes in OBSERVED whose values a row carries; `row_words`: words of a row;
    `pack`: the same layout as a struct; `head_words`: words of the heap before blocks.
    """

    table: Words
    fields: tuple[int, ...]
    filter_words: int
    present_words: int
    row_words: int
    head_words: int
    pack: struct.Struct

    @property
    def fields_at(self) -> int:
        """First word of field values in an input row."""
        return IN_FILTERS + self.filter_words


def compile_program(plan: WindowPlan) -> Program:
    """The numbers of a plan; pure."""
    fields = tuple(sorted({a.of for a in plan.aggregates if a.of >= 0}))
    filter_words = -(-len(plan.filters) // 64)
    present_words = -(-len(fields) // 64)
    grouped: dict[tuple[bool, tuple[int, ...]], list[int]] = {}
    for index, each in enumerate(plan.aggregates):
        grouped.setdefault((each.window_us is None, each.kinds), []).append(index)
    rows: list[list[int]] = [[] for _ in range(1 + len(grouped))]
    scratch = WINDOWS + 2 * (1 + len(plan.aggregates))
    state = scratch + 8 + len(plan.aggregates) // 32 + len(fields)
    for number, ((running, kinds), members) in enumerate(grouped.items(), 1):
        rows[number] = _slot(plan, rows, kinds, running, members, fields)
        rows[number][SLOT_STATE] = state + (number - 1) * SLOT_WORDS
    lanes = sum(rows[number][DISTINCT_LANES] for number in range(1, len(grouped) + 1))
    rows[0] = [
        len(grouped),
        filter_words,
        len(fields),
        scratch,
        8 * len(grouped),
        4 * len(grouped) + 70 * lanes,
        1 + len(fields),
    ]
    table = np.zeros((len(rows), WIDTH), np.int64)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    layout = f"<4q{KEY_COUNT}Q{filter_words}Q{_codes(fields)}{present_words}Q"
    words = 4 + KEY_COUNT + filter_words + len(fields) + present_words
    return Program(
        table=table,
        fields=fields,
        filter_words=filter_words,
        present_words=present_words,
        row_words=words,
        head_words=state + len(grouped) * SLOT_WORDS,
        pack=struct.Struct(layout),
    )


def _codes(fields: Sequence[int]) -> str:
    return "".join("Q" if OBSERVED[f].storage == "hash" else "q" for f in fields)


def _slot(
    plan: WindowPlan,
    rows: list[list[int]],
    kinds: tuple[int, ...],
    running: bool,
    members: Sequence[int],
    fields: Sequence[int],
) -> list[int]:
    aggregates = [plan.aggregates[i] for i in members]
    lanes = _lanes(aggregates, running)
    newest = sum(lane.newest for lane in lanes.values())
    bits = len(lanes) + newest + running
    extra = max(0, -(-(bits - 32) // 64))
    places = {of: 1 + position for position, of in enumerate(fields)}
    slot = [0] * 22
    slot[KEY_0 : KEY_0 + 3] = [*kinds, -1, -1][:3]
    slot[ENTRY], slot[RUNNING], slot[EXTRA] = 2 + extra, int(running), extra
    slot[HORIZON] = _horizon(aggregates, running)
    summary, accumulators, described = _lane_rows(lanes, places, fields, running, len(rows))
    slot[LANE_0], slot[LANE_1] = len(rows), len(rows) + len(described)
    slot[ACC_0] = slot[LANE_1]
    slot[ACC_1] = slot[ACC_0] + len(accumulators)
    rows.extend(described)
    rows.extend([*key[1:], offset] for key, offset in accumulators)
    slot[SUMMARY], slot[ROW] = summary, ROW_HEAD + summary if running else 2
    slot[DISTINCT_LANES] = sum(DIFFERENT in lane.ops for lane in lanes.values())
    slot[LABEL_WORD], slot[LABEL_SHIFT] = _bit(bits - 1)
    _aggregate_rows(rows, slot, plan, members, lanes, places, accumulators)
    return slot


def _lanes(aggregates: Sequence[PlannedAggregate], running: bool) -> dict[tuple[int, int], _Lane]:
    lanes: dict[tuple[int, int], _Lane] = {}
    for each in aggregates:
        lane = lanes.setdefault((each.where, each.of), _Lane(each.where, each.of))
        lane.ops.add(COUNTS)
        lane.ops.update(_NEEDS.get(each.function, ()))
        if running:
            lane.ops.update(_RUNNING_NEEDS.get(each.function, ()))
        lane.newest |= each.function == functions.DISTINCT and not running
    return lanes


_NEEDS: dict[int, tuple[int, ...]] = {
    functions.SUM: (SUMS,),
    functions.AVG: (SUMS,),
    functions.STDDEV: (SUMS, SQUARES),
    functions.MIN: (LEAST,),
    functions.MAX: (GREATEST,),
    functions.DISTINCT: (DIFFERENT,),
    functions.FIRST: (EARLIEST,),
    functions.LAST: (LATEST,),
}
_RUNNING_NEEDS: dict[int, tuple[int, ...]] = {
    functions.SINCE_FIRST: (EARLIEST,),
    functions.SINCE_LAST: (LATEST,),
}
_PAGED_OPS = frozenset((COUNTS, SUMS, SQUARES, LEAST, GREATEST))


def _bit(position: int) -> tuple[int, int]:
    """Word of the entry and shift of a bit."""
    if position < 32:
        return 1, position
    return 2 + (position - 32) // 64, (position - 32) % 64


def _horizon(aggregates: Sequence[PlannedAggregate], running: bool) -> int:
    if running:
        return EXCLUSION_HOLD_US if any(a.exclude_current for a in aggregates) else 0
    return max(a.window_us or DAY_US for a in aggregates)


_AccKey = tuple[tuple[int, int, str], int, int, int, int]


def _lane_rows(
    lanes: dict[tuple[int, int], _Lane],
    places: dict[int, int],
    fields: Sequence[int],
    running: bool,
    first: int,
) -> tuple[int, list[tuple[_AccKey, int]], list[list[int]]]:
    """Summary words, accumulators with their offsets, and the rows of the lanes."""
    offset, position = 0, 0
    accumulators: list[tuple[_AccKey, int]] = []
    described: list[list[int]] = []
    for name, lane in lanes.items():
        word, shift = _bit(position)
        position += 1
        value = places.get(lane.of, -1)
        row = [lane.filter, fields.index(lane.of) if lane.of >= 0 else -1, word, shift]
        row += [-1, -1, value, -1, _salt(len(described)), -1]
        for op in sorted(lane.ops):
            if op in _PAGED_OPS or running:
                if op == DIFFERENT:
                    row[PAST_DISTINCT] = ROW_HEAD + offset
                accumulators.append((((*name, ""), op, word, shift, value), offset))
                offset += OP_WORDS[op]
        if lane.newest:
            row[N_WORD], row[N_SHIFT] = _bit(position)
            position += 1
            row[N_ACC] = first + len(lanes) + len(accumulators)
            newest: _AccKey = ((*name, "newest"), COUNTS, row[N_WORD], row[N_SHIFT], value)
            accumulators.append((newest, offset))
            offset += 1
        described.append(row)
    return offset, accumulators, described


def _salt(lane: int) -> int:
    return (_SALTS * (2 * lane + 1)) % (1 << 63)


def _aggregate_rows(
    rows: list[list[int]],
    slot: list[int],
    plan: WindowPlan,
    members: Sequence[int],
    lanes: dict[tuple[int, int], _Lane],
    places: dict[int, int],
    accumulators: list[tuple[_AccKey, int]],
) -> None:
    found = {(key[0], key[1]): slot[ACC_0] + i for i, (key, _) in enumerate(accumulators)}
    ordered = sorted(members, key=lambda i: not plan.aggregates[i].exclude_current)
    windows = sorted(
        {(plan.aggregates[i].daily, plan.aggregates[i].window_us or 0) for i in members}
    )
    names = list(lanes)
    slot[AGG_0], slot[AGG_1] = len(rows), len(rows) + len(members)
    slot[AGG_CUT] = slot[AGG_0] + sum(plan.aggregates[i].exclude_current for i in members)
    slot[WIN_0], slot[WIN_1] = slot[AGG_1], slot[AGG_1] + len(windows)
    for index in ordered:
        each = plan.aggregates[index]
        name = (each.where, each.of)
        main, second = _sources(each.function, name, found)
        window = windows.index((each.daily, each.window_us or 0))
        lane = slot[LANE_0] + names.index(name)
        count = found[((*name, ""), COUNTS)]
        value = places.get(each.of, -1)
        rows.append([index, each.function, window, count, main, second, value, lane])
    rows.extend([int(daily), length] for daily, length in windows)


def _sources(
    function: int, name: tuple[int, int], found: dict[tuple[tuple[int, int, str], int], int]
) -> tuple[int, int]:
    """Accumulators of a function: the main one and, for stddev, the squares."""
    plain = (*name, "")
    if function == functions.DISTINCT:
        return found.get(((*name, "newest"), COUNTS), found.get((plain, DIFFERENT), -1)), -1
    if function == functions.STDDEV:
        return found[(plain, SUMS)], found[(plain, SQUARES)]
    wanted = _NEEDS.get(function) or _RUNNING_NEEDS.get(function) or (COUNTS,)
    return found.get((plain, wanted[0]), found[(plain, COUNTS)]), -1


def storage_of(field_index: int) -> Storage | None:
    """How OBSERVED[field_index] is kept."""
    return OBSERVED[field_index].storage
