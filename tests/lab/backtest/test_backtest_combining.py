"""Outcomes over arrays are those of `combine`, case by case, and so are outcomes without a rule."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import CombineContext, combine
from paywarden.lab.backtest.combining import Combination, reached
from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.backtest.sweep import lowest_threshold
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.firing import AML, FiredRule
from paywarden.risk.rules.model import Thresholds

PAYMENTS = 400
SCENARIOS = ("testing", "takeover", "mule", "laundering")


def drawn_rules(chance: random.Random) -> list[FiredRule]:
    found = []
    for number in range(chance.randrange(1, 14)):
        scenario = chance.choice(SCENARIOS)
        outcome = chance.choice([None, None, *Outcome])
        allowed: tuple[str, ...] = ()
        if outcome is Outcome.ALLOW:
            allowed = tuple(chance.sample([*SCENARIOS, "*", "model"], chance.randrange(1, 3)))
        found.append(
            FiredRule(
                f"r{number}", scenario, points=chance.choice([0, 10, 10, 25, 60]), outcome=outcome,
                hard=outcome is Outcome.BLOCK and chance.random() < 0.4, allow_scenarios=allowed,
                engine=AML if scenario == "laundering" else "fraud",
            )
        )  # fmt: skip
    return found


def matches_of(fired: list[list[int]], rules: int) -> Matches:
    parts = [[n for n, held in enumerate(fired) if rule in held] for rule in range(rules)]
    offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    payments = np.array([n for part in parts for n in part], np.int32)
    nowhere = Column("string", np.zeros(len(fired), np.int32), None, ("",))
    return Matches(offsets, payments, np.zeros(rules, np.int64), nowhere, nowhere, rules)


def thresholds(chance: random.Random, scale: float) -> Thresholds:
    draw: Any = lambda low: chance.choice([None, low * scale])  # noqa: E731
    return Thresholds(draw(20), draw(45), draw(80))


@pytest.mark.parametrize("seed", range(60))
def test_outcomes_are_those_of_combine(seed: int) -> None:
    chance = random.Random(seed)
    rules = drawn_rules(chance)
    fired = [[i for i in range(len(rules)) if chance.random() < 0.35] for _ in range(PAYMENTS)]
    points, model = thresholds(chance, 1), thresholds(chance, 0.01)
    contexts = [
        CombineContext(
            phase=chance.choice(["pre_auth", "capture"]),
            initiator=chance.choice(["customer", "merchant"]),
            challenge_unavailable=chance.choice([Outcome.REVIEW, Outcome.BLOCK]),
        )
        for _ in range(PAYMENTS)
    ]
    probability = np.array([chance.choice([np.nan, chance.random()]) for _ in range(PAYMENTS)])
    asked = FiredRule("c", "", outcome=Outcome.CHALLENGE)
    none = Thresholds()
    settled = np.array(
        [combine([asked], none, none, None, one).outcome for one in contexts], np.int8
    )
    policy: Any = SimpleNamespace(points=points, model=model)
    found = Combination(rules, policy, matches_of(fired, len(rules)), settled, probability)

    def slow(row: int, without: int = -1) -> Any:
        held = [rules[i] for i in fired[row] if i != without]
        p = None if np.isnan(probability[row]) else float(probability[row])
        return combine(held, points, model, p, contexts[row])

    for row in range(PAYMENTS):
        expected = slow(row)
        assert found.outcome[row] == expected.outcome, row
        assert found.points[row] == expected.points, row
        assert found.aml_points[row] == expected.aml_points, row
    for rule in range(len(rules)):
        if rules[rule].outcome is Outcome.ALLOW:
            continue
        stands = found.standing(rule)
        without = found.without(np.full(len(stands), rule, np.int32), stands)
        assert without.tolist() == [slow(n, rule).outcome for n in stands.tolist()], rule
        for row in (n for n in range(PAYMENTS) if rule in fired[n] and n not in stands):
            assert slow(row, rule).outcome == found.outcome[row], (rule, row)
    stops = found.outcome > 0
    alone = [
        (rule, payment)
        for part in found.standing_pairs(stops, lowest_threshold(points))
        for rule, payment, after in zip(
            *(each.tolist() for each in part), found.without(*part), strict=True
        )
        if not after
    ]
    assert alone == [
        (rule, row)
        for rule in range(len(rules))
        for row in range(PAYMENTS)
        if rules[rule].outcome is not Outcome.ALLOW and rule in fired[row] and stops[row]
        and slow(row, rule).outcome is Outcome.ALLOW
    ]  # fmt: skip


def test_thresholds_are_reached_from_below() -> None:
    settled = np.full(4, Outcome.REVIEW, np.int8)
    limits = Thresholds(10, 20, 30)
    values = np.array([9, 10, 20, 30])
    assert reached(values, limits, settled).tolist() == [0, 2, 2, 3]
