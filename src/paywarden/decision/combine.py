"""Opinions into one outcome: pure, strictest wins, the same answer in any order of the rules.

Order (RULES.md, "Combination"):

1. A hard block wins.
2. Allow rules take back what they may: points, explicit outcomes and (under "*") the model's
   probability of the fraud scenarios that they name; never a hard rule, never anything of AML.
3. Candidates: explicit outcomes, the thresholds that points reach (the maximum within a scenario,
   summed over the scenarios of one engine; AML's points are counted apart, so that the number that
   a merchant sees cannot tip anybody off), the thresholds that the model's probability reaches, and
   the outcomes that stand in for stages that failed.
4. Each candidate `challenge` that cannot happen becomes the segment's `challenge_unavailable`: a
   merchant started the payment, the phase has no payer at hand (CHALLENGE_PHASES), or no challenge
   can be delivered. A passed challenge settles it (allow), a failed one refuses it (block).
5. The strictest candidate is the outcome; none means allow.

Replacing candidates one by one, not the result, keeps the combination monotone: another rule that
is no allow rule never makes the outcome milder, whatever `challenge_unavailable` is. Points below
zero are not expected (the reader refuses them). Not done here: deadlines, recording, texts.

>>> row = FiredRule("r", "card_testing", points=60)
>>> combine([row], Thresholds(review=50), Thresholds(), None, CombineContext()).outcome.word
'review'
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.firing import AML, EVERY_FRAUD_SCENARIO, FiredRule
from paywarden.risk.rules.model import Thresholds

ALLOW, CHALLENGE, REVIEW, BLOCK = Outcome
CHALLENGE_PHASES = frozenset({"onboarding", "pre_auth", "payout"})
"""Phases in which somebody can still be asked; post_auth, capture and refund have nobody at hand.

Allow, review (hold it) and block (cancel it) are valid in every phase."""

POLICY_REASON = "POLICY"
"""Code for an outcome whose own reasons are absent or must not be shown."""
MODEL_SCENARIO = "model"
"""Pseudo-scenario by which an allow rule may name the model's probability."""


class ChallengeState(enum.Enum):
    """What is known of a challenge of this payment."""

    NONE = "none"
    PASSED = "passed"
    FAILED = "failed"


class CombineContext(NamedTuple):
    """What surrounds the payment: phase, who started it, whether and how it can be challenged."""

    phase: str = "pre_auth"
    initiator: str = "customer"
    challenge_possible: bool = True
    challenge_unavailable: Outcome = Outcome.REVIEW
    challenge: ChallengeState = ChallengeState.NONE


class Combined(NamedTuple):
    """The decision's content.

    `points`: fraud points after allow rules (what a merchant sees). `aml_points`: never shown to a
    merchant. `reasons`: neutral codes, strongest first, AML's left out. `required_action`:
    "challenge" or None. `deciding`: what gave the outcome: `rule:<id>`, `points`, `aml_points`,
    `model`, `stage:<name>`. `lowered`: ids of rules that an allow rule took back.
    """

    outcome: Outcome
    points: int = 0
    aml_points: int = 0
    reasons: tuple[str, ...] = ()
    required_action: str | None = None
    deciding: tuple[str, ...] = ()
    lowered: tuple[str, ...] = ()
    scenario_points: Mapping[str, int] = {}


def combine(
    fired: Sequence[FiredRule],
    points_thresholds: Thresholds,
    model_thresholds: Thresholds,
    model_probability: float | None,
    context: CombineContext,
    *,
    stand_ins: Mapping[str, Outcome] | None = None,
    model_reasons: Sequence[str] = (),
) -> Combined:
    """The outcome of one payment from the fired rules of both engines.

    `model_probability`: calibrated, 0..1, or None when no model answered. `stand_ins`: outcome by
    name of each stage that failed. `model_reasons`: neutral codes that explain the probability,
    shown when it reaches a threshold. Ties and order of `fired` do not matter.
    """
    standing, lowered, model_lowered = _after_allow(fired)
    scenarios, aml_points = _points(standing)
    total = sum(scenarios.values())
    settled = _settled_challenge(context)
    candidates = [("rule:" + row.id, row.outcome) for row in standing if row.outcome is not None]
    candidates += _reached("points", total, points_thresholds)
    candidates += _reached("aml_points", aml_points, points_thresholds)
    scored: list[tuple[str, Outcome]] = []
    if model_probability is not None and not model_lowered:
        scored = _reached("model", model_probability, model_thresholds)
    candidates += scored
    candidates += [("stage:" + name, held) for name, held in (stand_ins or {}).items()]
    outcome, deciding = _strictest(candidates, settled)
    hard = sorted({"rule:" + row.id for row in standing if row.hard and row.outcome is BLOCK})
    if hard:
        outcome, deciding = BLOCK, tuple(hard)
    reasons = _reasons(standing, model_reasons if scored else ())
    if not reasons and outcome is not ALLOW:
        reasons = (POLICY_REASON,)
    return Combined(
        outcome=outcome,
        points=total,
        aml_points=aml_points,
        reasons=reasons,
        required_action="challenge" if outcome is CHALLENGE else None,
        deciding=deciding,
        lowered=lowered,
        scenario_points=scenarios,
    )


