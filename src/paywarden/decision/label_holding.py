"""Holding floods of labels, and what a second person's approval makes of them.

Guards: what is over a source's own rate waits as log entries that move no window, posterior, link
or trial. One decision settles a whole hold: released, its labels count from then on in the order in
which they came, in small steps with turns for payments; refused, they stay in the log and never
count. The decision needs approval (`label.flood`), names how many labels it is about, ends the
request in its own commit, and leaves an audit event and a webhook. A release that was interrupted
goes on after the restart, behind the last durable step.
Not done here: what is a flood (`label_watch.py`), what a label does (`label_taking.py`).
"""

from __future__ import annotations

import asyncio

import msgspec

from paywarden.core.errors import Conflict, LimitExceeded, NotFound
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.approved_payloads import LabelDecision, label_decision
from paywarden.decision.entries import HeldLabel, HoldEntry
from paywarden.decision.label_holds import (
    CLOSED,
    HELD_LIMIT,
    OPENED,
    RELEASED,
    STEPPED,
    Hold,
)
from paywarden.decision.label_taking import LabelTaking, Report
from paywarden.decision.label_watch import UNSTATED, Sender
from paywarden.decision.ledger import Ledger, Staged, identity_of
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState
from paywarden.decision.webhook_types import LABELS_HELD, LabelsHeld
from paywarden.identity.approvals.catalogue import LABEL_FLOOD
from paywarden.identity.approvals.execution import Approved
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue

STEP = 50


