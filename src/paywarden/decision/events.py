"""Events: results, labels, disputes, challenges and account events, into windows at once.

Guards: an event id counts once; what belongs to a payment inherits the keys and fields of its
attempt; labels follow `labelling.py` (who is believed, what stands) and count when they are
received, or wait where they come in a flood (`label_holding.py`). A refused event names its place
and stops nobody else's. All events of one request commit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paywarden.core.errors import InvalidRequest, LimitExceeded, NotPermitted, PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import EventEntry, HeldLabel
from paywarden.decision.intake import Intake, PaymentReader
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.label_taking import LabelTaking, Report
from paywarden.decision.label_watch import LabelWatch, Sender
from paywarden.decision.labelling import DISPUTE, LABEL, add_reason_kind
from paywarden.decision.ledger import Ledger, Staged, identity_of
from paywarden.decision.messages import Event, EventResult
from paywarden.decision.payments import Payments
from paywarden.decision.sealing import Sealer
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit, observe_fields

OF_PAYMENT = {
    "payment_result": "status",
    LABEL: "verdict",
    DISPUTE: "reason",
    "challenge_result": "result",
}
"""Kinds that belong to a payment, and the field that each must carry."""
ACCOUNT_KINDS = frozenset(
    {
        "login",
        "login_failed",
        "password_change",
        "email_change",
        "phone_change",
        "address_change",
        "payee_added",
        "device_added",
        "account_opened",
    }
)
"""Account events with a metric of their own; other kinds are taken in as well."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends events: `actor` as in the audit log, its merchant, and whether it is an analyst."""

    actor: str
    may_label: bool
    merchant: str | None = None


