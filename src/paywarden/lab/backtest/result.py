"""The answer of a back-test as frozen values; `document` makes plain JSON types of it.

Guards: every figure has its definition here and nowhere else. *Stopped* is any outcome but allow;
*caught* is a stopped fraud, *hurt* a stopped genuine payment; values are minor units of `currency`;
an interval is the 95 % percentile interval of a bootstrap over customers, None where it says
nothing. Payments without a label are counted and never guessed. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a decision costs, in minor units or as a share of the payment's value.

    `review_minor`, `challenge_minor`: each. `efficacy`: share of frauds that a challenge stops.
    `abandonment`: share of genuine payments that a challenge loses. `review_catch`: share of frauds
    that a review stops. `margin`: share of a lost genuine payment's value that is lost income.
    `loss`: share of a fraud's value that is lost.
    """

    review_minor: int = 500
    challenge_minor: int = 10
    efficacy: float = 0.9
    abandonment: float = 0.05
    review_catch: float = 0.95
    margin: float = 0.03
    loss: float = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to report. Times in microseconds, `to_us` excluded; `replicates` of the bootstrap."""

    from_us: int | None = None
    to_us: int | None = None
    analysts: int = 1
    costs: Costs = field(default_factory=Costs)
    replicates: int = 200
    seed: int = 7
    samples: int = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and values of some payments under one policy."""

    payments: int
    outcomes: Mapping[str, int]
    fraud: int
    fraud_value_minor: int
    caught: int
    caught_value_minor: int
    genuine: int
    genuine_value_minor: int
    hurt: int
    hurt_value_minor: int
    unlabelled: int
    precision: float | None
    recall: float | None
    value_recall: float | None
    hurt_rate: float | None


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % intervals of the shares of a tally, or of a rule."""

    precision: Interval | None = None
    recall: Interval | None = None
    value_recall: Interval | None = None
    hurt_rate: Interval | None = None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another rule that fires on the same payments: how many, and as a share of this rule's."""

    rule: str
    payments: int
    share: float


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule. Payments that it matched, whatever came of them, and what only it stops.

    `alone_*`: stopped now and not without this rule. `new_*`: of its matches, those that `against`
    lets pass and this policy stops; None without `against`. `already_stopped`: share of its matches
    that are stopped without it, too. `intervals`: of every rule that matched, by the same draws.
    `overlaps`: the rules that fire most often beside it.
    """

    id: str
    title: str
    scenario: str
    points: int
    outcome: str | None
    matches: int
    errors: int
    fraud: int
    fraud_value_minor: int
    genuine: int
    genuine_value_minor: int
    unlabelled: int
    precision: float | None
    recall: float | None
    value_recall: float | None
    intervals: Intervals
    alone_fraud: int
    alone_fraud_value_minor: int
    alone_genuine: int
    alone_genuine_value_minor: int
    already_stopped: float | None
    new_fraud: int | None
    new_fraud_value_minor: int | None
    new_genuine: int | None
    overlaps: tuple[Overlap, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """Alerts (outcome review) per day and per analyst and day; `extra_*`: over `against`."""

    days: float
    alerts_per_day: float
    alerts_per_analyst_day: float
    extra_alerts_per_day: float | None
    extra_alerts_per_analyst_day: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """Payments whose outcome differs between `against` and the policy."""

    before: str
    after: str
    payments: int
    fraud: int
    fraud_value_minor: int
    genuine: int
    genuine_value_minor: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """The policy if its lowest threshold on points stood at `at`; cost in minor units."""

    at: float
    caught: int
    caught_value_minor: int
    hurt: int
    hurt_value_minor: int
    challenged: int
    reviewed: int
    blocked: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Thresholds on `over` (points, or the model's probability), ascending, and today's."""

    over: str
    present: float | None
    thresholds: tuple[Threshold, ...]
    cheapest: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One segment, scenario or week."""

    name: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Sample:
    """A payment to open. `fields` are masked; `before` is the outcome under `against`."""

    why: str
    id: str
    at: str
    amount_minor: int
    currency: str
    outcome: str
    before: str | None
    points: int
    rules: tuple[str, ...]
    label: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parity:
    """The recorded decisions of this very policy made again: how many, and what differs."""

    decisions: int
    values: int
    outcomes_differ: int
    points_differ: int
    rules_differ: int
    values_differ: int
    differing: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known and how late. `mature_until`: labels of later payments may still be coming."""

    labelled: int
    unlabelled: int
    unlabelled_share: float
    delay_seconds: int | None
    mature_until: str | None
    immature: int
    rule: str


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """Everything that a back-test found; shapes and definitions: see the parts."""

    source: str
    material: str
    ruleset: str
    against: str | None
    first: str
    last: str
    payments: int
    customers: int
    currency: str
    labels: Labels
    total: Tally
    intervals: Intervals
    total_against: Tally | None
    workload: Workload
    rules: tuple[RuleFigures, ...]
    changes: tuple[Change, ...]
    segments: tuple[Group, ...]
    scenarios: tuple[Group, ...]
    weeks: tuple[Group, ...]
    sweeps: tuple[Sweep, ...]
    samples: tuple[Sample, ...]
    parity: Parity | None
    costs: Costs
    replicates: int
    seed: int
    stages: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Plain JSON types, as the command prints them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
