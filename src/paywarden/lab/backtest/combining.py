"""Fired rules of many payments into outcomes: the rules of `decision.combine`, over arrays.

Guards: each step of `combine` is done for all payments at once (a hard block; allow rules; points,
the maximum within a scenario, summed; explicit outcomes; thresholds; the challenge that cannot
happen); a test draws cases by the thousand and compares with `combine` itself. What a challenge
comes to for a payment is asked of `combine`, once for each distinct surroundings.
Beside the outcome there is the outcome without any one rule that is no allow rule.
Shapes: n payments, r rules. Not done here: reasons and actions, which no figure needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import MODEL_SCENARIO, CombineContext, combine
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.backtest.pair_kernels import add_one, add_points, chosen
from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.verdicts import Surroundings
from paywarden.risk.rules.firing import AML, EVERY_FRAUD_SCENARIO, FiredRule
from paywarden.risk.rules.model import Policy, Thresholds

Outcomes = npt.NDArray[np.int8]
Points = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
_LEVELS = (Outcome.CHALLENGE, Outcome.REVIEW, Outcome.BLOCK)
_PAIRS = 1 << 20


@dataclass(frozen=True, slots=True)
class _Standing:
    """A rule after allow rules: the payments in which it still counts."""

    rule: int
    row: FiredRule
    payments: Rows


class Combination:
    """Outcomes of one policy's matches.

    `points`: of fraud, int64 [n]; `outcome`: int8 [n]; `probability`: the model's where it counts.
    """

    def __init__(
        self,
        rows: Sequence[FiredRule],
        policy: Policy,
        matches: Matches,
        settled: Outcomes,
        probability: npt.NDArray[np.float64] | None = None,
        floor: Outcomes | None = None,
    ) -> None:
        """`probability`: the model's, [n], NaN where it did not answer. `floor`: what AML leaves
        without any rule, [n], None where it has no say."""
        self._floor = floor
        self._policy = policy
        self._matches = matches
        self._settled = settled
        self._count = len(settled)
        self._rows = rows
        self._allowing = [i for i, row in enumerate(self._rows) if row.outcome is Outcome.ALLOW]
        self._standing = list(self._stand(self._allowing))
        self._explicit = np.zeros((3, self._count), np.int32)
        self._hard = np.zeros(self._count, np.int32)
        self._best: dict[str, npt.NDArray[np.int32]] = {}
        self._second: dict[str, npt.NDArray[np.int32]] = {}
        self._tally()
        self.points = self._sum(False)
        self.aml_points = self._sum(True)
        self.probability = self._asked(probability)
        self._scored = self._model()
        self.outcome = self._every(self.points, self._scored)

    def standing(self, rule: int) -> Rows:
        """Payments in which a rule fired and no allow rule took it back."""
        return self._by_rule.get(rule, np.zeros(0, np.int32))

    def standing_pairs(
        self, among: npt.NDArray[np.bool_], without_points: float | None
    ) -> Iterator[tuple[Rows, Rows]]:
        """(rules, payments) in which a rule stands, of the payments `among` [n], in parts.

        Rules of points alone are left out where the other points reach `without_points` anyway.
        """
        kept = np.empty(_PAIRS + self._count, np.int32)
        rules: list[int] = []
        ends = [0]
        for one in self._standing:
            limit = np.inf
            if one.row.outcome is None and one.row.engine != AML:
                if without_points is None:
                    continue
                limit = float(without_points)
            end = chosen(one.payments, among, self.points, one.row.points, limit, kept, ends[-1])
            rules.append(one.rule)
            ends.append(end)
            if end >= _PAIRS:
                yield _paired(rules, ends, kept)
                rules, ends = [], [0]
        if rules:
            yield _paired(rules, ends, kept)

    def without(self, rules: Rows, payments: Rows) -> Outcomes:
        """Outcome of each payment without the one rule beside it, which stands in it; [k]."""
        rows = self._rows
        level = np.array([-1 if row.outcome is None else row.outcome - 1 for row in rows], np.int8)
        hard = np.array([row.hard and row.outcome is Outcome.BLOCK for row in rows], np.bool_)
        explicit = self._explicit[:, payments] - (level[rules] == np.arange(3)[:, None])
        fraud, aml = self._points_without(rules, payments)
        left = self._hard[payments] - hard[rules]
        scored = self._scored[payments]
        return self._strictest(payments, fraud, aml, scored, explicit > 0, left > 0)

    def _points_without(self, rules: Rows, payments: Rows) -> tuple[Points, Points]:
        rows = self._rows
        points = np.array([row.points for row in rows], np.int32)[rules]
        names = list(self._best)
        places = {name: place for place, name in enumerate(names)}
        scenario = np.array([places.get(row.scenario, -1) for row in rows], np.int32)[rules]
        lost = np.zeros(len(rules), np.int64)
        for place, name in enumerate(names):
            here = np.flatnonzero((scenario == place) & (points > 0))
            best = self._best[name][payments[here]]
            second = self._second[name][payments[here]]
            lost[here] = np.where(best == points[here], best - second, 0)
        is_aml = np.array([row.engine == AML for row in rows], np.bool_)[rules]
        return (
            self.points[payments] - np.where(is_aml, 0, lost),
            self.aml_points[payments] - np.where(is_aml, lost, 0),
        )

    def without_points(self) -> Outcomes:
        """What rules and model give without points of fraud: int8 [n]."""
        return self._every(np.zeros(self._count, np.int64), self._scored)

    def without_model(self) -> Outcomes:
        """What rules and their points give without the model: int8 [n]."""
        return self._every(self.points, np.zeros(self._count, np.int8))

    # --- steps -----------------------------------------------------------------------------

    def _stand(self, allowing: Sequence[int]) -> Iterator[_Standing]:
        """Rules that are no allow rules, with the payments that allow rules leave them."""
        lowered: dict[str, npt.NDArray[np.bool_]] = {}
        for index in allowing:
            row = self._rows[index]
            for scenario in row.allow_scenarios if row.engine != AML else ():
                mask = lowered.setdefault(scenario, np.zeros(self._count, np.bool_))
                mask[self._matches.of(index)] = True
        every = lowered.get(EVERY_FRAUD_SCENARIO)
        asked = (every, lowered.get(MODEL_SCENARIO))
        self._model_lowered = [taken for taken in asked if taken is not None]
        for index, row in enumerate(self._rows):
            if row.outcome is Outcome.ALLOW:
                continue
            payments = self._matches.of(index)
            if len(payments) and not row.hard and row.engine != AML:
                for taken in (every, lowered.get(row.scenario)):
                    if taken is not None:
                        payments = payments[~taken[payments]]
            if len(payments):
                yield _Standing(index, row, payments)

    def _tally(self) -> None:
        self._by_rule = {one.rule: one.payments for one in self._standing}
        for one in self._standing:
            if one.row.outcome is not None:
                add_one(one.payments, self._explicit[one.row.outcome - 1])
                if one.row.hard and one.row.outcome is Outcome.BLOCK:
                    add_one(one.payments, self._hard)
        # Ascending points: a later rule is never below what stands there.
        for one in sorted(self._standing, key=lambda one: one.row.points):
            if one.row.points > 0:
                best = self._scenario(self._best, one.row.scenario)
                second = self._scenario(self._second, one.row.scenario)
                add_points(one.payments, one.row.points, best, second)

    def _scenario(self, held: dict[str, npt.NDArray[np.int32]], name: str) -> npt.NDArray[np.int32]:
        found = held.get(name)
        if found is None:
            found = held[name] = np.zeros(self._count, np.int32)
        return found

    def _sum(self, aml: bool) -> Points:
        engines = {row.scenario: row.engine for row in self._rows}
        total = np.zeros(self._count, np.int64)
        for scenario, points in self._best.items():
            if (engines[scenario] == AML) == aml:
                total += points
        return total

    def _asked(self, probability: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
        """The model's probability where it counts: NaN where an allow rule takes it back."""
        if probability is None:
            return None
        asked = probability.copy()
        for mask in self._model_lowered:
            asked[mask] = np.nan
        return asked

    def _model(self) -> Outcomes:
        if self.probability is None:
            return np.zeros(self._count, np.int8)
        return reached(self.probability, self._policy.model, self._settled)

    def _every(self, points: Points, scored: Outcomes) -> Outcomes:
        explicit, hard = self._explicit > 0, self._hard > 0
        return self._strictest(slice(None), points, self.aml_points, scored, explicit, hard)

    def _strictest(
        self,
        rows: Rows | slice,
        points: Points,
        aml: Points,
        scored: Outcomes,
        explicit: npt.NDArray[np.bool_],
        hard: npt.NDArray[np.bool_],
    ) -> Outcomes:
        settled = self._settled[rows]
        best = scored.copy()
        for level, held in zip(_LEVELS, explicit, strict=True):
            stands = settled if level is Outcome.CHALLENGE else np.int8(level)
            np.maximum(best, np.where(held, stands, 0).astype(np.int8), out=best)
        thresholds = self._policy.points
        for total in (points, aml):
            np.maximum(best, reached(total, thresholds, settled), out=best)
        best[hard] = Outcome.BLOCK
        if self._floor is not None:
            np.maximum(best, self._floor[rows], out=best)
        return best