def _after_allow(
    fired: Sequence[FiredRule],
) -> tuple[list[FiredRule], tuple[str, ...], bool]:
    """Rows that stand, ids of rows taken back, and whether the model's probability is too."""
    allowing = [row for row in fired if row.outcome is ALLOW]
    if not allowing:
        return list(fired), (), False
    allowed: set[str] = set()
    for row in allowing:
        if row.engine != AML:
            allowed.update(row.allow_scenarios)
    every = EVERY_FRAUD_SCENARIO in allowed
    standing: list[FiredRule] = []
    lowered: set[str] = set()
    for row in fired:
        if row.outcome is ALLOW:
            continue
        if row.hard or row.engine == AML or not (every or row.scenario in allowed):
            standing.append(row)
        else:
            lowered.add(row.id)
    taken = tuple(sorted(lowered)) if lowered else ()
    return standing, taken, every or MODEL_SCENARIO in allowed


def _points(standing: Iterable[FiredRule]) -> tuple[dict[str, int], int]:
    fraud: dict[str, int] = {}
    aml: dict[str, int] = {}
    for row in standing:
        if row.points > 0:
            points = aml if row.engine == AML else fraud
            if row.points > points.get(row.scenario, 0):
                points[row.scenario] = row.points
    return fraud, sum(aml.values())


def _reached(name: str, value: float, thresholds: Thresholds) -> list[tuple[str, Outcome]]:
    reached: list[tuple[str, Outcome]] = []
    if thresholds.challenge is not None and value >= thresholds.challenge:
        reached.append((name, CHALLENGE))
    if thresholds.review is not None and value >= thresholds.review:
        reached.append((name, REVIEW))
    if thresholds.block is not None and value >= thresholds.block:
        reached.append((name, BLOCK))
    return reached


def _settled_challenge(context: CombineContext) -> Outcome:
    """What a candidate `challenge` comes to for this payment."""
    if context.challenge is ChallengeState.PASSED:
        return ALLOW
    if context.challenge is ChallengeState.FAILED:
        return BLOCK
    possible = (
        context.challenge_possible
        and context.initiator != "merchant"
        and context.phase in CHALLENGE_PHASES
    )
    if possible:
        return CHALLENGE
    instead = context.challenge_unavailable
    return REVIEW if instead is CHALLENGE else instead


def _strictest(
    candidates: Iterable[tuple[str, Outcome]], settled: Outcome
) -> tuple[Outcome, tuple[str, ...]]:
    best = ALLOW
    names: set[str] = set()
    for name, held in candidates:
        if held is CHALLENGE:
            held = settled
        if held > best:
            best = held
            names = {name}
        elif held is best and held is not ALLOW:
            names.add(name)
    return best, tuple(sorted(names))


def _reasons(standing: Iterable[FiredRule], model_reasons: Sequence[str]) -> tuple[str, ...]:
    """Codes of fraud rows, strongest first: hard, then outcome, then points, then the code."""
    strength: dict[str, int] = {}
    for row in standing:
        reason = row.reason
        if reason is None or row.engine == AML:
            continue
        if row.strength > strength.get(reason, -1):
            strength[reason] = row.strength
    codes = sorted(strength)
    codes.sort(key=strength.__getitem__, reverse=True)
    return (*codes, *(code for code in model_reasons if code not in strength))
