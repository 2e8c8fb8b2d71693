"""Intervals, overlaps and thresholds against plain models that go payment by payment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from paywarden.core.outcome import Outcome
from paywarden.lab.backtest import overlaps as overlapping
from paywarden.lab.backtest.bootstrap import Bootstrap, intervals, weighted
from paywarden.lab.backtest.combining import reached
from paywarden.lab.backtest.measures import Period
from paywarden.lab.backtest.overlaps import overlaps
from paywarden.lab.backtest.result import Costs, Intervals
from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.backtest.spread import spread
from paywarden.lab.backtest.sweep import sweeps
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.model import Thresholds

PAYMENTS, CUSTOMERS, RULES, SEED = 900, 60, 12, 5


def period(seed: int = SEED) -> Period:
    random = np.random.default_rng(seed)
    inside = random.random(PAYMENTS) < 0.9
    material: Any = SimpleNamespace(
        marks=random.choice(np.array([FRAUD, GENUINE, UNKNOWN], np.int8), PAYMENTS),
        customer=random.integers(0, CUSTOMERS, PAYMENTS),
        amount_minor=random.integers(1, 90_000, PAYMENTS),
        valued=random.random(PAYMENTS) < 0.95,
    )
    return Period(material, np.flatnonzero(inside), inside)


def fired(seed: int = SEED) -> tuple[list[list[int]], Matches]:
    """Payments of each rule; the last rule fires nowhere."""
    random = np.random.default_rng(seed)
    shares = [*np.linspace(0.02, 0.6, RULES - 1), 0.0]
    parts = [np.flatnonzero(random.random(PAYMENTS) < share).tolist() for share in shares]
    offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    nowhere = Column("string", np.zeros(PAYMENTS, np.int32), None, ("",))
    rows = np.array([row for part in parts for row in part], np.int32)
    return parts, Matches(offsets, rows, np.zeros(RULES, np.int64), nowhere, nowhere, RULES)


def draws(turns: int = 1) -> list[Any]:
    """The draws of `Bootstrap`, as if memory had forced them apart."""
    weights = np.concatenate(list(Bootstrap(CUSTOMERS, 120, SEED)), axis=1)
    return np.array_split(weights, turns, axis=1)


def plain(part: Any, whole: Any) -> tuple[float, float] | None:
    known = [a / b for a, b in zip(part, whole, strict=True) if b > 0]
    if len(known) < max(20, len(part) // 2):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def close(found: Intervals, expected: list[Any]) -> None:
    got = [found.precision, found.recall, found.value_recall, found.hurt_rate]
    for one, other in zip(got, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("turns", [1, 3])
def test_intervals_are_those_of_a_plain_bootstrap(turns: int) -> None:
    here, (parts, matches) = period(), fired()
    held: Any = here.material
    outcome = np.random.default_rng(1).integers(0, 4, PAYMENTS).astype(np.int8)
    made: Any = draws(turns)
    total, rules = spread(here, outcome, matches, made)
    weight = np.concatenate(made, axis=1)[held.customer].astype(float)
    worth = np.where(held.valued, held.amount_minor, 0)

    def of(rows: Any, mark: int, value: bool = False) -> Any:
        rows = [row for row in rows if here.inside[row] and held.marks[row] == mark]
        return sum((weight[row] * (worth[row] if value else 1) for row in rows), np.zeros(120))

    every = range(PAYMENTS)
    stops = np.flatnonzero(outcome).tolist()
    frauds, value = of(every, FRAUD), of(every, FRAUD, True)
    caught, hurt = of(stops, FRAUD), of(stops, GENUINE)
    close(
        total,
        [
            plain(caught, caught + hurt), plain(caught, frauds),
            plain(of(stops, FRAUD, True), value), plain(hurt, of(every, GENUINE)),
        ],
    )  # fmt: skip
    for rows, found in zip(parts[:-1], rules[:-1], strict=True):
        caught = of(rows, FRAUD)
        close(
            found,
            [
                plain(caught, caught + of(rows, GENUINE)), plain(caught, frauds),
                plain(of(rows, FRAUD, True), value), None,
            ],
        )  # fmt: skip
    assert rules[-1] == Intervals()  # a rule that matched nothing has none


def test_weights_are_poisson_with_mean_one() -> None:
    (weights,) = Bootstrap(2_000, 50, 1)
    assert weights.shape == (2_000, 50)
    assert abs(float(weights.mean()) - 1) < 0.02 and abs(float(weights.var()) - 1) < 0.05
    assert (np.concatenate(list(Bootstrap(2_000, 50, 1))) == weights).all()
    some = np.stack([np.arange(2_000.0), np.zeros(2_000)])
    assert np.allclose(weighted(some, weights), some @ weights)


def test_ratios_that_are_hardly_ever_defined_have_no_interval() -> None:
    parts = np.ones((2, 50))
    wholes = np.ones((2, 50))
    wholes[1, 24:] = 0
    assert intervals(parts, wholes) == [(1.0, 1.0), None]
    assert intervals(parts[:1], np.zeros(50)) == [None]


def test_overlaps_are_counted_payment_by_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    here, (parts, matches) = period(), fired()
    names = [f"r{rule}" for rule in range(RULES)]
    inside = [[row for row in rows if here.inside[row]] for rows in parts]
    found = overlaps(here, matches, range(RULES), names)
    for rule, rows in enumerate(inside):
        both = [
            (-len(set(rows) & set(others)), other)
            for other, others in enumerate(inside)
            if other != rule and set(rows) & set(others)
        ]
        best = [(names[other], -count) for count, other in sorted(both)[:5]]
        assert [(one.rule, one.payments) for one in found[rule]] == best
        assert all(one.share == one.payments / len(rows) for one in found[rule])
    monkeypatch.setattr(overlapping, "WORK", 0)
    assert overlaps(here, matches, range(RULES), names) == {}


@pytest.mark.parametrize(
    "present", [Thresholds(20, 45, 80), Thresholds(None, 30, None), Thresholds()]
)
def test_a_moved_threshold_is_every_payment_decided_again(present: Thresholds) -> None:
    random = np.random.default_rng(3)
    here = period()
    held: Any = here.material
    points = random.choice([0, 10, 20, 45, 60, 90], PAYMENTS).astype(np.int64)
    settled = random.choice(np.array([1, 2, 3], np.int8), PAYMENTS)
    rules, model = (random.integers(0, 4, PAYMENTS).astype(np.int8) for _ in range(2))
    probability = np.where(random.random(PAYMENTS) < 0.8, random.random(PAYMENTS), np.nan)
    scored = Thresholds(0.3, None, 0.9)
    combination: Any = SimpleNamespace(
        probability=probability, without_points=lambda: model, without_model=lambda: rules
    )
    policy = SimpleNamespace(points=present, model=scored)
    candidate = SimpleNamespace(runtime=SimpleNamespace(policy=policy))
    again: Any = SimpleNamespace(
        combination=combination, points=points, settled=settled, candidate=candidate
    )
    costs = Costs()
    over_points, over_model = sweeps(here, again, costs)
    assert (over_points.over, over_model.over) == ("points", "model")
    for sweep, value, fixed, now in (
        (over_points, points, model, present), (over_model, probability, rules, scored),
    ):  # fmt: skip
        assert sweep.thresholds
        for one in sweep.thresholds:
            lowest = next((n for n, held in enumerate(levels(now)) if held is not None), 0)
            moved = [None if was is None else max(was, one.at) for was in levels(now)]
            moved[lowest] = one.at
            after = np.maximum(fixed, reached(value, Thresholds(*moved), settled))[here.rows]
            marks = held.marks[here.rows]
            assert one.caught == int(((after > 0) & (marks == FRAUD)).sum())
            assert one.hurt == int(((after > 0) & (marks == GENUINE)).sum())
            assert one.blocked == int((after == Outcome.BLOCK).sum())
            worth = np.where(held.valued, held.amount_minor, 0)[here.rows]
            passed = np.array([1.0, 1 - costs.efficacy, 1 - costs.review_catch, 0.0])[after]
            lost = np.array([0.0, costs.abandonment, 0.0, 1.0])[after] * costs.margin
            cost = (worth * passed)[marks == FRAUD].sum() + (worth * lost)[marks == GENUINE].sum()
            cost += costs.review_minor * one.reviewed + costs.challenge_minor * one.challenged
            assert one.cost_minor == round(float(cost))
            assert one.caught_value_minor == int(worth[(after > 0) & (marks == FRAUD)].sum())
    combination.probability = None
    assert [one.over for one in sweeps(here, again, costs)] == ["points"]


def levels(thresholds: Thresholds) -> tuple[Any, ...]:
    return thresholds.challenge, thresholds.review, thresholds.block