def _paired(rules: Sequence[int], ends: Sequence[int], kept: Rows) -> tuple[Rows, Rows]:
    return np.repeat(np.array(rules, np.int32), np.diff(ends)), kept[: ends[-1]].copy()


def reached(
    value: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    thresholds: Thresholds,
    settled: Outcomes,
) -> Outcomes:
    """The strictest outcome whose threshold a value reaches, per payment; 0 for none."""
    best = np.zeros(len(value), np.int8)
    if thresholds.challenge is not None:
        best = np.where(value >= thresholds.challenge, settled, best).astype(np.int8)
    for level, lowest in ((Outcome.REVIEW, thresholds.review), (Outcome.BLOCK, thresholds.block)):
        if lowest is not None:
            np.maximum(best, np.where(value >= lowest, np.int8(level), 0).astype(np.int8), out=best)
    return best


def settled_of(
    runtime: PolicyRuntime, around: Sequence[Surroundings], which: npt.NDArray[np.int64]
) -> Outcomes:
    """What a challenge comes to in the surroundings of each payment, by `combine` itself."""
    asked = FiredRule("challenge", "", outcome=Outcome.CHALLENGE)
    none = Thresholds()
    found = [
        combine(
            [asked],
            none,
            none,
            None,
            CombineContext(
                phase=one.phase,
                initiator=one.initiator,
                challenge_unavailable=runtime.challenge_unavailable(one.segment),
            ),
        ).outcome
        for one in around
    ]
    return np.array(found, np.int8)[which]
