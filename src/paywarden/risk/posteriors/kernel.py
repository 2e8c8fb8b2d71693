"""Compiled posteriors: evidence of entities by open addressing in flat arrays.

Guards: the same bits as `plain.py`. `keys` [slots]: mixed digest with the kind in its last four
bits, 0 where empty; `evidence` [slots, 2]: exposure and bad evidence, weighted by the instant at
which they came; `totals` [kinds, 2]: their sums; `meta`: counts. The table is filled to two thirds;
`run` stops before an observation that might not find room, or whose weight is out of range.
Not done here: growth and forgetting (`store.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.heap import mix
from paywarden.risk.features.jit import Word, Words, compiled, door
from paywarden.risk.labels.effects import FRAUD, PAYMENT, TAKEN_BACK
from paywarden.risk.posteriors.model import (
    FIRST_PAYMENTS,
    FIRST_RATE,
    KINDS,
    MOST_RATE,
    REBASE,
    STEPS,
    TAKEN_BACK_US,
    Z,
)

USED, ORIGIN_US, BEGUN, SHORTENED_US = range(4)
META = 4
COUNT = len(KINDS)
EXPOSURE, BAD = range(2)
_LOW = 15
Floats: Any = npt.NDArray[np.float64]


@compiled
def named(digest: Word, kind: Word) -> Word:
    """The key of an entity; never 0."""
    return np.int64((mix(digest) & ~np.uint64(_LOW)) | np.uint64(kind + 1))


@compiled
def slot_of(keys: Words, key: Word) -> Word:
    """Where a key stands or would stand."""
    mask = len(keys) - 1
    at = np.int64((np.uint64(key) >> np.uint64(4)) & np.uint64(mask))
    while keys[at] != 0 and keys[at] != key:
        at = (at + 1) & mask
    return at


@compiled
def weight(powers: Floats, steps: Words, bases: Words, meta: Words, kind: Word, t_us: Word) -> Any:
    """Weight of an instant for one kind."""
    step = (t_us - meta[ORIGIN_US]) // steps[kind]
    return math.ldexp(powers[step & (STEPS - 1)], (step // STEPS) - bases[kind])


@door
def out_of_range(steps: Words, bases: Words, meta: Words, t_us: Word) -> bool:
    """Whether the weight of an instant is too large for some kind."""
    for kind in range(COUNT):
        if (t_us - meta[ORIGIN_US]) // steps[kind] // STEPS - bases[kind] > REBASE:
            return True
    return False


@compiled
def add_event(
    keys: Words, evidence: Floats, totals: Floats, meta: Words,
    powers: Floats, steps: Words, bases: Words,
    digests: Words, row: Word, what: Word, t_us: Word, since_us: Word,
) -> None:  # fmt: skip
    """Count one observation; there is room."""
    back = what & TAKEN_BACK and t_us - since_us <= TAKEN_BACK_US
    for kind in range(COUNT):
        digest = digests[row, kind]
        if digest == 0:
            continue
        key = named(digest, kind)
        at = slot_of(keys, key)
        if keys[at] == 0:
            keys[at] = key
            meta[USED] += 1
        if back:
            gone = weight(powers, steps, bases, meta, kind, since_us)
            evidence[at, BAD] = max(0.0, evidence[at, BAD] - gone)
            totals[kind, BAD] = max(0.0, totals[kind, BAD] - gone)
        now = weight(powers, steps, bases, meta, kind, t_us)
        if what & PAYMENT:
            evidence[at, EXPOSURE] += now
            totals[kind, EXPOSURE] += now
        if what & FRAUD:
            evidence[at, BAD] += now
            totals[kind, BAD] += now


@compiled
def look_at(
    keys: Words, evidence: Floats, totals: Floats, meta: Words,
    powers: Floats, steps: Words, bases: Words, strength: Floats,
    digests: Words, row: int, t_us: int, out: Floats,
) -> None:  # fmt: skip
    """Fill `out` [kinds, 2] with mean and lower bound of each entity; writes nothing else.

    Where the observation names no entity of a kind, its mean is -1.
    """
    for kind in range(COUNT):
        digest = digests[row, kind]
        if digest == 0:
            out[kind, 0] = -1.0
            continue
        now = weight(powers, steps, bases, meta, kind, t_us)
        exposed, bad = 0.0, 0.0
        at = slot_of(keys, named(digest, kind))
        if keys[at] != 0:
            exposed, bad = evidence[at, EXPOSURE] / now, evidence[at, BAD] / now
        rate = (totals[kind, BAD] / now + FIRST_RATE * FIRST_PAYMENTS) / (
            totals[kind, EXPOSURE] / now + FIRST_PAYMENTS
        )
        rate = min(rate, MOST_RATE)
        against = strength[kind] * rate + bad
        count = against + strength[kind] * (1.0 - rate) + max(0.0, exposed - bad)
        mean = against / count
        spread = Z * math.sqrt((mean * (1.0 - mean) + Z * Z / (4.0 * count)) / count)
        lower = (mean + Z * Z / (2.0 * count) - spread) / (1.0 + Z * Z / count)
        out[kind, 0], out[kind, 1] = mean, max(0.0, lower)


@door
def look(
    keys: Words, evidence: Floats, totals: Floats, meta: Words,
    powers: Floats, steps: Words, bases: Words, strength: Floats,
    digests: Words, t_us: int, out: Floats,
) -> None:  # fmt: skip
    """`look_at` for the entities `digests` [1, kinds]."""
    look_at(keys, evidence, totals, meta, powers, steps, bases, strength, digests, 0, t_us, out)


@door
def run(
    keys: Words, evidence: Floats, totals: Floats, meta: Words,
    powers: Floats, steps: Words, bases: Words, strength: Floats,
    digests: Words, what: Words, t_us: Words, since_us: Words, places: Words, out: Any,
    start: int, stop: int, looked: int,
) -> int:  # fmt: skip
    """Count observations start to stop; the first that was not counted, or stop.

    Where `places[row]` is not -1, what is known before the count goes to `out[places[row]]`;
    `looked`: that of `start` is there already.
    """
    for row in range(start, stop):
        if places[row] >= 0 and not (row == start and looked):
            look_at(keys, evidence, totals, meta, powers, steps, bases, strength,
                    digests, row, t_us[row], out[places[row]])  # fmt: skip
        back = what[row] & TAKEN_BACK and t_us[row] - since_us[row] <= TAKEN_BACK_US
        if not (back or what[row] & (FRAUD | PAYMENT)):
            continue
        if meta[BEGUN] == 0:
            meta[BEGUN], meta[ORIGIN_US] = 1, t_us[row]
        if out_of_range(steps, bases, meta, t_us[row]):
            return row
        if 3 * (meta[USED] + COUNT) > 2 * len(keys):
            return row
        add_event(keys, evidence, totals, meta, powers, steps, bases,
                  digests, row, what[row], t_us[row], since_us[row])  # fmt: skip
    return stop


@door
def place_all(
    keys: Words, evidence: Floats, kept: Any, new_keys: Words, new_evidence: Floats
) -> int:
    """Put entries that are kept into an empty table; their number."""
    count = 0
    for at in range(len(keys)):
        if keys[at] == 0 or not kept[at]:
            continue
        slot = slot_of(new_keys, keys[at])
        new_keys[slot] = keys[at]
        new_evidence[slot, EXPOSURE] = evidence[at, EXPOSURE]
        new_evidence[slot, BAD] = evidence[at, BAD]
        count += 1
    return count


@door
def known_weights(
    keys: Words, evidence: Floats, meta: Words, powers: Floats, steps: Words, bases: Words,
    t_us: int, out: Floats,
) -> None:  # fmt: skip
    """Fill `out` [slots] with what is known of each entity at an instant, in payments."""
    for at in range(len(keys)):
        out[at] = -1.0
        if keys[at] != 0:
            now = weight(powers, steps, bases, meta, (keys[at] & _LOW) - 1, t_us)
            out[at] = max(evidence[at, EXPOSURE], evidence[at, BAD]) / now


@door
def rebase(
    keys: Words, evidence: Floats, totals: Floats, meta: Words, steps: Words, bases: Words,
    t_us: int, factors: Floats,
) -> None:  # fmt: skip
    """Scale every weight down, so that an instant weighs 1 to 2 again; `factors`: scratch."""
    for kind in range(COUNT):
        shift = (t_us - meta[ORIGIN_US]) // steps[kind] // STEPS - bases[kind]
        bases[kind] += shift
        factors[kind] = math.ldexp(1.0, -shift)
        totals[kind, EXPOSURE] *= factors[kind]
        totals[kind, BAD] *= factors[kind]
    for at in range(len(keys)):
        if keys[at] != 0:
            factor = factors[(keys[at] & _LOW) - 1]
            evidence[at, EXPOSURE] *= factor
            evidence[at, BAD] *= factor
