"""Machine code over (rule, payment) pairs: counts, weighted counts, and rules side by side.

Guards: pairs are read in place, rule by rule, and nothing of their size is made beside them; sums
of money are exact (high and low parts apart, since 64 bits may not hold a sum). The interpreter's
lock is free while these run. Each function stands alone, as its cache demands.
Shapes: n payments, r rules, c customers, b replicates; the payments of rule i are
rows[offsets[i]:offsets[i + 1]]. Not done here: what a code means (`rule_figures.py`).
"""

from __future__ import annotations

from typing import Any

from paywarden.risk.features.jit import door

CODES = 32
"""Kinds of payments that are counted apart; a payment's code is below."""
LOW_BITS = 20
MOST_WEIGHT = 9
FLUSH_EVERY = 65_535 // MOST_WEIGHT


@door
def count_codes(offsets: Any, rows: Any, code: Any, value: Any, counts: Any, sums: Any) -> None:
    """Payments and their value by rule and code.

    `code`: uint8 [n]; `value`: int64 [n]; `counts`: int64 [r, CODES]; `sums`: int64
    [r, CODES, 2], the value above and within its lowest LOW_BITS.
    """
    within = (1 << LOW_BITS) - 1
    for rule in range(len(offsets) - 1):
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            kind = code[row]
            counts[rule, kind] += 1
            sums[rule, kind, 0] += value[row] >> LOW_BITS
            sums[rule, kind, 1] += value[row] & within


@door
def add_weights(
    offsets: Any, rows: Any, wanted: Any, customer: Any, weights: Any, scratch: Any, sums: Any
) -> None:
    """Weighted counts of one turn of replicates by rule, over the payments that are `wanted`.

    `wanted`: bool [n]; `weights`: uint8 [c, b], at most MOST_WEIGHT; `scratch`: uint16 [b];
    `sums`: int64 [r, b]. Sums are short ones as long as they fit: eight times as quick.
    """
    wide = weights.shape[1]
    for rule in range(len(offsets) - 1):
        scratch[:] = 0
        held = 0
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            if wanted[row]:
                drawn = weights[customer[row]]
                for j in range(wide):
                    scratch[j] += drawn[j]
                held += 1
                if held == FLUSH_EVERY:
                    for j in range(wide):
                        sums[rule, j] += scratch[j]
                    scratch[:] = 0
                    held = 0
        for j in range(wide):
            sums[rule, j] += scratch[j]


@door
def add_values(
    offsets: Any, rows: Any, wanted: Any, customer: Any, value: Any, weights: Any, sums: Any
) -> None:
    """The same of values: `value`: float64 [n], `sums`: float64 [r, b]."""
    wide = weights.shape[1]
    for rule in range(len(offsets) - 1):
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            if wanted[row]:
                drawn = weights[customer[row]]
                worth = value[row]
                for j in range(wide):
                    sums[rule, j] += worth * drawn[j]


@door
def join_block(offsets: Any, payments: Any, start: int, ahead: Any, to: Any) -> None:
    """Copy the pairs of a block, whose first payment is `start`, behind those of earlier blocks.

    `offsets`, `payments`: of the block; `ahead`: int64 [r], where each rule goes on, moved along.
    """
    for rule in range(len(offsets) - 1):
        place = ahead[rule]
        for at in range(offsets[rule], offsets[rule + 1]):
            to[place] = payments[at] + start
            place += 1
        ahead[rule] = place


@door
def count_by_payment(offsets: Any, rows: Any, cursor: Any, wide: int, held: Any) -> None:
    """Rules of each payment: `held`, int64 [n], is added to. `cursor`, `wide`: see `by_payment`."""
    for last in range(wide, len(held) + wide, wide):
        for rule in range(len(offsets) - 1):
            at = cursor[rule]
            while at < offsets[rule + 1] and rows[at] < last:
                held[rows[at]] += 1
                at += 1
            cursor[rule] = at


@door
def by_payment(
    offsets: Any, rows: Any, cursor: Any, wide: int, held: Any, place: Any, rules: Any, work: Any
) -> None:
    """The pairs ordered by payment, and how much there is beside each rule.

    Payments of a rule ascend, so `wide` payments at a time are read of every rule: what is written
    stays near. `cursor`: int64 [r], where each rule begins, moved along. `held`: int64 [n], rules
    of a payment, 0 outside of the period; `place`: int64 [n], where its rules begin; moved to where
    they end. `rules`: int32; `work`: int64 [r], sums of `held`.
    """
    for last in range(wide, len(held) + wide, wide):
        for rule in range(len(offsets) - 1):
            at = cursor[rule]
            while at < offsets[rule + 1] and rows[at] < last:
                row = rows[at]
                rules[place[row]] = rule
                place[row] += 1
                work[rule] += held[row]
                at += 1
            cursor[rule] = at


@door
def add_points(payments: Any, points: int, best: Any, second: Any) -> None:
    """Points of a rule, no fewer than any before it: int32 [n] each."""
    for at in range(len(payments)):
        row = payments[at]
        second[row] = best[row]
        best[row] = points


@door
def add_one(payments: Any, counts: Any) -> None:
    """One more for each payment: int32 [n]."""
    for at in range(len(payments)):
        counts[payments[at]] += 1


@door
def chosen(
    payments: Any, among: Any, points: Any, own: int, limit: float, kept: Any, begin: int
) -> Any:
    """Payments `among` [n] whose points without `own` stay below `limit`, written from `begin`.

    `points`: int64 [n]; `kept`: int32. Answers where they end.
    """
    for at in range(len(payments)):
        row = payments[at]
        if among[row] and points[row] - own < limit:
            kept[begin] = row
            begin += 1
    return begin


@door
def count_beside(
    offsets: Any, rows: Any, inside: Any, begins: Any, rules: Any, asked: Any, beside: Any,
    best: Any, counts: Any,
) -> None:  # fmt: skip
    """The rules that fire most often on the payments of each rule of `asked`.

    `inside`: bool [n]; `begins`: int64 [n + 1] into `rules`; `beside`: int64 [r], scratch;
    `best`, `counts`: int64 [asked, k], -1 and 0 where there are fewer; equal ones by number.
    """
    for number in range(len(asked)):
        rule = asked[number]
        beside[:] = 0
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            if inside[row]:
                for near in range(begins[row], begins[row + 1]):
                    beside[rules[near]] += 1
        beside[rule] = 0
        for other in range(len(beside)):
            held = beside[other]
            place = best.shape[1]
            while place > 0 and held > counts[number, place - 1]:
                if place < best.shape[1]:
                    counts[number, place] = counts[number, place - 1]
                    best[number, place] = best[number, place - 1]
                place -= 1
            if place < best.shape[1] and held > 0:
                counts[number, place] = held
                best[number, place] = other
