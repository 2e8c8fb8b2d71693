"""Operations of roll-outs: submit, shadow, emergency, look, take back.

Guards: submitting asks for the approval of another person for the whole plan; a shadow changes no
answer and needs none; taking back needs none either, since it returns to what was approved.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from paywarden.core.instants import format_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.core.scope import Scope
from paywarden.decision.decider import Decider, ModelName
from paywarden.decision.intake import instant_of
from paywarden.decision.messages import Instant
from paywarden.decision.policy_desk import ruleset_not_found
from paywarden.decision.policy_faults import faulty
from paywarden.decision.ports import Records
from paywarden.decision.rollout.acts import roll_out
from paywarden.decision.rollout.desk import RolloutDesk
from paywarden.decision.rollout.emergency import Emergencies
from paywarden.decision.rollout.guardrails import BLOCKS, STOPS, compare
from paywarden.decision.rollout.model import EMERGENCY_MINUTES, Guardrails, Minutes, Plan, Rollout
from paywarden.decision.rollout.model import Step as PlannedStep
from paywarden.decision.rollout.ports import Rollouts
from paywarden.decision.trial_tally import Table
from paywarden.identity.approvals.catalogue import RULESET_ROLL_OUT
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.risk.rules.findings import PolicyErrors

Reason = Annotated[str, Meta(min_length=1, max_length=500)]
_HASHED: dict[str, Any] = {"tag": "policy", "path_texts": {"hash": "Content hash, `rs_...`"}}
_NAMED: dict[str, Any] = {
    "tag": "policy",
    "path_texts": {"id": "Roll-out id, `ro_...`"},
    "path_patterns": {"id": "^ro_[a-z2-7]{26}$"},
}


class PlanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a ruleset goes live: time without effect, growing shares, and what it may not exceed."""

    steps: Annotated[list[PlannedStep], Meta(min_length=1, max_length=10)] | None = None
    shadow_minutes: Minutes = 60
    starts_at: Instant | None = None
    guardrails: Guardrails = Guardrails()

    def plan(self) -> Plan:
        """The plan that is approved. Errors: InvalidRequest."""
        starts_us = 0
        if self.starts_at is not None:
            starts_us = instant_of(self.starts_at, "/plan/starts_at")
        given = {} if self.steps is None else {"steps": tuple(self.steps)}
        made = Plan(shadow_minutes=self.shadow_minutes, starts_at_us=max(0, starts_us),
                    guardrails=self.guardrails, **given)  # fmt: skip
        made.check()
        return made


class SubmitRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/rulesets/{hash}/submit. `model`: beside it; absent: the one that serves."""

    reason: Reason
    plan: PlanRequest = PlanRequest()
    model: ModelName | None = None


class ShadowRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/rulesets/{hash}/shadow. `model`: beside it; absent: the one that serves."""

    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=30 * 24 * 60)] = 24 * 60
    model: ModelName | None = None


class EmergencyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/emergency-rules: rules as YAML text, added to the live policy."""

    rules: Annotated[str, Meta(min_length=1, max_length=20_000)]
    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=EMERGENCY_MINUTES)] = 60
    block_cap: Annotated[float, Meta(gt=0.0, le=0.5)] = 0.05


class BackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/rollouts/{id}/rollback."""

    reason: Reason


class RolloutsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/rollouts."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    after: Annotated[str, Meta(pattern="^(ro_[a-z2-7]{26})?$", max_length=30)] = ""


class Compared(msgspec.Struct, frozen=True):
    """One kind of outcome on the same payments; `p_value`: McNemar's test, two-sided."""

    payments: int
    live: int
    candidate: int
    p_value: float


class Moved(msgspec.Struct, frozen=True):
    """Payments whose outcome the candidate changes, from what to what."""

    live: str
    candidate: str
    payments: int


class RolloutView(msgspec.Struct, frozen=True):
    """A roll-out: where it stands, and both rulesets on the same payments.

    `fraud_stopped` and `genuine_stopped` count labelled payments that were not plainly allowed.
    """

    id: str
    ruleset: str
    model: str | None
    replaces: str
    stage: str
    step: int
    share_percent: float
    created_at: str
    created_by: str
    since: str
    until: str | None
    reason: str
    ended: str
    payments: int
    answered: int
    changed: int
    faults: int
    slow_99_ms: float
    blocks: Compared
    stops: Compared
    fraud_stopped: Compared
    genuine_stopped: Compared
    changes: list[Moved]
    plan: Plan


class RolloutPage(msgspec.Struct, frozen=True):
    """Roll-outs, newest first."""

    items: list[RolloutView]
    has_more: bool
    next: str | None


