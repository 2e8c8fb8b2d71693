"""The lowest threshold moved: what would be stopped, at what cost.

Guards: explicit outcomes of rules stay as they are; only what points (or the model's probability)
give is moved, and thresholds above stay where they are unless the moved one passes them. Cost is
what is lost and spent over the period by `Costs`: fraud that passes, reviews, challenges, genuine
payments lost. Unlabelled payments cost only their handling. Payments that no threshold tells apart
are counted once and moved together.
Shapes: n payments. Not done here: choosing; the figures are for people who choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.lab.backtest.combining import Outcomes, reached
from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.measures import Period
from paywarden.lab.backtest.result import Costs, Sweep, Threshold
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.risk.rules.model import Thresholds

STEPS = 40
_MARKS = (FRAUD, GENUINE, UNKNOWN)


def sweeps(period: Period, again: Again, costs: Costs) -> tuple[Sweep, ...]:
    """Thresholds on points, and on the model's probability where a model took part."""
    combination, policy = again.combination, again.candidate.runtime.policy
    value = again.points.astype(np.float64)
    found = [
        _swept("points", period, value, combination.without_points(), again, policy.points, costs)
    ]
    known = combination.probability
    if known is not None and np.isfinite(known[period.rows]).any():
        fixed = combination.without_model()
        found.append(_swept("model", period, known, fixed, again, policy.model, costs))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Alike:
    """Payments that no threshold of a sweep tells apart, counted together; each of shape [k].

    `value`: what thresholds are compared with; `worth`: float64, in minor units, exact below 2**53.
    """

    value: npt.NDArray[np.float64]
    fixed: Outcomes
    settled: Outcomes
    mark: npt.NDArray[np.int8]
    count: npt.NDArray[np.int64]
    worth: npt.NDArray[np.float64]


def _swept(
    over: str,
    period: Period,
    value: npt.NDArray[np.float64],
    fixed: Outcomes,
    again: Again,
    present: Thresholds,
    costs: Costs,
) -> Sweep:
    here = value[period.rows]
    places = _places(here[np.isfinite(here) & (here > 0)], lowest_threshold(present))
    held = [one for one in (present.challenge, present.review, present.block) if one is not None]
    alike = _alike(period, value, fixed, again.settled, sorted({*places, *held}))
    found = [_threshold(alike, _moved(present, at), at, costs) for at in places]
    known = found and bool((alike.mark == FRAUD).any())
    cheapest = min(found, key=lambda one: (one.cost_minor, one.at)).at if known else None
    return Sweep(over, lowest_threshold(present), tuple(found), cheapest)


def _alike(
    period: Period,
    value: npt.NDArray[np.float64],
    fixed: Outcomes,
    settled: Outcomes,
    edges: Sequence[float],
) -> _Alike:
    """The payments of a period, told apart by nothing but what thresholds at `edges` see."""
    material, rows = period.material, period.rows
    known = np.where(np.isfinite(value[rows]), value[rows], -np.inf)
    band = np.searchsorted(np.array(edges, np.float64), known, side="right")
    mark = np.searchsorted(np.sort(np.array(_MARKS)), material.marks[rows])
    shape = len(edges) + 1, len(Outcome), len(Outcome), len(_MARKS)
    place = np.ravel_multi_index((band, fixed[rows], settled[rows], mark), shape)
    amount = np.where(material.valued[rows], material.amount_minor[rows], 0)
    size = int(np.prod(shape))
    count = np.bincount(place, minlength=size)
    worth = np.asarray(np.bincount(place, amount.astype(np.float64), size), np.float64)
    some = np.flatnonzero(count)
    at, stays, becomes, label = np.unravel_index(some, shape)
    lowest = np.array([-np.inf, *edges])[at]
    marks = np.sort(np.array(_MARKS, np.int8))[label]
    return _Alike(
        lowest, stays.astype(np.int8), becomes.astype(np.int8), marks, count[some], worth[some]
    )


def _threshold(alike: _Alike, thresholds: Thresholds, at: float, costs: Costs) -> Threshold:
    outcome = np.maximum(alike.fixed, reached(alike.value, thresholds, alike.settled))
    stops = outcome != Outcome.ALLOW
    caught, hurt = stops & (alike.mark == FRAUD), stops & (alike.mark == GENUINE)
    words = [int(alike.count[outcome == one].sum()) for one in Outcome]
    return Threshold(
        at,
        int(alike.count[caught].sum()),
        int(alike.worth[caught].sum()),
        int(alike.count[hurt].sum()),
        int(alike.worth[hurt].sum()),
        words[Outcome.CHALLENGE],
        words[Outcome.REVIEW],
        words[Outcome.BLOCK],
        _cost(alike, outcome, costs),
    )


def _cost(alike: _Alike, outcome: Outcomes, costs: Costs) -> int:
    """What the period costs under these outcomes, in minor units, rounded."""
    missed = np.array([1.0, 1 - costs.efficacy, 1 - costs.review_catch, 0.0])
    lost = np.array([0.0, costs.abandonment, 0.0, 1.0])
    handling = np.array([0.0, costs.challenge_minor, costs.review_minor, 0.0])
    fraud = float((alike.worth * missed[outcome])[alike.mark == FRAUD].sum()) * costs.loss
    genuine = float((alike.worth * lost[outcome])[alike.mark == GENUINE].sum()) * costs.margin
    return round(fraud + genuine + float((handling[outcome] * alike.count).sum()))


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
