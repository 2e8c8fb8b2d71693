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
        here = [n for n in range(PAYMENTS) if rule in fired[n]]
        assert found.without(rule).tolist() == [slow(n, rule).outcome for n in here], rule


def test_thresholds_are_reached_from_below() -> None:
    settled = np.full(4, Outcome.REVIEW, np.int8)
    limits = Thresholds(10, 20, 30)
    values = np.array([9, 10, 20, 30])
    assert reached(values, limits, settled).tolist() == [0, 2, 2, 3]
