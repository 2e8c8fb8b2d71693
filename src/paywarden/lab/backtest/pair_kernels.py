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
    offsets: Any, rows: Any, kind: Any, customer: Any, value: Any, weights: Any,
    fraud: Any, genuine: Any, fraud_value: Any,
) -> None:  # fmt: skip
    """Weighted counts of one turn of replicates by rule.

    `kind`: int8 [n], 1 fraud, 0 genuine, anything else not counted; `weights`: uint8 [c, b];
    `fraud`, `genuine`: int64 [r, b]; `fraud_value`: float64 [r, b].
    """
    wide = weights.shape[1]
    for rule in range(len(offsets) - 1):
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            if kind[row] == 1:
                drawn = weights[customer[row]]
                worth = float(value[row])
                for j in range(wide):
                    fraud[rule, j] += drawn[j]
                    fraud_value[rule, j] += worth * drawn[j]
            elif kind[row] == 0:
                drawn = weights[customer[row]]
                for j in range(wide):
                    genuine[rule, j] += drawn[j]


@door
def by_payment(offsets: Any, rows: Any, place: Any, rules: Any) -> None:
    """The pairs ordered by payment.

    `place`: int64 [n], where each payment's rules begin; moved to where they end. `rules`: int32.
    """
    for rule in range(len(offsets) - 1):
        for at in range(offsets[rule], offsets[rule + 1]):
            row = rows[at]
            rules[place[row]] = rule
            place[row] += 1


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