class LabelHolding:
    """Holds, releases and refuses labels of every scope."""

    def __init__(self, ledger: Ledger, sealer: Sealer, taking: LabelTaking) -> None:
        self._ledger = ledger
        self._sealer = sealer
        self._taking = taking
        self._moving: set[tuple[Scope, int]] = set()

    def hold(self, unit: UnitOfWork, scope: Scope, report: Report) -> list[Staged]:
        """Let a label wait; a hold is opened where its sender has none that takes in.

        Errors: LimitExceeded `label_rate_exceeded` when too many wait already.
        """
        ledger, sender = self._ledger, report.sender
        state, now = ledger.ready(scope), ledger.clock.now_us()
        if state.holds.waiting >= HELD_LIMIT:
            raise LimitExceeded("label_rate_exceeded", "too many labels wait for a decision")
        staged = []
        with ledger.ahead():
            hold = state.holds.open_of(sender.source, sender.actor)
            if hold is None:
                usual = state.label_peaks.usual(sender.source, now)
                opening = HoldEntry(OPENED, 0, now, sender.actor, 0, sender.source, usual)
                staged.append(self._move(unit, state, opening))
                hold = state.holds.find(staged[0].seq)
                assert hold is not None
                self._tell(unit, state, hold, "hold", sender.actor)
            seq = ledger.next_seq
            clear, sealed = self._sealer.split(scope, report.fields, state.digester.digest, seq)
            body = HeldLabel(
                hold.seq, now, report.event_id, report.digest, report.attempt.seq, clear, sealed
            )
            identity = identity_of(state, "event", report.event_id, "")
            state.identities.put(identity, seq)
            ledger.stores.records.add_identity(unit, scope, identity, seq)
            staged.append(ledger.stage(unit, scope, entries.HELD, now, body))
            state.holds.add(seq, body)
        return staged

    def find(self, scope: Scope, seq: int) -> Hold:
        """A hold. Errors: NotFound `label_hold_not_found`."""
        found = self._ledger.ready(scope).holds.find(seq)
        if found is None:
            raise NotFound("label_hold_not_found", "no labels are held under this number")
        return found

    def label(self, scope: Scope, seq: int) -> HeldLabel:
        """A held label."""
        body = self._ledger.staged_body(scope, seq)
        assert isinstance(body, HeldLabel)
        return body

    async def close(self, scope: Scope, seq: int, actor: str) -> Hold:
        """Let no more labels join, so that what is asked about stays what is decided.

        Errors: NotFound; Conflict `label_hold_decided`.
        """
        hold = self.find(scope, seq)
        if hold.verdict:
            raise _decided()
        if not hold.closed:
            unit, state = UnitOfWork(), self._ledger.ready(scope)
            with self._ledger.ahead():
                now = self._ledger.clock.now_us()
                entry = HoldEntry(CLOSED, seq, now, actor, hold.count)
                staged = self._move(unit, state, entry)
            await self._ledger.commit(unit, [staged])
        return hold

    async def decide(self, scope: Scope, wanted: LabelDecision, approved: Approved) -> int:
        """Release or refuse a whole hold; the log sequence of the decision.

        Errors: NotFound; Conflict `label_hold_decided`, `label_hold_moved`.
        """
        approved.require(scope, LABEL_FLOOD, label_decision(wanted))
        hold = self.find(scope, wanted.hold)
        if hold.verdict:
            raise _decided()
        if not hold.closed or (hold.count, hold.source) != (wanted.labels, wanted.source):
            raise Conflict("label_hold_moved", "other labels are held than the request says")
        unit, state = UnitOfWork(), self._ledger.ready(scope)
        approved.settle(unit)
        with self._ledger.ahead():
            now = self._ledger.clock.now_us()
            entry = HoldEntry(wanted.verdict, hold.seq, now, approved.actor, hold.count)
            staged = self._move(unit, state, entry)
            self._tell(unit, state, hold, wanted.verdict, approved.audit_actor)
        await self._ledger.commit(unit, [staged])
        logger().info("labels_decided", count=hold.count, act=wanted.verdict)
        await self._release(scope, hold.seq)
        return staged.seq

    async def resume(self) -> None:
        """Go on with releases that were interrupted. Errors: those of the ledger."""
        for scope, state in list(self._ledger.states.items()):
            for hold in state.holds.unsettled():
                if hold.verdict == RELEASED:
                    await self._release(scope, hold.seq)

    async def _release(self, scope: Scope, seq: int) -> None:
        """Let the labels of a released hold count, step by step."""
        if (scope, seq) in self._moving:
            return
        self._moving.add((scope, seq))
        try:
            while (hold := self.find(scope, seq)).state == "releasing":
                await self._step(scope, hold)
                await asyncio.sleep(0)
        finally:
            self._moving.discard((scope, seq))

    async def _step(self, scope: Scope, hold: Hold) -> None:
        unit, state = UnitOfWork(), self._ledger.ready(scope)
        chosen = hold.labels[hold.done : hold.done + STEP]
        reports = [self._report(scope, hold, seq) for seq in chosen]
        with self._ledger.ahead():
            staged = [self._taking.stage(unit, scope, one) for one in reports]
            now, done = self._ledger.clock.now_us(), hold.done + len(chosen)
            staged.append(self._move(unit, state, HoldEntry(STEPPED, hold.seq, now, "", done)))
        await self._ledger.commit(unit, staged)

    def _report(self, scope: Scope, hold: Hold, seq: int) -> Report:
        """A held label as it came; what was erased meanwhile is not there any more."""
        body = self.label(scope, seq)
        fields, _erased = self._sealer.open(scope, seq, body.clear, body.sealed)
        attempt = self._ledger.staged_body(scope, body.attempt).observation
        sender = Sender(scope, hold.source, hold.actor)
        return Report(body.event_id, body.body_digest, fields, attempt, sender, held=seq)

    def _move(self, unit: UnitOfWork, state: ScopeState, entry: HoldEntry) -> Staged:
        staged = self._ledger.stage(unit, state.scope, entries.HOLD, entry.at_us, entry)
        state.holds.fold(staged.seq, entry)
        return staged

    def _tell(self, unit: UnitOfWork, state: ScopeState, hold: Hold, act: str, actor: str) -> None:
        """Audit event, webhook and count of a hold that was opened or decided."""
        now, source = self._ledger.clock.now_us(), hold.source or UNSTATED
        event = AuditEvent(
            state.scope, f"label:flood:{act}", actor, AuditOutcome.DONE, now,
            {"hold": hold.seq, "source": source, "labels": hold.count, "usual": round(hold.usual)},
        )  # fmt: skip
        self._ledger.stores.audit.record(unit, event)
        told = LabelsHeld(hold.seq, source, hold.state, hold.count, hold.usual)
        enqueue(unit, state.scope, LABELS_HELD, msgspec.json.encode(told), now)
        if act == "hold":
            self._ledger.metrics.label_floods.labels(state.scope.environment.value, source).inc()


def _decided() -> Conflict:
    return Conflict("label_hold_decided", "these labels were released or refused already")
