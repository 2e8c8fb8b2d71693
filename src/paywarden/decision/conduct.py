"""The conductor's pure core: fields and window values in, a result with its rules out.

Live decisions, `continue`, replay and drafts all pass here, so they cannot differ. Order: vector,
segment, merchant group, model, rules of both engines, partial windows, what AML does without rules
(`built_in.py`), combination. No input or
output, no clock but the model's deadline; a stage that is named in `skipped` gives no opinion and
its stand-in outcome takes part.
Not done here: windows (`risk.features`), deadlines (`engine.py`), recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paywarden.aml.monitoring.payment_alerts import PaymentAlerts
from paywarden.core.outcome import Outcome
from paywarden.decision.built_in import built_in_rows, floor_of
from paywarden.decision.combine import ChallengeState, CombineContext, combine
from paywarden.decision.companions import read_by
from paywarden.decision.control_group import ControlDraw, passes, share_ppm
from paywarden.decision.decider import Decider
from paywarden.decision.entries import ModelOpinion, Result
from paywarden.decision.magic import REASON as MAGIC_REASON
from paywarden.decision.model_runtime import MODEL_STAGE, Late, ModelRuntime, Sampler
from paywarden.decision.snoozes import PATHS, list_of
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.rules.compiler import ANOMALY, MODEL, CompiledPolicy, planned
from paywarden.risk.rules.firing import FiredRule
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.typology_rows import TypologyRows

FRAUD_STAGE = "fraud"
PASSED = frozenset({"authenticated", "attempted"})
FAILED = frozenset({"failed", "abandoned"})
NOT_POSSIBLE = "not_available"


class Situation(NamedTuple):
    """What beside the fields decides: skipped stages, forced outcome, the challenge's result.

    `late`: whether the model's deadline has passed; None where time does not count. `control`: the
    draw of the control group; None where nobody is let pass (drafts, comparisons). `sampler`: takes
    what the model saw; None where nothing is live.
    """

    skipped: tuple[str, ...] = ()
    forced: Outcome | None = None
    challenge_result: str | None = None
    control: ControlDraw | None = None
    late: Late | None = None
    sampler: Sampler | None = None


class PolicyRuntime:
    """One compiled ruleset, ready to decide, with the model that serves beside it, if any.

    Immutable and shared by every reader. `aggregates`: those of the rules, then the model's own.
    `reads`: companions of which a rule or the model reads any field.
    """

    def __init__(self, compiled: CompiledPolicy, model: ModelRuntime | None = None) -> None:
        policy = compiled.policy
        self.policy = policy
        self.compiled = compiled
        self.model = model
        own = model.windows if model is not None else ()
        self.aggregates: tuple[Aggregate, ...] = (*compiled.aggregates, *own)
        self.plan = planned(self.aggregates) if own else compiled.plan
        self.model_thresholds = model.thresholds if model is not None else policy.model
        self.rows: tuple[FiredRule, ...] = compiled.fired
        self.typologies = TypologyRows(policy)
        self.typology_alerts = PaymentAlerts(compiled, self.typologies)
        self._paths = tuple(sorted(compiled.slots, key=compiled.slots.__getitem__))[
            : compiled.aggregate_start
        ]
        self._model_slot = compiled.slots[MODEL]
        self._anomaly_slot = compiled.slots[ANOMALY]
        self._segment_slot = compiled.slots["segment"]
        self._group_slot = compiled.slots["merchant_group"]
        self._segments = {segment.name: segment for segment in policy.segments}
        self.has_actions = any(rule.then.actions for rule in policy.rules)
        self._snoozes: dict[int, tuple[tuple[str, str], ...]] = {}
        paths = {path for row in compiled.rules for path in row.references.paths}
        self.reads = read_by(paths | (model.paths if model is not None else set()))

    @property
    def ruleset(self) -> str:
        """Content hash that names the ruleset."""
        return self.compiled.ruleset_hash

    @property
    def decider(self) -> Decider:
        """Names of the ruleset and the model."""
        return Decider(self.ruleset, self.model.name if self.model is not None else "")

    def asked(
        self,
        values: list[Any],
        skipped: Sequence[str],
        late: Late | None,
        sampler: Sampler | None = None,
    ) -> ModelOpinion | None:
        """The model's opinion, which rules may read as `model.p` and `model.anomaly`; None without
        a model."""
        if self.model is None:
            return None
        given = self.model.none()
        if MODEL_STAGE not in skipped:
            given = self.model.opinion(values, late, sampler)
        values[self._model_slot] = given.probability
        values[self._anomaly_slot] = given.anomaly
        return given

    def vector(
        self, fields: Mapping[str, Any], aggregates: Sequence[ObservedValue], lists: Any
    ) -> list[Any]:
        """Values by slot: fields, then aggregates in plan order, segment and group filled in."""
        compiled = self.compiled
        values: list[Any] = [*map(fields.get, self._paths), *aggregates]
        values[self._segment_slot] = compiled.segment_of(values, lists)
        values[self._group_slot] = compiled.merchant_group_of(values, lists)
        return values

    def vector_of(
        self,
        fields: Mapping[str, Any],
        aggregates: Sequence[ObservedValue],
        lists: Any,
        result: Result,
    ) -> list[Any]:
        """The vector that a result rests on, what the model said included."""
        values = self.vector(fields, aggregates, lists)
        values[self._segment_slot] = result.segment
        values[self._group_slot] = result.merchant_group
        if result.model is not None:
            values[self._model_slot] = result.model.probability
            values[self._anomaly_slot] = result.model.anomaly
        return values

    def snoozes_of(self, index: int) -> tuple[tuple[str, str], ...]:
        """(path, list) of each kind of entity for which a rule can be snoozed."""
        found = self._snoozes.get(index)
        if found is None:
            rule = self.rows[index].id
            made = ((PATHS[kind], list_of(rule, kind)) for kind in PATHS)
            found = self._snoozes[index] = tuple(made)
        return found

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
    segment, merchant_group = runtime.placed(values)
    opinion = runtime.asked(values, situation.skipped, situation.late, situation.sampler)
    fired: list[int] = []
    if FRAUD_STAGE not in situation.skipped:
        fired = fired_rules(runtime, values, partial, lists)
        fired = runtime.typologies.settled(awake(runtime, fired, fields, lists))
    rows = [runtime.rows[index] for index in fired]
    policy = runtime.policy
    built_in = built_in_rows(policy.screening, policy.travel_rule, fields)
    rows += built_in
    combined = combine(
        rows,
        policy.points,
        runtime.model_thresholds,
        opinion.probability if opinion is not None else None,
        _context(runtime, fields, segment, situation.challenge_result),
        stand_ins=stand_ins(policy, _without(situation.skipped, opinion)),
        model_reasons=opinion.reasons if opinion is not None else (),
    )
    outcome, reasons = combined.outcome, combined.reasons
    action, control_ppm = combined.required_action, 0
    group, drawn = policy.control_group, situation.control
    if group is not None and drawn is not None and passes(group, drawn, fields, rows, combined):
        outcome, reasons, control_ppm = Outcome.ALLOW, (), share_ppm(group)
    if situation.forced is not None:
        outcome = max(situation.forced, floor_of(built_in))
        reasons = (MAGIC_REASON, *reasons)
        control_ppm = 0
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
        merchant_group or "",
        control_ppm=control_ppm,
        model=opinion,
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


def awake(
    runtime: PolicyRuntime, fired: list[int], fields: Mapping[str, Any], lists: Any
) -> list[int]:
    """Rules that fire and are not snoozed for somebody who takes part; hard ones always are."""
    return [
        index
        for index in fired
        if runtime.rows[index].hard
        or not any(
            fields.get(path) in lists.get(name, ()) for path, name in runtime.snoozes_of(index)
        )
    ]


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


def _without(skipped: Sequence[str], opinion: ModelOpinion | None) -> tuple[str, ...]:
    """Stages that gave no opinion, the model's included when it was asked and said nothing."""
    if opinion is None or not opinion.silent or MODEL_STAGE in skipped:
        return tuple(skipped)
    return (*skipped, MODEL_STAGE)


def stand_ins(policy: Policy, skipped: Sequence[str]) -> dict[str, Outcome]:
    """Outcome by stage. Rules go on without a model, unless the policy says otherwise."""
    return {
        name: policy.stages[name].on_failure if name in policy.stages else Outcome.REVIEW
        for name in skipped
        if name in policy.stages or name != MODEL_STAGE
    }
