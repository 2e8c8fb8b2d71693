"""What a draft does on payments that it was not mined from: value caught, customers hurt, overlap.

Guards: every figure comes from the judging part. Precision has an interval by a bootstrap over
customers (payments of one customer are no independent draws), and by Wilson's formula where
customers are not known or few. In a burst the targets are all payments of the burst: what history
leads to expect among the matches counts as hurt, and the rest as caught. Overlap: matches that the
present policy stops already, and the value that only the draft catches.
Source: E. B. Wilson, "Probable Inference, the Law of Succession", JASA 22 (1927).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from paywarden.lab.mining.conditions import Bools, Bound, Condition, holds
from paywarden.lab.mining.material import Material

REPLICATES = 200
LEAST_CUSTOMERS = 10
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Figures:
    """A draft on one part. Values in minor units of the base currency.

    `matches`: payments for which it holds. `caught`, `hurt`: frauds and genuine payments among them
    (in a burst: more than expected, and as expected), with customers hurt and values. `hurt_share`:
    share of all honest payments (in a burst: of history) for which it holds. `recall`:
    share of all fraud value. `precision_low`, `precision_high`: 95 % interval, by `interval`.
    `already_stopped`: share of the matches that the present policy stops. `new_value_minor`: value
    that only the draft catches.
    """

    matches: float
    caught: float
    caught_value_minor: int
    hurt: float
    hurt_value_minor: int
    hurt_share: float
    customers_hurt: int
    recall: float
    precision: float
    precision_low: float
    precision_high: float
    interval: str
    already_stopped: float
    new_value_minor: int

    def as_dict(self) -> dict[str, object]:
        """For the report, shares to four digits."""
        found = asdict(self)
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in found.items()
        }


def measure(conditions: Sequence[Condition], material: Material, burst: bool, seed: int) -> Figures:
    """Figures of a conjunction on a part."""
    return measure_held(holds(conditions, material), material, burst, seed)


def measure_held(held: Bools, material: Material, burst: bool, seed: int) -> Figures:
    """Figures of the rows that `held` names."""
    part = material.part
    targets, others = held & part.target, held & ~part.target
    count = float(targets.sum()) * part.target_weight
    other = float(others.sum()) * part.weight
    value = float(material.value[targets].sum()) * part.target_weight
    other_value = float(material.value[others].sum()) * part.weight
    share = max(count - other, 0.0) / count if burst and count else 1.0
    caught, caught_value = count * share, value * share
    hurt, hurt_value = (count - caught, value - caught_value) if burst else (other, other_value)
    matched = caught + hurt
    low, high, interval = _interval(held, material, burst, seed, caught, matched)
    every = float(material.value[part.target].sum()) * part.target_weight
    open_value = float(material.value[targets & ~material.stopped].sum()) * part.target_weight
    stopped = held & material.stopped
    weights = np.where(part.target, part.target_weight, 0.0 if burst else part.weight)
    total = float(weights[held].sum())
    return Figures(
        matches=round(matched, 1),
        caught=round(caught, 1),
        caught_value_minor=round(caught_value),
        hurt=round(hurt, 1),
        hurt_value_minor=round(hurt_value),
        hurt_share=float(others.sum()) / max(int((~part.target).sum()), 1),
        customers_hurt=_customers_hurt(material, targets if burst else others, hurt),
        recall=caught_value / every if every else 0.0,
        precision=caught / matched if matched else 0.0,
        precision_low=low,
        precision_high=high,
        interval=interval,
        already_stopped=float(weights[stopped].sum()) / total if total else 0.0,
        new_value_minor=round(open_value * share),
    )


def _customers_hurt(material: Material, rows: Bools, hurt: float) -> int:
    """Different customers among the rows, scaled to the payments hurt."""
    payments = int(rows.sum())
    distinct = len(np.unique(material.customer[rows]))
    return round(hurt * distinct / payments) if payments else 0


def _interval(
    held: Bools, material: Material, burst: bool, seed: int, caught: float, matched: float
) -> tuple[float, float, str]:
    if matched <= 0:
        return 0.0, 1.0, "none"
    customers = material.customer[held]
    distinct, which = np.unique(customers, return_inverse=True)
    drawn_from_few = len(distinct) < LEAST_CUSTOMERS
    if drawn_from_few or int((distinct < 0).sum()) > len(distinct) // 2:
        return *wilson(caught, matched), "wilson"
    target = material.part.target[held]
    good = np.bincount(which, target * material.part.target_weight, len(distinct))
    bad = np.bincount(which, ~target * material.part.weight, len(distinct))
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = random.poisson(1.0, (REPLICATES, len(distinct)))
    top, below = drawn @ good, drawn @ bad
    whole = top if burst else top + below
    part = np.maximum(top - below, 0.0) if burst else top
    some = whole > 0
    if some.sum() < REPLICATES // 2 or (part[some] == whole[some]).all():
        return *wilson(caught, matched), "wilson"  # no draw has a miss: a bootstrap sees no doubt
    low, high = np.percentile(part[some] / whole[some], [2.5, 97.5])
    return float(low), float(high), "bootstrap by customer"


def wilson(part: float, whole: float) -> tuple[float, float]:
    """95 % interval of part of whole.

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    share = min(part / whole, 1.0)
    z2 = _Z * _Z / whole
    middle = (share + z2 / 2) / (1 + z2)
    spread = _Z * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole)) / (1 + z2)
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


@dataclass(frozen=True, slots=True)
class Rounding:
    """What readable thresholds cost: value caught on the mined rows with the best exact ones."""

    exact_value_minor: int
    readable_value_minor: int
    loss: float


def rounding_of(
    conditions: Sequence[Condition], material: Material, burst: bool, seed: int
) -> Rounding:
    """Set every threshold to the best exact value between its readable neighbours.

    Best: most value caught at a precision that is not below that of the readable rule.
    """
    readable = measure(conditions, material, burst, seed)
    best = float(readable.caught_value_minor)
    for index, condition in enumerate(conditions):
        if not isinstance(condition, Bound):
            continue
        for exact in _nearby(condition, conditions, material):
            tried = [*conditions[:index], exact, *conditions[index + 1 :]]
            found = measure_held(holds(tried, material), material, burst, seed)
            if found.precision >= readable.precision:
                best = max(best, float(found.caught_value_minor))
    loss = 1.0 - readable.caught_value_minor / best if best else 0.0
    return Rounding(round(best), readable.caught_value_minor, round(loss, 4))


def _nearby(bound: Bound, conditions: Sequence[Condition], material: Material) -> list[Bound]:
    """Bounds at a few values of targets just outside the threshold."""
    rest = [one for one in conditions if one is not bound]
    values = bound.quantity.values(material)
    rows = holds(rest, material) & values.valid & material.part.target
    data = np.sort(values.data[rows])
    span = max(abs(bound.threshold) * 0.3, 1.0)
    near = data[(data > bound.threshold - span) & (data < bound.threshold + span)]
    if not len(near):
        return []
    marks = np.unique(near[np.linspace(0, len(near) - 1, 12).astype(int)])
    return [Bound(bound.quantity, bound.least, float(mark)) for mark in marks]
