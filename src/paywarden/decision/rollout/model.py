"""A roll-out: how a candidate becomes the live ruleset, and what ends it before. Pure.

Legal order: scheduled -> shadow -> staged (growing shares) -> live. From each of the first three it
may end as `rolled_back` (a guardrail, or a person) or `expired` (an emergency rule's time is over).
An emergency goes straight to everybody, for at most four hours, under a cap on added blocks.
Not done here: moving it (`desk.py`), judging (`guardrails.py`), what it counts (`trial_tally`).
"""

from __future__ import annotations

import enum
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from paywarden.core.errors import InvalidRequest
from paywarden.core.identifiers import Identifier
from paywarden.core.instants import MINUTE_US
from paywarden.decision.decider import Decider
from paywarden.decision.trial_tally import EVERYBODY_PPM, TrialTally

EMERGENCY_MINUTES: Final = 240
MAX_STEPS: Final = 10
Rate = Annotated[float, Meta(ge=0.0, le=1.0)]
Minutes = Annotated[int, Meta(ge=0, le=90 * 24 * 60)]


class RolloutId(Identifier):
    """A roll-out of a ruleset."""

    prefix = "ro_"


class Stage(enum.StrEnum):
    """Where a roll-out stands."""

    SCHEDULED = "scheduled"
    SHADOW = "shadow"
    STAGED = "staged"
    EMERGENCY = "emergency"
    LIVE = "live"
    ROLLED_BACK = "rolled_back"
    EXPIRED = "expired"


ACTIVE: Final = frozenset({Stage.SCHEDULED, Stage.SHADOW, Stage.STAGED, Stage.EMERGENCY})


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of payers, and how long at least before the next step. Percent, 0.01 to 100."""

    percent: Annotated[float, Meta(ge=0.01, le=100.0)]
    minutes: Minutes = 60

    @property
    def share_ppm(self) -> int:
        """The share in parts per million."""
        return min(EVERYBODY_PPM, round(self.percent * 10_000))


class Guardrails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the candidate may not exceed, judged on payments that both rulesets saw.

    Increases are in absolute shares of payments over the live ruleset (0.01: one in a hundred
    more). `latency_ms`: the candidate's own time at the 99th percentile. `fault_rate`: payments on
    which the candidate failed. `min_payments`: nothing is judged before.
    """

    block_increase: Rate = 0.01
    alert_increase: Rate = 0.02
    fault_rate: Rate = 0.001
    latency_ms: Annotated[float, Meta(gt=0.0, le=1_000.0)] = 20.0
    min_payments: Annotated[int, Meta(ge=1, le=1_000_000)] = 200


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a ruleset goes live. The last step should be 100 percent; after it the ruleset is live.

    `starts_at_us`: microseconds since 1970; 0: at once. `shadow_minutes`: time without effect
    before the first step.
    """

    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=MAX_STEPS)] = (
        Step(1.0), Step(10.0), Step(100.0),
    )  # fmt: skip
    shadow_minutes: Minutes = 60
    starts_at_us: Annotated[int, Meta(ge=0)] = 0
    guardrails: Guardrails = Guardrails()

    def check(self) -> None:
        """InvalidRequest unless the shares grow up to 100 percent."""
        shares = [step.share_ppm for step in self.steps]
        if any(after <= before for before, after in pairwise(shares)):
            raise InvalidRequest(
                "plan_not_growing", "each step must reach more payers than the one before",
                pointer="/plan/steps",
            )  # fmt: skip
        if shares[-1] != EVERYBODY_PPM:
            raise InvalidRequest(
                "plan_ends_early", "the last step must be 100 percent", pointer="/plan/steps"
            )


class Rollout(msgspec.Struct, frozen=True):
    """One roll-out as stored. Times in microseconds since 1970.

    `model`: the model that is tried beside the ruleset, empty for none. `step`: index of the step
    that stands, -1 before the first. `replaces`: what was live at the beginning. `until_us`: when
    it ends by itself (emergency, shadow alone), 0: never.
    """

    id: RolloutId
    ruleset: str
    replaces: str
    plan: Plan
    stage: Stage
    step: int
    since_us: int
    created_at_us: int
    created_by: str
    reason: str
    until_us: int = 0
    shadow_only: bool = False
    ended: str = ""
    model: str = ""
    tally: TrialTally = msgspec.field(default_factory=TrialTally)

    @property
    def decider(self) -> Decider:
        """What is tried."""
        return Decider(self.ruleset, self.model)

    @property
    def active(self) -> bool:
        """Whether it still moves."""
        return self.stage in ACTIVE

    @property
    def share_ppm(self) -> int:
        """Share of payers whom the candidate answers now."""
        if self.stage is Stage.EMERGENCY:
            return EVERYBODY_PPM
        return self.plan.steps[self.step].share_ppm if self.stage is Stage.STAGED else 0


class Next(enum.Enum):
    """What is due now."""

    NOTHING = "nothing"
    START = "start"
    NEXT_STEP = "next step"
    GO_LIVE = "go live"
    EXPIRE = "expire"


def due(rollout: Rollout, now_us: int) -> Next:
    """The next move of a roll-out whose guardrails hold."""
    if not rollout.active:
        return Next.NOTHING
    if rollout.until_us and now_us >= rollout.until_us:
        return Next.EXPIRE
    if rollout.stage is Stage.SCHEDULED:
        return Next.START if now_us >= rollout.plan.starts_at_us else Next.NOTHING
    if rollout.stage is Stage.EMERGENCY or rollout.shadow_only:
        return Next.NOTHING
    return _after_step(rollout, now_us)


def _after_step(rollout: Rollout, now_us: int) -> Next:
    plan = rollout.plan
    staged = rollout.stage is Stage.STAGED
    minutes = plan.steps[rollout.step].minutes if staged else plan.shadow_minutes
    judged = rollout.tally.payments >= plan.guardrails.min_payments
    if now_us < rollout.since_us + minutes * MINUTE_US or (minutes and not judged):
        return Next.NOTHING
    last = rollout.step == len(plan.steps) - 1
    return Next.GO_LIVE if last else Next.NEXT_STEP
