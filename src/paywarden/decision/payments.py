"""Payments: the conductor around the pure core, from intake to the durable record.

Order for a payment: capacity, identity (a repeat counts nothing), screening of its parties (the one
step that may wait; identity is asked again after it), clock, derived fields, companions (read),
sealing, windows (add and read in one step), opinions, record, one commit. Whatever may fail on
strange input happens before windows are touched. `resume` decides again after a challenge
and counts nothing.
Not done here: HTTP (`http.py`), meaning of rules (`conduct.py`), files (`paywarden.lab`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from paywarden.aml.alerts.model import Alert as LaunderingAlert
from paywarden.aml.alerts.ports import AlertJoining
from paywarden.aml.monitoring.payment_alerts import Happened
from paywarden.aml.screening.serving.opinion import Hit
from paywarden.aml.travel_rule import travel_fields
from paywarden.core.errors import Unavailable
from paywarden.core.outcome import Outcome
from paywarden.core.scope import Environment, Scope
from paywarden.decision import entries, errors
from paywarden.decision.arms import Arm, observed_arms
from paywarden.decision.automatic_entries import AutomaticEntries
from paywarden.decision.built_in import SCREENING_STAGE
from paywarden.decision.conduct import (
    FAILED,
    FRAUD_STAGE,
    NOT_POSSIBLE,
    PolicyRuntime,
    Situation,
    conduct,
)
from paywarden.decision.control_group import AMOUNT, draw
from paywarden.decision.customer_fields import risk_fields
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.derive import Deriver
from paywarden.decision.drift.watch import DriftWatch
from paywarden.decision.entries import (
    ImportedEntry,
    OtherOpinion,
    PaymentEntry,
    Result,
    ScreeningRecord,
    Sealed,
)
from paywarden.decision.intake import Fields, Intake
from paywarden.decision.ledger import Ledger, identity_of
from paywarden.decision.magic import forced_outcome
from paywarden.decision.model_runtime import MODEL_STAGE
from paywarden.decision.ports import DecisionRow
from paywarden.decision.screening_alerts import alerts_of
from paywarden.decision.screening_record import (
    recorded,
    recorded_again,
    words_of,
)
from paywarden.decision.screening_stage import Screened, ScreeningStage
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState
from paywarden.decision.statement import decision_hash
from paywarden.decision.webhook_types import DECISION_RECORDED, Alert, DecisionRecorded
from paywarden.kit.audit import AuditEvent, AuditOutcome, Scalar
from paywarden.kit.audit_place import Place, Wish
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit, observe_fields
from paywarden.risk.rules.firing import AML
from paywarden.risk.rules.model import Policy

STAGES = ("enrichment", "features", "opinions")
DEFAULT_DEADLINE_MS = 40.0
"""Time after which no further optional stage starts, unless the policy says otherwise."""
SCREENING_DEADLINE_MS = 150.0
"""The same of screening, whose lateness holds a payment: a moment more costs less than that."""


class Decided(NamedTuple):
    """A recorded decision: its place, its record, and whether it stood there before.

    `place`: where it stands in the audit log, with what was promised of it, and `name`: its id,
    when it was just recorded.
    """

    scope: Scope
    seq: int
    entry: PaymentEntry
    repeated: bool = False
    place: Place | None = None
    name: str | None = None


class _Prepared(NamedTuple):
    """A payment ready for its windows: nothing from here on depends on strange input."""

    state: ScopeState
    observation: Observation
    received_us: int
    fields: Fields
    clear: list[Any]
    sealed: tuple[Sealed, ...]
    degraded: tuple[str, ...]
    digest: bytes
    situation: Situation
    started_ns: int
    prepared_ns: int
    continues: int = 0
    screening: ScreeningRecord | None = None
    waited_us: int = 0
    hits: tuple[Hit, ...] = ()
    hidden_us: int = 0


class Payments:
    """Decides payments of every scope over one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        derivers: Callable[[str], Deriver],
        sealer: Sealer,
        ids: DecisionIds,
        tables_version: str,
        entering: AutomaticEntries,
        drift: DriftWatch,
        screening: ScreeningStage,
        alerts: AlertJoining,
    ) -> None:
        self.ids = ids
        self._screening = screening
        self._alerts = alerts
        self._entering = entering
        self._drift = drift
        self._ledger = ledger
        self._derivers = derivers
        self._sealer = sealer
        self._tables_version = tables_version[:16]
        self._clock = ledger.clock
        metrics = self._metrics = ledger.metrics
        self._stages = [metrics.stage_seconds.labels(name) for name in STAGES]
        self._screened = metrics.stage_seconds.labels(SCREENING_STAGE)
        self._decided = {
            environment: [
                metrics.decisions.labels(environment.value, outcome.word) for outcome in Outcome
            ]
            for environment in Environment
        }

    async def decide(self, scope: Scope, intake: Intake, body: msgspec.Struct) -> Decided:
        """Decide a payment, or give the recorded decision of the same body.

        Errors: Conflict `attempt_conflict`, Unavailable, LimitExceeded.
        """
        started_ns = self._clock.monotonic_ns()
        state = self._ledger.ready(scope)
        identity = identity_of(state, "attempt", intake.payment_id, intake.attempt)
        digest = self._ledger.body_digest(scope, body)
        prior = await self._prior(state, identity, intake.payment_id)
        if prior is not None:
            return _same(prior, digest, intake.payment_id)
        state = self._ledger.ready(scope)
        screened = self._screening.at_once(state, intake.fields)
        if screened is None:
            ends_ns = _screening_ends_ns(state, started_ns)
            screened = await self._screening.asked(scope, intake.fields, ends_ns)
            state = self._ledger.ready(scope)
            # The same attempt may have come again meanwhile, and gone first.
            prior = await self._prior(state, identity, intake.payment_id)
            if prior is not None:
                return _same(prior, digest, intake.payment_id)
            state = self._ledger.ready(scope)
        prepared = self._prepare(state, intake, identity, digest, started_ns, screened)
        return await self._record(prepared, identity, entries.PAYMENT)

    async def screen_ahead(self, scope: Scope, many: Sequence[Fields]) -> None:
        """Have the parties of many payments screened together, so that each finds them known.

        Those that this was too short for are asked about again, each in its own time.
        """
        started_ns, state = self._clock.monotonic_ns(), self._ledger.ready(scope)
        unknown = [one for one in many if self._screening.at_once(state, one) is None]
        if unknown:
            ends_ns = _screening_ends_ns(state, started_ns)
            waiting = (self._screening.asked(scope, one, ends_ns) for one in unknown)
            await asyncio.gather(*waiting)

    async def resume(
        self, first: Decided, result: str, occurred_us: int | None, body: msgspec.Struct
    ) -> Decided:
        """Decide again after a challenge with its result; linked to the first decision.

        Errors: Conflict `not_challenged` or `attempt_conflict`, Unavailable, LimitExceeded.
        """
        started_ns = self._clock.monotonic_ns()
        scope = first.scope
        state = self._ledger.ready(scope)
        identity = identity_of(state, "continue", str(first.seq), "")
        digest = self._ledger.body_digest(scope, body)
        seq = self._ledger.place_of(state, identity)
        prior = await self.find(scope, seq) if seq else None
        if prior is not None:
            return _same(prior, digest, first.entry.payment_id)
        if first.entry.result.answer is not Outcome.CHALLENGE:
            raise errors.not_challenged()
        state = self._ledger.ready(scope)
        prepared = self._prepare_again(state, first, result, occurred_us, digest, started_ns)
        return await self._record(prepared, identity, entries.CONTINUE)

    async def find(self, scope: Scope, seq: int) -> Decided | None:
        """The decision recorded at `seq`, once durable."""
        entry = await self._ledger.body_at(scope, seq)
        return Decided(scope, seq, entry) if isinstance(entry, PaymentEntry) else None

    def attempt_of(
        self, scope: Scope, payment_id: str, attempt: str, merchant: str | None
    ) -> Observation | None:
        """The observation of a known attempt, durable or about to be; of `merchant` if given."""
        state = self._ledger.ready(scope)
        seq = state.identities.get(identity_of(state, "attempt", payment_id, attempt))
        entry = self._ledger.staged_body(scope, seq) if seq else None
        if not isinstance(entry, PaymentEntry | ImportedEntry) or entry.payment_id != payment_id:
            return None
        if merchant is not None and entry.merchant_id != merchant:
            return None
        return entry.observation

    def seconds_since(self, started_ns: int) -> float:
        """Seconds from a monotonic mark to now."""
        return (self._clock.monotonic_ns() - started_ns) / 1e9

    def forget_texts(self, state: ScopeState) -> None:
        """Drop every text of people that is kept at hand to be quick."""
        state.digester.forget()
        self._screening.forget()
        self._derivers(self._base(state)).forget()

    def derive(self, state: ScopeState, fields: Fields, s_us: int, late: bool) -> tuple[str, ...]:
        """Derived fields in place; a fault of ours is stated, never an outage."""
        try:
            return self._derivers(self._base(state)).derive(fields, s_us, late)
        except Exception as fault:
            logger().error("enrichment_failed", error_type=type(fault).__name__)
            self._metrics.degraded.labels("enrichment_failed").inc()
            return ("enrichment_failed",)

    @staticmethod
    def _base(state: ScopeState) -> str:
        return state.runtime.policy.base_currency if state.runtime is not None else ""

    async def _prior(self, state: ScopeState, identity: int, payment_id: str) -> Decided | None:
        seq = state.identities.get(identity)
        if not seq:
            return None
        entry = await self._ledger.body_at(state.scope, seq)
        if isinstance(entry, ImportedEntry) and entry.payment_id == payment_id:
            raise errors.payment_imported()
        return Decided(state.scope, seq, entry) if isinstance(entry, PaymentEntry) else None

    def _prepare(
        self, state: ScopeState, intake: Intake, identity: int, digest: bytes, started_ns: int,
        screened: Screened,
    ) -> _Prepared:  # fmt: skip
        _require_policy(state)
        fields, scope = intake.fields, state.scope
        fields.update(travel_fields(fields))  # of what was given: accounts are still as written
        fields.update(screened.fields)
        received = self._clock.now_us()
        t_us, s_us, late = state.ticker.live(intake.occurred_us, received)
        if late:
            self._metrics.late_events.labels("payment").inc()
        degraded = (*intake.degraded, *self.derive(state, fields, s_us, late))
        seq = self._ledger.next_seq
        observation = observe_fields(
            fields, state.digester.digest, seq=seq, t_us=t_us, s_us=s_us, identity=identity
        )
        fields.update(state.companions.fields(observation))
        if state.customers:
            fields.update(risk_fields(state, fields, t_us))
        for word in state.companions.degraded(t_us):
            self._metrics.degraded.labels(word).inc()
            degraded = (*degraded, word)
        clear, sealed = self._sealer.split(scope, fields, state.digester.digest, seq)
        forced = forced_outcome(fields) if scope.environment is Environment.TEST else None
        situation = Situation(self._skipped(screened), forced)
        before_ns = self._clock.monotonic_ns()
        record = recorded(self._sealer, state, fields, seq, screened)
        hidden_us = (self._clock.monotonic_ns() - before_ns) // 1000
        return _Prepared(
            state, observation, received, fields, clear, sealed, degraded, digest,
            situation, started_ns, self._clock.monotonic_ns(), screening=record,
            waited_us=screened.took_us, hits=screened.hits, hidden_us=hidden_us,
        )  # fmt: skip

    def _skipped(self, screened: Screened) -> tuple[str, ...]:
        if not screened.skipped:
            return ()
        self._metrics.degraded.labels(f"{SCREENING_STAGE}_skipped").inc()
        return (SCREENING_STAGE,)

    def _prepare_again(
        self, state: ScopeState, first: Decided, result: str, occurred_us: int | None,
        digest: bytes, started_ns: int,
    ) -> _Prepared:  # fmt: skip
        _require_policy(state)
        scope, entry = state.scope, first.entry
        received = self._clock.now_us()
        t_us, s_us, _late = state.ticker.live(occurred_us or received, received)
        fields, _erased = self._sealer.open(scope, first.seq, entry.clear, entry.sealed)
        fields["payment.challenge_result"] = result
        own = {"event.kind": "challenge_result", "event.result": result}
        seq = self._ledger.next_seq
        observation = inherit(entry.observation, own, seq=seq, t_us=t_us, s_us=s_us)
        clear, sealed = self._sealer.split(scope, fields, state.digester.digest, seq)
        unscreened = tuple(name for name in entry.skipped if name == SCREENING_STAGE)
        situation = Situation(unscreened, _forced_after(entry.forced, result), result)
        record = recorded_again(self._sealer, state, fields, seq, first.seq, entry.screening)
        again = tuple(word for word in entry.degraded if word not in words_of(unscreened))
        return _Prepared(
            state, observation, received, fields, clear, sealed, again, digest,
            situation, started_ns, self._clock.monotonic_ns(), first.seq, record,
        )  # fmt: skip

    async def _record(self, ready: _Prepared, identity: int, kind: str) -> Decided:
        scope, unit = ready.state.scope, UnitOfWork()
        with self._ledger.ahead():
            arm, beside, tried = observed_arms(ready.state, ready.observation, ready.continues)
            ready.state.remember(ready.observation)
            if ready.continues:  # a payment's own identity is remembered with its windows
                ready.state.identities.put(identity, ready.observation.seq)
            featured_ns = self._clock.monotonic_ns()
            result, skipped = self._opine(ready, arm)
            other = None
            if beside is not None:
                other = self._compare(ready, result, beside, tried, featured_ns, skipped)
            entry = self._entry(ready, arm, result, skipped, featured_ns, other)
            staged = self._ledger.stage(
                unit, scope, kind, ready.received_us, entry, ready.observation
            )
            if result.control_ppm:
                amount = ready.fields[AMOUNT]
                ready.state.control_loss.add(ready.observation.t_us, amount)
                self._ledger.stores.records.add_control(
                    unit, scope, staged.seq, entries.CONTROL_GROUP
                )
            name = self.ids.text(scope, staged.seq)
            place = self._add_rows(unit, scope, name, staged.seq, entry, arm)
            if ready.continues:
                self._ledger.stores.records.add_identity(unit, scope, identity, staged.seq)
            edits = self._entering.enter(unit, ready.state, arm.runtime, entry, ready.fields)
            alerts = [
                *_laundering_alerts(ready, arm, entry, staged.seq, name),
                *self._screening_alerts(ready, arm, entry, name),
            ]
            self._alerts.join(unit, scope, alerts)
        await self._ledger.commit(unit, [staged, *edits])
        self._count(scope, entry)
        if alerts:
            self._alerts.count(scope, alerts)
        if not ready.continues:  # a payment that goes on is the same payment
            self._drift.seen(scope, ready.fields, entry.result)
        return Decided(scope, staged.seq, entry, place=place, name=name)

    def _screening_alerts(
        self, ready: _Prepared, arm: Arm, entry: PaymentEntry, name: str
    ) -> Sequence[LaunderingAlert]:
        """What screening and the travel rule raise; a continuation raises nothing anew."""
        if ready.continues:
            return ()
        state, standing = ready.state, ready.state.screening
        lists = standing.lists if standing is not None else None
        alerts = alerts_of(
            arm.runtime.policy, ready.fields, ready.hits, entry, name, lists, state.digester.digest
        )
        if alerts:
            self._metrics.screening_hits.labels(state.scope.environment.value).inc()
        return alerts

    def _opine(self, ready: _Prepared, arm: Arm) -> tuple[Result, tuple[str, ...]]:
        """The result, and the stages that gave no opinion (too late, or at fault)."""
        if self._clock.monotonic_ns() <= _ends_ns(ready, arm, FRAUD_STAGE):
            try:
                result = _conducted(ready, arm, self._situation(ready, arm))
                late = result.model is not None and result.model.silent
                return result, (*ready.situation.skipped, *((MODEL_STAGE,) if late else ()))
            except Exception as fault:
                logger().error("stage_failed", stage=FRAUD_STAGE, error_type=type(fault).__name__)
        self._metrics.degraded.labels("fraud_skipped").inc()
        skipped = (*ready.situation.skipped, FRAUD_STAGE)
        held = Situation(skipped, ready.situation.forced, ready.situation.challenge_result)
        return _conducted(ready, arm, held), held.skipped

    def _situation(self, ready: _Prepared, arm: Arm) -> Situation:
        """With the model's deadline, and the draw of the control group (not for continuations)."""
        policy, found = arm.runtime.policy, ready.situation
        if arm.runtime.model is not None:
            ends_ns = _ends_ns(ready, arm, MODEL_STAGE)
            found = found._replace(
                late=lambda: self._clock.monotonic_ns() > ends_ns,
                sampler=None if ready.continues else self._drift.sampler(ready.state.scope),
            )
        if policy.control_group is not None and not ready.continues:
            drawn = draw(ready.observation, ready.state.control_loss)
            found = found._replace(control=drawn)
        return found

    def _compare(
        self, ready: _Prepared, result: Result, beside: Arm, tried: bool, featured_ns: int,
        skipped: tuple[str, ...],
    ) -> OtherOpinion | None:  # fmt: skip
        """The opinion of the ruleset that does not answer; a fault of it is counted, no more."""
        trial = ready.state.trial
        assert trial is not None
        answered_ns = self._clock.monotonic_ns()
        try:
            second = _conducted(ready, beside, ready.situation)
        except Exception as fault:
            logger().error("trial_failed", ruleset=str(beside.runtime.decider),
                           error_type=type(fault).__name__)  # fmt: skip
            trial.tally.faults += not tried
            return None
        if tried and skipped:
            trial.tally.faults += 1
        took_ns = answered_ns - featured_ns if tried else self._clock.monotonic_ns() - answered_ns
        live, candidate = (second, result) if tried else (result, second)
        trial.tally.payment(
            live.outcome, candidate.outcome, answered=tried, took_us=took_ns // 1_000
        )
        return OtherOpinion(
            beside.runtime.ruleset, second.outcome, second.points, second.fired, second.model
        )

    def _entry(
        self,
        ready: _Prepared,
        arm: Arm,
        result: Result,
        skipped: tuple[str, ...],
        featured_ns: int,
        other: OtherOpinion | None,
    ) -> PaymentEntry:
        now_ns = self._clock.monotonic_ns()
        marks = (ready.started_ns + ready.waited_us * 1000, ready.prepared_ns, featured_ns, now_ns)
        forced = ready.situation.forced
        return PaymentEntry(
            observation=ready.observation,
            received_us=ready.received_us,
            clear=ready.clear,
            sealed=ready.sealed,
            body_digest=ready.digest,
            ruleset=arm.runtime.ruleset,
            result=result,
            aggregates=arm.values,
            degraded=(*ready.degraded, *words_of(skipped)),
            skipped=skipped,
            lists_seq=ready.state.lists_seq,
            tables=self._tables_version,
            stage_us=tuple((after - before) // 1000 for before, after in pairwise(marks)),
            # The answer tells its time, which must not tell that hits were sealed meanwhile.
            latency_us=(now_ns - ready.started_ns) // 1000 - ready.hidden_us,
            forced=forced.word if forced is not None else None,
            continues=ready.continues,
            other=other,
            screening=ready.screening,
        )

    def _add_rows(
        self, unit: UnitOfWork, scope: Scope, name: str, seq: int, entry: PaymentEntry, arm: Arm
    ) -> Place:
        at_us, outcome, stated = entry.received_us, entry.result.answer, decision_hash(name, entry)
        detail: dict[str, Scalar] = {"seq": seq, "outcome": outcome.word, "decision": stated}
        event = AuditEvent(
            scope, "decision:payment:decide", "process:api", AuditOutcome.DONE, at_us, detail
        )
        place = self._ledger.stores.audit.record(unit, event, Wish(stated, at_us))
        row = DecisionRow(seq, int(outcome), entry.payment_id, entry.merchant_id, at_us, place)
        self._ledger.stores.records.add_decision(unit, scope, row)
        alerts = _alerts(arm.runtime, entry) if arm.runtime.has_actions else ()
        if outcome is not Outcome.ALLOW or alerts:
            told = _told(name, seq, entry, alerts)
            enqueue(unit, scope, DECISION_RECORDED, msgspec.json.encode(told), at_us)
        return place

    def _count(self, scope: Scope, entry: PaymentEntry) -> None:
        self._decided[scope.environment][entry.result.outcome].inc()
        for stage, took in zip(self._stages, entry.stage_us, strict=True):
            stage.observe(took / 1e6)
        if entry.screening is not None:
            self._screened.observe(entry.screening.took_us / 1e6)


def _laundering_alerts(
    ready: _Prepared, arm: Arm, entry: PaymentEntry, seq: int, name: str
) -> Sequence[LaunderingAlert]:
    """What typologies that the payment set off raise."""
    runtime, fired = arm.runtime, entry.result.fired
    if not fired or fired[-1] < runtime.typologies.first_alert:
        return ()
    seen = entry.observation
    lists = ready.state.lists.at(seen.t_us)
    values = runtime.vector_of(ready.fields, arm.values, lists, entry.result)
    versions = [("ruleset", entry.ruleset), ("lists", str(entry.lists_seq))]
    if entry.decider.model:
        versions.append(("model", entry.decider.model))
    happened = Happened(
        name, entry.payment_id, seq, seen.s_us, seen.keys, entry.merchant_id, tuple(versions)
    )
    return runtime.typology_alerts.alerts(fired, values, lists, happened)


def _alerts(runtime: PolicyRuntime, entry: PaymentEntry) -> tuple[Alert, ...]:
    """Alerts that fired rules raise, whatever the outcome is; never those of AML.

    They go to the merchant's endpoints too, and a word of AML there would tip somebody off.
    """
    found = []
    for index in entry.result.fired:
        if runtime.rows[index].engine == AML:
            continue
        rule = runtime.compiled.written[index]
        for action in rule.then.actions:
            if action.name == "alert":
                given = dict(action.parameters)
                found.append(Alert(rule.id, str(given["severity"]), str(given["text"])))
    return tuple(found)


def _told(name: str, seq: int, entry: PaymentEntry, alerts: tuple[Alert, ...]) -> DecisionRecorded:
    """What webhooks tell about a decision."""
    result = entry.result
    return DecisionRecorded(
        name, entry.payment_id, entry.attempt, result.answer.word, result.points, result.reasons,
        seq, entry.merchant_id, alerts,
    )  # fmt: skip


def _require_policy(state: ScopeState) -> None:
    if state.runtime is None or state.windows is None:
        raise Unavailable("no_policy", "no ruleset is published for this tenant and environment")


def _ends_ns(ready: _Prepared, arm: Arm, stage: str) -> int:
    """The monotonic instant after which a stage of the payment is too late."""
    waited_ns = ready.waited_us * 1000  # screening has a deadline of its own
    return ready.started_ns + waited_ns + _deadline_ns(arm.runtime.policy, stage)


def _screening_ends_ns(state: ScopeState, started_ns: int) -> int:
    _require_policy(state)
    assert state.runtime is not None
    return started_ns + _deadline_ns(state.runtime.policy, SCREENING_STAGE)


def _deadline_ns(policy: Policy, stage: str) -> int:
    limits = policy.stages.get(stage)
    usual_ms = SCREENING_DEADLINE_MS if stage == SCREENING_STAGE else DEFAULT_DEADLINE_MS
    return int((limits.deadline_ms if limits is not None else usual_ms) * 1e6)


def _conducted(ready: _Prepared, arm: Arm, situation: Situation) -> Result:
    """One ruleset's result at the payment's instant."""
    t_us = ready.observation.t_us
    partial = frozenset(arm.windows.partial(t_us))
    lists = ready.state.lists.at(t_us)
    return conduct(arm.runtime, ready.fields, arm.values, partial, lists, situation)


def _same(prior: Decided, digest: bytes, payment_id: str) -> Decided:
    if prior.entry.payment_id != payment_id:
        raise Unavailable("identity_collision", "two payments share a digest; use another attempt")
    if prior.entry.body_digest != digest:
        raise errors.attempt_conflict()
    return Decided(prior.scope, prior.seq, prior.entry, repeated=True)


def _forced_after(forced: str | None, result: str) -> Outcome | None:
    """A magic challenge follows its result; other magic outcomes stay."""
    if forced is None:
        return None
    if forced == Outcome.CHALLENGE.word:
        if result in FAILED:
            return Outcome.BLOCK
        return Outcome.REVIEW if result == NOT_POSSIBLE else None
    return Outcome.parse(forced)
