"""What both engines hand upwards: rules that fired, and the opinion of one engine.

Guards: plain frozen values, made once per policy and rule (`row_of`) and only picked per payment.
`engine` is the engine of the rule's scenario: an allow rule never touches a row of AML.
Not done here: combining opinions (`paywarden.decision.combine`), texts of reasons
(`paywarden.fraud.reasons`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.model import Rule

FRAUD = "fraud"
AML = "aml"
EVERY_FRAUD_SCENARIO = "*"
_POINTS_SPAN = 1 << 40


@dataclass(frozen=True, slots=True)
class FiredRule:
    """One rule that fired, as much of it as the combination needs.

    `points`: integer score within `scenario`. `outcome`: explicit outcome or None. `reason`: code
    of the neutral reason or None. `hard`: no allow rule lowers it. `allow_scenarios`: scenarios
    that an allow rule lowers ("*": all of fraud, the model's probability included). `strength`
    orders reasons: hard first, then by outcome, then by points.
    """

    id: str
    scenario: str
    points: int = 0
    outcome: Outcome | None = None
    reason: str | None = None
    hard: bool = False
    allow_scenarios: tuple[str, ...] = ()
    engine: str = FRAUD
    strength: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rank = (self.hard << 2) + (self.outcome or 0)
        object.__setattr__(self, "strength", rank * _POINTS_SPAN + self.points)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one engine thinks of one payment: its fired rules and its points per scenario."""

    engine: str
    fired: tuple[FiredRule, ...]
    points: Mapping[str, int]


def row_of(rule: Rule, engine: str = FRAUD) -> FiredRule:
    """The row of a rule of a policy, made once when the policy is compiled."""
    then = rule.then
    return FiredRule(
        id=rule.id,
        scenario=rule.scenario,
        points=then.points,
        outcome=then.outcome,
        reason=then.reason,
        hard=rule.hard,
        allow_scenarios=then.allow_scenarios,
        engine=engine,
    )


def points_of(fired: tuple[FiredRule, ...]) -> dict[str, int]:
    """Points per scenario: the maximum of the rules within it, scenarios in order of firing."""
    points: dict[str, int] = {}
    for row in fired:
        if row.points > points.get(row.scenario, 0):
            points[row.scenario] = row.points
    return points
