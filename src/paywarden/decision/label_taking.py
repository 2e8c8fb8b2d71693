"""Taking a label into the log: what stands after it, windows, companions and trials moved at once.

Guards: a label counts from its receipt, or, when it was held, from its release; one that was held
is no second event. Everything is staged as part of the caller's unit.
Not done here: whether it may come in at all (`events.py`, `label_watch.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import EventEntry
from paywarden.decision.intake import Fields
from paywarden.decision.label_watch import LabelWatch, Sender
from paywarden.decision.labelling import book_of, labelled
from paywarden.decision.ledger import Ledger, Staged, identity_of
from paywarden.decision.payments import Payments
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState
from paywarden.decision.trial_labels import count_label
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.model import Book


@dataclass(frozen=True, slots=True)
class Report:
    """One label as it came. `held`: seq of the entry in which it waited, or 0."""

    event_id: str
    digest: bytes
    fields: Fields
    attempt: Observation
    sender: Sender
    held: int = 0


class LabelTaking:
    """Stages labels of every scope."""

    def __init__(
        self, ledger: Ledger, payments: Payments, sealer: Sealer, watch: LabelWatch
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._sealer = sealer
        self._watch = watch

    def stage(self, unit: UnitOfWork, scope: Scope, report: Report) -> Staged:
        """Let a label count from now on."""
        ledger, attempt = self._ledger, report.attempt
        state, received, seq = ledger.ready(scope), ledger.clock.now_us(), ledger.next_seq
        t_us, s_us, late = state.ticker.live(received, received)
        if late:
            ledger.metrics.late_events.labels("event").inc()
        self._payments.derive(state, report.fields, s_us, late)
        place = {"seq": seq, "t_us": t_us, "s_us": s_us}
        made = labelled(attempt, report.fields, self._before(state, attempt.identity), place)
        clear, sealed = self._sealer.split(scope, report.fields, state.digester.digest, seq)
        entry = EventEntry(
            made.observation, received, report.event_id, report.digest, clear, sealed,
            book=made.effect.book, previous=made.previous, held=report.held,
        )  # fmt: skip
        with ledger.ahead():
            usual = state.label_peaks.usual(report.sender.source, received)
            state.add(made.observation)
            state.remember(made.observation)
            if not report.held:
                identity = identity_of(state, "event", report.event_id, "")
                state.identities.put(identity, seq)
                ledger.stores.records.add_identity(unit, scope, identity, seq)
                known = len(state.identities)
                self._watch.note(unit, report.sender, received, known, usual, made.effect)
                self._watch.late(report.sender, received - attempt.s_us)
            if state.trial is not None:
                count_label(ledger, scope, state.trial, attempt, made.effect)
            return ledger.stage(unit, scope, entries.EVENT, received, entry, made.observation)

    def _before(self, state: ScopeState, identity: int) -> tuple[int, Book]:
        """Sequence and book of the last label of an attempt."""
        seq = state.labels.get(identity)
        entry = self._ledger.staged_body(state.scope, seq) if seq else None
        return seq, book_of(entry, seq)
