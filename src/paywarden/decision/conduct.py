"""The conductor's pure core: fields and window values in, a result with its rules out.

Live decisions, `continue`, replay and drafts all pass here, so they cannot differ. Order: vector,
segment, merchant group, rules of both engines, partial windows, combination. No input or output,
no clock; a stage that is named in `skipped` gives no opinion and its stand-in outcome takes part.
Not done here: windows (`risk.features`), deadlines (`engine.py`), recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import ChallengeState, CombineContext, combine
from paywarden.decision.entries import Result
from paywarden.decision.magic import REASON as MAGIC_REASON
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.rules.compiler import CompiledPolicy
from paywarden.risk.rules.firing import FiredRule
from paywarden.risk.rules.model import Policy

FRAUD_STAGE = "fraud"
PASSED = frozenset({"authenticated", "attempted"})
FAILED = frozenset({"failed", "abandoned"})
NOT_POSSIBLE = "not_available"


@dataclass(frozen=True, slots=True)
class Situation:
    """What beside the fields decides: skipped stages, forced outcome, the challenge's result."""

    skipped: tuple[str, ...] = ()
    forced: Outcome | None = None
    challenge_result: str | None = None


class PolicyRuntime:
    """One compiled ruleset, ready to decide; immutable and shared by every reader."""

    def __init__(self, compiled: CompiledPolicy) -> None:
        policy = compiled.policy
        self.policy = policy
        self.compiled = compiled
        self.plan = compiled.plan
        self.rows: tuple[FiredRule, ...] = compiled.fired
        self._paths = tuple(sorted(compiled.slots, key=compiled.slots.__getitem__))[
            : compiled.aggregate_start
        ]
        self._segment_slot = compiled.slots["segment"]
        self._group_slot = compiled.slots["merchant_group"]
        self._segments = {segment.name: segment for segment in policy.segments}

    @property
    def ruleset(self) -> str:
        """Content hash that names the ruleset."""
        return self.compiled.ruleset_hash

    def vector(
        self, fields: Mapping[str, Any], aggregates: Sequence[ObservedValue], lists: Any
    ) -> list[Any]:
        """Values by slot: fields, then aggregates in plan order, segment and group filled in."""
        compiled = self.compiled
        values: list[Any] = [*map(fields.get, self._paths), *aggregates]
        values[self._segment_slot] = compiled.segment_of(values, lists)
        values[self._group_slot] = compiled.merchant_group_of(values, lists)
        return values

    def placed(self, values: Sequence[Any]) -> tuple[str, str]:
        """Segment and merchant group that `vector` found."""
        return values[self._segment_slot], values[self._group_slot]

    def challenge_unavailable(self, segment: str | None) -> Outcome:
        """What stands in for a challenge that cannot happen in this segment."""
        found = self._segments.get(segment or "")
        return found.challenge_unavailable if found is not None else Outcome.REVIEW


def conduct(
    runtime: PolicyRuntime,
    fields: Mapping[str, Any],
    aggregates: Sequence[ObservedValue],
    partial: frozenset[int],
    lists: Any,
    situation: Situation,
) -> Result:
    """Decide one payment. `partial`: indexes of aggregates that do not reach back far enough."""
    values = runtime.vector(fields, aggregates, lists)
    segment, group = runtime.placed(values)
    fired: list[int] = []
    if FRAUD_STAGE not in situation.skipped:
        fired = fired_rules(runtime, values, partial, lists)
    rows = [runtime.rows[index] for index in fired]
    policy = runtime.policy
    combined = combine(
        rows,
        policy.points,
        policy.model,
        None,
        _context(runtime, fields, segment, situation.challenge_result),
        stand_ins=stand_ins(policy, situation.skipped),
    )
    outcome, reasons = combined.outcome, combined.reasons
    action = combined.required_action
    if situation.forced is not None:
        outcome, reasons = situation.forced, (MAGIC_REASON, *reasons)
        action = "challenge" if outcome is Outcome.CHALLENGE else None
    return Result(
        int(outcome),
        combined.points,
        tuple(fired),
        tuple(reasons),
        action,
        ",".join(combined.deciding)[:500],
        dict(combined.scenario_points),
        segment or "",
        group or "",
    )


def fired_rules(
    runtime: PolicyRuntime, values: list[Any], partial: frozenset[int], lists: Any
) -> list[int]:
    """Indexes of the rules that fire, ascending; rules that need a partial window do not."""
    compiled = runtime.compiled
    fired = sorted(compiled.online.evaluate(values, lists))
    if partial:
        fired = [index for index in fired if partial.isdisjoint(compiled.needs_whole[index])]
    return fired


def _context(
    runtime: PolicyRuntime,
    fields: Mapping[str, Any],
    segment: str | None,
    challenge_result: str | None,
) -> CombineContext:
    state = ChallengeState.NONE
    if challenge_result in PASSED:
        state = ChallengeState.PASSED
    elif challenge_result in FAILED:
        state = ChallengeState.FAILED
    return CombineContext(
        phase=fields.get("payment.phase", "pre_auth"),
        initiator=fields.get("payment.initiator", "customer"),
        challenge_possible=challenge_result != NOT_POSSIBLE,
        challenge_unavailable=runtime.challenge_unavailable(segment),
        challenge=state,
    )


def stand_ins(policy: Policy, skipped: Sequence[str]) -> dict[str, Outcome]:
    """The outcome that stands in for each stage that gave no opinion."""
    return {
        name: policy.stages[name].on_failure if name in policy.stages else Outcome.REVIEW
        for name in skipped
    }
