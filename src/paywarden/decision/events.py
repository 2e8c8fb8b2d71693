"""Events: results, labels, disputes, challenges and account events, into windows at once.

Guards: an event id counts once; what belongs to a payment inherits the keys and fields of its
attempt; labels follow `labelling.py` (who is believed, what stands) and count when they are
received. A refused event names its place and stops nobody else's. All events of one request commit
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paywarden.core.errors import InvalidRequest, LimitExceeded, NotPermitted, PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import EventEntry
from paywarden.decision.intake import Intake, PaymentReader
from paywarden.decision.label_watch import LabelWatch, Sender
from paywarden.decision.labelling import (
    DISPUTE,
    LABEL,
    Labelled,
    add_reason_kind,
    book_of,
    labelled,
)
from paywarden.decision.ledger import Ledger, Staged, identity_of
from paywarden.decision.messages import Event, EventResult
from paywarden.decision.payments import Payments
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState
from paywarden.decision.trial_labels import count_label
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit, observe_fields
from paywarden.risk.labels.model import Book

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
    ) -> None:
        self._ledger = ledger
        self._watch = watch
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
                one: Staged | EventEntry | None
                try:
                    result, one = self._one(unit, scope, event, number, sending)
                except (InvalidRequest, NotPermitted, LimitExceeded) as refusal:
                    if refusal.code == "writer_queue_full":
                        raise
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
        sending: Sending,
    ) -> tuple[EventResult, Staged | EventEntry]:
        """The result, and what was staged or had been before."""
        pointer = f"/events/{number}"
        intake = self._intake(event, pointer, sending.merchant)
        event_id = self._reader.identifier(event.id)
        digest = self._ledger.body_digest(scope, event)
        prior = self._prior(scope, event_id)
        if prior is not None:
            return _repeated(event_id, prior, digest), prior
        attempt = self._attempt(scope, event, intake, pointer, sending.merchant)
        if event.kind == LABEL and event.source == "analyst" and not sending.may_label:
            raise NotPermitted("label_not_permitted", "this key may not label as an analyst")
        add_reason_kind(intake.fields, pointer)
        sender = Sender(scope, event.source or "", sending.actor) if event.kind == LABEL else None
        if sender is not None:
            state = self._ledger.ready(scope)
            self._watch.admit(sender, self._ledger.clock.now_us(), len(state.identities))
        staged = self._stage(unit, scope, intake, event_id, digest, attempt, sender)
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
        sender: Sender | None,
    ) -> Staged:
        ledger, fields = self._ledger, intake.fields
        state = ledger.ready(scope)
        received, seq = ledger.clock.now_us(), ledger.next_seq
        # A label counts when it is known: nobody moves a window of the past.
        occurred = received if sender is not None else intake.occurred_us
        t_us, s_us, late = state.ticker.live(occurred, received)
        if late:
            ledger.metrics.late_events.labels("event").inc()
        self._payments.derive(state, fields, s_us, late)
        place = {"seq": seq, "t_us": t_us, "s_us": s_us}
        label: Labelled | None = None
        if attempt is None:
            seen = observe_fields(fields, state.digester.digest, identity=0, **place)
        elif sender is not None:
            before = self._before(state, attempt.identity)
            label = labelled(attempt, fields, before, place)
            seen = label.observation
        else:
            seen = inherit(attempt, fields, **place)
        clear, sealed = self._sealer.split(scope, fields, state.digester.digest, seq)
        entry = EventEntry(
            seen, received, event_id, digest, clear, sealed,
            book=label.effect.book if label is not None else None,
            previous=label.previous if label is not None else 0,
        )  # fmt: skip
        with ledger.ahead():
            state.add(seen)
            state.remember(seen)
            identity = identity_of(state, "event", event_id, "")
            state.identities.put(identity, seq)
            ledger.stores.records.add_identity(unit, scope, identity, seq)
            if label is not None and sender is not None:
                assert attempt is not None
                payments = len(state.identities)
                self._watch.note(unit, sender, received, payments, label.effect)
                self._watch.late(sender, received - attempt.s_us)
                if state.trial is not None:
                    count_label(ledger, scope, state.trial, attempt, label.effect)
            return ledger.stage(unit, scope, entries.EVENT, received, entry, seen)

    def _before(self, state: ScopeState, identity: int) -> tuple[int, Book]:
        """Sequence and book of the last label of an attempt."""
        seq = state.labels.get(identity)
        entry = self._ledger.staged_body(state.scope, seq) if seq else None
        return seq, book_of(entry, seq)

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