class Events:
    """Takes in events of every scope over one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        payments: Payments,
        reader: PaymentReader,
        sealer: Sealer,
        watch: LabelWatch,
        taking: LabelTaking,
        holding: LabelHolding,
    ) -> None:
        self._ledger = ledger
        self._watch = watch
        self._taking = taking
        self._holding = holding
        self._payments = payments
        self._reader = reader
        self._sealer = sealer

    async def take_in(
        self, scope: Scope, events: Sequence[Event], sending: Sending
    ) -> list[EventResult]:
        """One result per event, in order; durable when this returns, what was repeated too."""
        unit, staged = UnitOfWork(), []
        results: list[EventResult] = []
        priors: list[int] = []
        try:
            for number, event in enumerate(events):
                try:
                    result, made, prior = self._one(unit, scope, event, number, sending)
                except (InvalidRequest, NotPermitted, LimitExceeded) as refusal:
                    if refusal.code == "writer_queue_full":
                        raise
                    event_id = self._reader.identifier(event.id)
                    result, made, prior = _refused(event_id, refusal), [], 0
                results.append(result)
                staged.extend(made)
                if prior:
                    priors.append(prior)
        finally:
            # What is staged must be written even when a later event of the request fails.
            if staged:
                await self._ledger.commit(unit, staged)
        self._count(scope, staged)
        for seq in priors:
            await self._ledger.body_at(scope, seq)
        return results

    def _one(
        self,
        unit: UnitOfWork,
        scope: Scope,
        event: Event,
        number: int,
        sending: Sending,
    ) -> tuple[EventResult, list[Staged], int]:
        """The result, what was staged, and the sequence at which the event stood before."""
        pointer = f"/events/{number}"
        intake = self._intake(scope, event, pointer, sending.merchant)
        event_id = self._reader.identifier(event.id)
        digest = self._ledger.body_digest(scope, event)
        seq, prior = self._prior(scope, event_id)
        if prior is not None:
            return self._again(scope, event_id, prior, digest), [], seq
        attempt = self._attempt(scope, event, intake, pointer, sending.merchant)
        if event.kind == LABEL and event.source == "analyst" and not sending.may_label:
            raise NotPermitted("label_not_permitted", "this key may not label as an analyst")
        add_reason_kind(intake.fields, pointer)
        if event.kind != LABEL:
            staged = self._stage(unit, scope, intake, event_id, digest, attempt)
            return EventResult(event_id, "recorded"), [staged], 0
        assert attempt is not None
        sender = Sender(scope, event.source or "", sending.actor)
        report = Report(event_id, digest, intake.fields, attempt, sender)
        if self._holds(scope, sender):
            return EventResult(event_id, "held"), self._holding.hold(unit, scope, report), 0
        return EventResult(event_id, "recorded"), [self._taking.stage(unit, scope, report)], 0

    def _holds(self, scope: Scope, sender: Sender) -> bool:
        """Whether a label must wait. Errors: LimitExceeded."""
        state, now = self._ledger.ready(scope), self._ledger.clock.now_us()
        usual = state.label_peaks.usual(sender.source, now)
        return self._watch.holds(sender, now, len(state.identities), usual)

    def _intake(self, scope: Scope, event: Event, pointer: str, merchant: str | None) -> Intake:
        metrics = self._ledger.metrics
        try:
            intake = self._reader.event(scope, event, pointer)
        except InvalidRequest as refusal:
            if refusal.code == "card_number_not_accepted":
                metrics.card_numbers_refused.inc()
            raise
        if intake.card_like:
            metrics.card_like_identifiers.inc(intake.card_like)
        named = intake.fields.get("merchant.id")
        if merchant is not None and named is not None and named != merchant:
            raise NotPermitted(
                "other_merchant",
                "this key is bound to another merchant",
                pointer=f"{pointer}/merchant",
            )
        return intake

    def _prior(self, scope: Scope, event_id: str) -> tuple[int, EventEntry | HeldLabel | None]:
        state = self._ledger.ready(scope)
        seq = self._ledger.place_of(state, identity_of(state, "event", event_id, ""))
        entry = self._ledger.staged_body(scope, seq) if seq else None
        mine = isinstance(entry, EventEntry | HeldLabel) and entry.event_id == event_id
        return seq, entry if mine else None

    def _again(
        self, scope: Scope, event_id: str, prior: EventEntry | HeldLabel, digest: bytes
    ) -> EventResult:
        """What is said of an event that came before."""
        if prior.body_digest != digest:
            text = "this event id was taken in with another body"
            return EventResult(event_id, "refused", "event_conflict", text)
        if isinstance(prior, HeldLabel):
            state = self._holding.find(scope, prior.hold).state
            if state == "refused":
                text = "it came in a flood that was refused"
                return EventResult(event_id, "refused", "label_refused", text)
            if state in ("waiting", "closed"):
                return EventResult(event_id, "held")
        return EventResult(event_id, "repeated")

    def _attempt(
        self, scope: Scope, event: Event, intake: Intake, pointer: str, merchant: str | None
    ) -> Observation | None:
        needed = OF_PAYMENT.get(event.kind)
        if needed is not None and getattr(event, needed) is None:
            raise InvalidRequest(
                "field_missing", f"a {event.kind} needs {needed}", pointer=f"{pointer}/{needed}"
            )
        if event.payment_id is None:
            if needed is not None:
                raise InvalidRequest(
                    "field_missing",
                    f"a {event.kind} needs payment_id",
                    pointer=f"{pointer}/payment_id",
                )
            return None
        found = self._payments.attempt_of(scope, intake.payment_id, intake.attempt, merchant)
        if found is None:
            raise InvalidRequest(
                "payment_unknown",
                "no payment of that id and attempt was decided here",
                pointer=f"{pointer}/payment_id",
            )
        return found

    def _stage(
        self,
        unit: UnitOfWork,
        scope: Scope,
        intake: Intake,
        event_id: str,
        digest: bytes,
        attempt: Observation | None,
    ) -> Staged:
        ledger, fields = self._ledger, intake.fields
        state = ledger.ready(scope)
        received, seq = ledger.clock.now_us(), ledger.next_seq
        t_us, s_us, late = state.ticker.live(intake.occurred_us, received)
        if late:
            ledger.metrics.late_events.labels("event").inc()
        self._payments.derive(state, fields, s_us, late)
        place = {"seq": seq, "t_us": t_us, "s_us": s_us}
        if attempt is None:
            seen = observe_fields(fields, state.digester.digest, identity=0, **place)
        else:
            seen = inherit(attempt, fields, **place)
        clear, sealed = self._sealer.split(scope, fields, state.digester.digest, seq)
        entry = EventEntry(seen, received, event_id, digest, clear, sealed)
        with ledger.ahead():
            state.add(seen)
            state.remember(seen)
            identity = identity_of(state, "event", event_id, "")
            state.identities.put(identity, seq)
            ledger.stores.records.add_identity(unit, scope, identity, seq)
            return ledger.stage(unit, scope, entries.EVENT, received, entry, seen)

    def _count(self, scope: Scope, staged: Sequence[Staged]) -> None:
        for one in staged:
            if not isinstance(one.body, EventEntry):
                continue
            kind = one.body.kind
            known = kind in OF_PAYMENT or kind in ACCOUNT_KINDS
            label = kind if known else "other"
            self._ledger.metrics.events.labels(scope.environment.value, label).inc()


def _refused(event_id: str, refusal: PaywardenError) -> EventResult:
    return EventResult(event_id, "refused", refusal.code, refusal.detail, refusal.pointer)
