"""The lowest threshold moved: what would be stopped, at what cost.

Guards: explicit outcomes of rules stay as they are; only what points (or the model's probability)
give is moved, and thresholds above stay where they are unless the moved one passes them. Cost is
what is lost and spent over the period by `Costs`: fraud that passes, reviews, challenges, genuine
payments lost. Unlabelled payments cost only their handling.
Shapes: n payments. Not done here: choosing; the figures are for people who choose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.lab.backtest.combining import Outcomes, reached
from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.measures import Period, tally
from paywarden.lab.backtest.result import Costs, Sweep, Threshold
from paywarden.lab.labels import FRAUD, GENUINE
from paywarden.risk.rules.model import Thresholds

STEPS = 40


def sweep_points(period: Period, again: Again, costs: Costs) -> Sweep:
    """Thresholds on points, at most STEPS of those that occur, and the present one."""
    present = again.candidate.runtime.policy.points
    points = again.points[period.rows]
    places = _places(points[points > 0].astype(np.float64), lowest_threshold(present))
    fixed = again.combination.explicit_outcomes()
    value = again.points.astype(np.float64)
    return _swept("points", period, value, fixed, again.settled, present, places, costs)


def sweep_probability(
    period: Period, again: Again, probability: npt.NDArray[np.float64], costs: Costs
) -> Sweep:
    """The same over the model's probability; rules and points stay as they are."""
    present = again.candidate.runtime.policy.model
    known = probability[period.rows]
    places = _places(known[np.isfinite(known) & (known > 0)], lowest_threshold(present))
    rules = again.combination.rule_outcomes()
    return _swept("model", period, probability, rules, again.settled, present, places, costs)


def _swept(
    over: str,
    period: Period,
    value: npt.NDArray[np.float64],
    fixed: Outcomes,
    settled: Outcomes,
    present: Thresholds,
    places: Sequence[float],
    costs: Costs,
) -> Sweep:
    found = []
    for at in places:
        moved = np.maximum(fixed, reached(value, _moved(present, at), settled))
        found.append(_threshold(period, moved, at, costs))
    known = found and bool((period.material.marks[period.rows] == FRAUD).any())
    cheapest = min(found, key=lambda one: (one.cost_minor, one.at)).at if known else None
    return Sweep(over, lowest_threshold(present), tuple(found), cheapest)


def _threshold(period: Period, outcome: Outcomes, at: float, costs: Costs) -> Threshold:
    held = tally(period.material, outcome, period.rows)
    words = held.outcomes
    return Threshold(
        at,
        held.caught,
        held.caught_value_minor,
        held.hurt,
        held.hurt_value_minor,
        words[Outcome.CHALLENGE.word],
        words[Outcome.REVIEW.word],
        words[Outcome.BLOCK.word],
        cost_of(period, outcome, costs),
    )


def cost_of(period: Period, outcome: Outcomes, costs: Costs) -> int:
    """What the period costs under these outcomes, in minor units, rounded."""
    material, rows = period.material, period.rows
    value = np.where(material.valued[rows], material.amount_minor[rows], 0).astype(np.float64)
    marks, here = material.marks[rows], outcome[rows]
    missed = np.array([1.0, 1 - costs.efficacy, 1 - costs.review_catch, 0.0])
    lost = np.array([0.0, costs.abandonment, 0.0, 1.0])
    handling = np.array([0.0, costs.challenge_minor, costs.review_minor, 0.0])
    fraud = float((value * missed[here])[marks == FRAUD].sum()) * costs.loss
    genuine = float((value * lost[here])[marks == GENUINE].sum()) * costs.margin
    return round(fraud + genuine + float(handling[here].sum()))


def lowest_threshold(thresholds: Thresholds) -> float | None:
    """The lowest value that stops anything; None when none does."""
    held = [thresholds.challenge, thresholds.review, thresholds.block]
    return min((one for one in held if one is not None), default=None)


def _moved(present: Thresholds, at: float) -> Thresholds:
    """Present thresholds with the lowest one at `at` and none below it."""

    def above(one: float | None) -> float | None:
        return None if one is None else max(one, at)

    if present.challenge is not None:
        return Thresholds(at, above(present.review), above(present.block))
    if present.review is not None:
        return Thresholds(None, at, above(present.block))
    if present.block is not None:
        return Thresholds(None, None, at)
    return Thresholds(at, None, None)


def _places(values: npt.NDArray[np.float64], present: float | None) -> list[float]:
    distinct = np.unique(values)
    if len(distinct) > STEPS:
        distinct = np.unique(np.quantile(distinct, np.linspace(0, 1, STEPS), method="nearest"))
    found = {float(one) for one in distinct}
    if len(distinct):
        found.add(float(distinct[-1]) + (1.0 if distinct[-1] >= 1 else 0.0))
    if present is not None:
        found.add(float(present))
    return sorted(found)
