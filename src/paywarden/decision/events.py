"""Events: results, labels, challenge results and account events, into windows before the answer.

Guards: an event id counts once; results, labels and challenge results inherit the keys and fields
of their attempt; a label replaces the one that stood (so that two reports of one fraud count once)
and `withdrawn` takes it back. A refused event names its place and stops nobody else's.
All events of one request commit together.
"""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.core.errors import InvalidRequest, NotPermitted, PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import EventEntry
from paywarden.decision.intake import Intake, PaymentReader
from paywarden.decision.ledger import Ledger, Staged, identity_of
from paywarden.decision.messages import Event, EventResult
from paywarden.decision.payments import Payments
from paywarden.decision.sealing import Sealer
from paywarden.decision.trial_labels import count_label
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit, observe_fields

OF_PAYMENT = {"payment_result": "status", "label": "verdict", "challenge_result": "result"}
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


class Events:
    """Takes in events of every scope over one ledger."""

    def __init__(
        self, ledger: Ledger, payments: Payments, reader: PaymentReader, sealer: Sealer
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._reader = reader
        self._sealer = sealer

    async def take_in(
        self, scope: Scope, events: Sequence[Event], *, may_label: bool, merchant: str | None
    ) -> list[EventResult]:
        """One result per event, in order; durable when this returns, what was repeated too."""
        unit, staged = UnitOfWork(), []
        results: list[EventResult] = []
        priors: list[int] = []
        try:
            for number, event in enumerate(events):
                one: Staged | EventEntry | None
                try:
                    result, one = self._one(unit, scope, event, number, may_label, merchant)
                except (InvalidRequest, NotPermitted) as refusal:
                    event_id = self._reader.identifier(event.id)
                    result, one = _refused(event_id, refusal), None
                results.append(result)
                if isinstance(one, Staged):
                    staged.append(one)
                elif one is not None:
                    priors.append(one.observation.seq)
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
        may_label: bool,
        merchant: str | None,
    ) -> tuple[EventResult, Staged | EventEntry]:
        """The result, and what was staged or had been before."""
        pointer = f"/events/{number}"
        intake = self._intake(event, pointer, merchant)
        event_id = self._reader.identifier(event.id)
        digest = self._ledger.body_digest(scope, event)
        prior = self._prior(scope, event_id)
        if prior is not None:
            return _repeated(event_id, prior, digest), prior
        attempt = self._attempt(scope, event, intake, pointer, merchant)
        if event.kind == "label" and event.source == "analyst" and not may_label:
            raise NotPermitted("label_not_permitted", "this key may not label as an analyst")
        staged = self._stage(unit, scope, intake, event_id, digest, attempt)
        return EventResult(event_id, "recorded"), staged

    def _intake(self, event: Event, pointer: str, merchant: str | None) -> Intake:
        metrics = self._ledger.metrics
        try:
            intake = self._reader.event(event, pointer)
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

    def _prior(self, scope: Scope, event_id: str) -> EventEntry | None:
        state = self._ledger.ready(scope)
        seq = self._ledger.place_of(state, identity_of(state, "event", event_id, ""))
        entry = self._ledger.staged_body(scope, seq) if seq else None
        return entry if isinstance(entry, EventEntry) and entry.event_id == event_id else None

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
        if attempt is not None:
            standing = state.labels.get(attempt.identity)
            retracts = standing if fields["event.kind"] == "label" else 0
            seen = inherit(attempt, fields, seq=seq, t_us=t_us, s_us=s_us, retracts=retracts)
            if state.trial is not None and fields["event.kind"] == "label":
                verdict = fields["event.verdict"]
                count_label(ledger, scope, state.trial, attempt, verdict, retracts)
        else:
            seen = observe_fields(
                fields, state.digester.digest, seq=seq, t_us=t_us, s_us=s_us, identity=0
            )
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
            kind = one.body.kind
            known = kind in OF_PAYMENT or kind in ACCOUNT_KINDS
            label = kind if known else "other"
            self._ledger.metrics.events.labels(scope.environment.value, label).inc()


def _repeated(event_id: str, prior: EventEntry, digest: bytes) -> EventResult:
    if prior.body_digest == digest:
        return EventResult(event_id, "repeated")
    return EventResult(
        event_id, "refused", "event_conflict", "this event id was taken in with another body"
    )


def _refused(event_id: str, refusal: PaywardenError) -> EventResult:
    return EventResult(event_id, "refused", refusal.code, refusal.detail, refusal.pointer)
