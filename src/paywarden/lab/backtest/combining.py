"""Fired rules of many payments into outcomes: the rules of `decision.combine`, over arrays.

Guards: each step of `combine` is done for all payments at once (a hard block; allow rules; points,
the maximum within a scenario, summed; explicit outcomes; thresholds; the challenge that cannot
happen); a test draws cases by the thousand and compares with `combine` itself. What a challenge
comes to for a payment is asked of `combine`, once for each distinct surroundings.
Beside the outcome there is, for each rule, the outcome without it.
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
from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.verdicts import Surroundings
from paywarden.risk.rules.firing import AML, EVERY_FRAUD_SCENARIO, FiredRule
from paywarden.risk.rules.model import Policy, Thresholds

Outcomes = npt.NDArray[np.int8]
Points = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
_LEVELS = (Outcome.CHALLENGE, Outcome.REVIEW, Outcome.BLOCK)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A rule after allow rules: the payments in which it still counts."""

    rule: int
    row: FiredRule
    payments: Rows


class Combination:
    """Outcomes of one policy's matches. `points`: of fraud, int64 [n]; `outcome`: int8 [n]."""

    def __init__(
        self,
        rows: Sequence[FiredRule],
        policy: Policy,
        matches: Matches,
        settled: Outcomes,
        probability: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """`probability`: the model's, [n], NaN where it did not answer."""
        self._policy = policy
        self._matches = matches
        self._settled = settled
        self._probability = probability
        self._count = len(settled)
        self._rows = rows
        self._allowing = [i for i, row in enumerate(self._rows) if row.outcome is Outcome.ALLOW]
        self._standing = list(self._stand(self._allowing))
        self._explicit = np.zeros((3, self._count), np.int32)
        self._hard = np.zeros(self._count, np.int32)
        self.scenario_points: dict[str, npt.NDArray[np.int32]] = {}
        self._second: dict[str, npt.NDArray[np.int32]] = {}
        self._tally()
        self.points = self._sum(False)
        self.aml_points = self._sum(True)
        self._scored = self._model(probability)
        every = slice(None)
        self.outcome = self._strictest(
            every, self.points, self.aml_points, self._explicit > 0, self._hard > 0
        )

    def standing(self, rule: int) -> Rows:
        """Payments in which a rule fired and no allow rule took it back."""
        return self._by_rule.get(rule, np.zeros(0, np.int32))

    def without(self, rule: int, among: Rows | None = None) -> Outcomes:
        """Outcome of each payment of the rule if it had not fired.

        `among`: payments of the rule to be asked about, ascending (default: `matches.of(rule)`).
        """
        asked = self._matches.of(rule) if among is None else among
        if self._rows[rule].outcome is Outcome.ALLOW:
            everything = self._without_allow(rule)
            return everything[np.searchsorted(self._matches.of(rule), asked)]
        found = self.outcome[asked].copy()
        rows = self.standing(rule)
        if among is not None and len(rows):
            rows = rows[_contained(rows, among)]
        if not len(rows):
            return found
        row = self._rows[rule]
        explicit = self._explicit[:, rows].copy()
        if row.outcome is not None:
            explicit[row.outcome - 1] -= 1
        hard = self._hard[rows] - int(row.hard and row.outcome is Outcome.BLOCK)
        points, aml = self.points[rows], self.aml_points[rows]
        if row.points > 0:
            best = self.scenario_points[row.scenario][rows]
            lost = np.where(best == row.points, best - self._second[row.scenario][rows], 0)
            points, aml = (points, aml - lost) if row.engine == AML else (points - lost, aml)
        found[np.searchsorted(asked, rows)] = self._strictest(
            rows, points, aml, explicit > 0, hard > 0
        )
        return found

    def explicit_outcomes(self) -> Outcomes:
        """What rules and model give without points of fraud: int8 [n]."""
        none = np.zeros(self._count, np.int64)
        every = slice(None)
        return self._strictest(every, none, self.aml_points, self._explicit > 0, self._hard > 0)

    def rule_outcomes(self) -> Outcomes:
        """What rules and their points give without the model: int8 [n]."""
        scored, self._scored = self._scored, np.zeros(self._count, np.int8)
        try:
            every = slice(None)
            return self._strictest(
                every, self.points, self.aml_points, self._explicit > 0, self._hard > 0
            )
        finally:
            self._scored = scored

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
                self._explicit[one.row.outcome - 1, one.payments] += 1
                if one.row.hard and one.row.outcome is Outcome.BLOCK:
                    self._hard[one.payments] += 1
        # Ascending points: a later rule is never below what stands there.
        for one in sorted(self._standing, key=lambda one: one.row.points):
            if one.row.points > 0:
                best = self._scenario(self.scenario_points, one.row.scenario)
                second = self._scenario(self._second, one.row.scenario)
                second[one.payments] = best[one.payments]
                best[one.payments] = one.row.points

    def _scenario(self, held: dict[str, npt.NDArray[np.int32]], name: str) -> npt.NDArray[np.int32]:
        found = held.get(name)
        if found is None:
            found = held[name] = np.zeros(self._count, np.int32)
        return found

    def _sum(self, aml: bool) -> Points:
        engines = {row.scenario: row.engine for row in self._rows}
        total = np.zeros(self._count, np.int64)
        for scenario, points in self.scenario_points.items():
            if (engines[scenario] == AML) == aml:
                total += points
        return total

    def _model(self, probability: npt.NDArray[np.float64] | None) -> Outcomes:
        if probability is None:
            return np.zeros(self._count, np.int8)
        asked = probability.copy()
        for mask in self._model_lowered:
            asked[mask] = np.nan
        return reached(asked, self._policy.model, self._settled)

    def _strictest(
        self,
        rows: Rows | slice,
        points: Points,
        aml: Points,
        explicit: npt.NDArray[np.bool_],
        hard: npt.NDArray[np.bool_],
    ) -> Outcomes:
        settled = self._settled[rows]
        best = self._scored[rows].copy()
        for level, held in zip(_LEVELS, explicit, strict=True):
            stands = settled if level is Outcome.CHALLENGE else np.int8(level)
            np.maximum(best, np.where(held, stands, 0).astype(np.int8), out=best)
        thresholds = self._policy.points
        for total in (points, aml):
            np.maximum(best, reached(total, thresholds, settled), out=best)
        best[hard] = Outcome.BLOCK
        return best

    def _without_allow(self, rule: int) -> Outcomes:
        """An allow rule touches every other rule of its payments: they are combined anew."""
        fired = self._matches.of(rule)
        kept = [index for index in range(len(self._rows)) if index != rule]
        part = _restricted(self._matches, fired, kept)
        rows = [self._rows[index] for index in kept]
        known = None if self._probability is None else self._probability[fired]
        return Combination(rows, self._policy, part, self._settled[fired], known).outcome


def _restricted(matches: Matches, payments: Rows, rules: Sequence[int]) -> Matches:
    """Matches of some rules on some payments, counted from 0 in their order."""
    parts = []
    for rule in rules:
        here = matches.of(rule)
        inside = here[_contained(here, payments)]
        parts.append(np.searchsorted(payments, inside).astype(np.int32))
    offsets = np.zeros(len(rules) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    rows = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    none = np.zeros(len(rules), np.int64)
    return Matches(offsets, rows, none, matches.segment, matches.group, 0)


def _contained(these: Rows, those: Rows) -> npt.NDArray[np.bool_]:
    """Which of `these` are among `those`; both ascending."""
    place = np.searchsorted(those, these)
    inside = place < len(those)
    inside[inside] = those[place[inside]] == these[inside]
    return inside


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