class RolloutOperations:
    """Handlers over the roll-out desk."""

    def __init__(
        self,
        desk: RolloutDesk,
        emergencies: Emergencies,
        store: Rollouts,
        records: Records,
        approvals: Approvals,
    ) -> None:
        self._desk = desk
        self._emergencies = emergencies
        self._store = store
        self._records = records
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        view: Any = RolloutView
        return [
            Operation("POST", "/v1/rulesets/{hash}/submit", "submit_ruleset",
                      "Ask for a roll-out in steps", self.submit, view, SubmitRequest,
                      permission="rulesets:publish", also_answers={202: ApprovalView}, **_HASHED),
            Operation("POST", "/v1/rulesets/{hash}/shadow", "shadow_ruleset",
                      "Try a ruleset without effect", self.shadow, view, ShadowRequest,
                      permission="rulesets:write", **_HASHED),
            Operation("POST", "/v1/emergency-rules", "emergency_rules",
                      "Add rules to the live policy for hours", self.emergency, view,
                      EmergencyRequest, permission="rulesets:emergency", tag="policy"),
            Operation("GET", "/v1/rollouts", "list_rollouts", "Roll-outs, newest first",
                      self.listing, RolloutPage, query=RolloutsQuery, permission="rulesets:read",
                      tag="policy"),
            Operation("GET", "/v1/rollouts/{id}", "get_rollout", "Read a roll-out", self.read, view,
                      permission="rulesets:read", **_NAMED),
            Operation("POST", "/v1/rollouts/{id}/rollback", "roll_back_rollout",
                      "End a roll-out at once", self.roll_back, view, BackRequest,
                      permission="rulesets:publish", **_NAMED),
        ]  # fmt: skip

    async def submit(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/submit."""
        body: SubmitRequest = call.body
        asker, name = call.asker, call.path["hash"]
        if self._records.ruleset(asker.scope, name) is None:
            raise ruleset_not_found()
        wanted = self._wanted(asker.scope, name, body.model)
        payload = roll_out(wanted, body.plan.plan(), body.reason)
        done = await self._approvals.perform(
            asker.scope, RULESET_ROLL_OUT, payload, maker_of(asker), body.reason
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(view_of(self._desk.find(asker.scope, done.result)))

    def _wanted(self, scope: Scope, ruleset: str, model: str | None) -> Decider:
        if model is None:
            live = self._desk.live(scope)
            model = live.model if live is not None else ""
        return Decider(ruleset, model)

    async def shadow(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/shadow."""
        body: ShadowRequest = call.body
        made = await self._desk.shadow(
            call.asker.scope, self._wanted(call.asker.scope, call.path["hash"], body.model),
            body.minutes, maker_of(call.asker).actor, body.reason,
        )  # fmt: skip
        return Answer(view_of(made))

    async def emergency(self, call: Call) -> Answer:
        """POST /v1/emergency-rules."""
        body: EmergencyRequest = call.body
        try:
            made = await self._emergencies.begin(
                call.asker.scope, body.rules, body.minutes, body.block_cap,
                maker_of(call.asker).actor, body.reason,
            )  # fmt: skip
        except PolicyErrors as found:
            raise faulty(found) from None
        return Answer(view_of(made))

    async def listing(self, call: Call) -> Answer:
        """GET /v1/rollouts."""
        query: RolloutsQuery = call.query
        scope = call.asker.scope
        rows = self._store.page(scope, after=query.after, limit=query.limit + 1)
        shown = [view_of(self._desk.find(scope, row.id.text)) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(RolloutPage(shown, more, shown[-1].id if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/rollouts/{id}."""
        return Answer(view_of(self._desk.find(call.asker.scope, call.path["id"])))

    async def roll_back(self, call: Call) -> Answer:
        """POST /v1/rollouts/{id}/rollback."""
        done = await self._desk.roll_back(
            call.asker.scope, call.path["id"], maker_of(call.asker).actor, call.body.reason
        )
        return Answer(view_of(done))


def view_of(rollout: Rollout) -> RolloutView:
    """Wire form of a roll-out with what its trial counted."""
    tally = rollout.tally
    return RolloutView(
        rollout.id.text,
        rollout.ruleset,
        rollout.model or None,
        rollout.replaces,
        rollout.stage.value,
        rollout.step,
        rollout.share_ppm / 10_000,
        format_rfc3339(rollout.created_at_us),
        rollout.created_by,
        format_rfc3339(rollout.since_us),
        format_rfc3339(rollout.until_us) if rollout.until_us else None,
        rollout.reason,
        rollout.ended,
        tally.payments,
        sum(tally.answered),
        tally.changed(),
        tally.faults,
        tally.slow_us(0.99) / 1_000,
        _compared(tally.pairs, BLOCKS),
        _compared(tally.pairs, STOPS),
        _compared(tally.fraud, STOPS),
        _compared(tally.genuine, STOPS),
        _changes(tally.pairs),
        rollout.plan,
    )


def _compared(table: Table, outcomes: tuple[Outcome, ...]) -> Compared:
    found = compare(table, outcomes)
    return Compared(found.payments, found.live, found.candidate, found.p_value)


def _changes(table: Table) -> list[Moved]:
    width = len(Outcome)
    return [
        Moved(Outcome(cell // width).word, Outcome(cell % width).word, count)
        for cell, count in enumerate(table)
        if count and cell // width != cell % width
    ]
