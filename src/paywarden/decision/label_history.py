"""What has been said about a payment attempt: its labels, newest first, and which word stands.

Guards: read from the log itself, each label entry naming the one before it, so nothing can be
missing or differ from what windows count; at most SHOWN entries a page of history. Operators only
(`decisions:explain`). Not done here: precedence (`risk.labels.model`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.entries import EventEntry
from paywarden.decision.intake import PaymentReader
from paywarden.decision.labelling import book_of
from paywarden.decision.ledger import Ledger
from paywarden.decision.payments import Payments
from paywarden.decision.stored_fields import one
from paywarden.evidence.read_watch import ReadWatch
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.labels.model import Claim

SHOWN = 100
_VERDICT = OBSERVED_INDEX["event.verdict"]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]


class LabelsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/labels."""

    payment_id: Identifier
    attempt: Identifier = "1"


class Claimed(msgspec.Struct, frozen=True):
    """The present word of one source; `log_sequence` says where it was said."""

    source: str | None
    verdict: Literal["fraud", "genuine"]
    reason: str | None
    log_sequence: int


class Reported(msgspec.Struct, frozen=True, omit_defaults=True):
    """One label as it came. `stands`: what stood after it; outranked: what stood before."""

    event_id: str
    verdict: str
    stands: Literal["fraud", "genuine", "withdrawn", "outranked"]
    received_at: str
    log_sequence: int
    source: str | None = None
    reason: str | None = None
    about: str | None = None
    imported: bool = False


class PaymentLabels(msgspec.Struct, frozen=True):
    """Labels of one attempt: what stands, each source's word, all reports newest first."""

    payment_id: str
    attempt: str
    standing: Claimed | None
    claims: list[Claimed]
    reports: list[Reported]
    has_more: bool


class LabelHistory:
    """Reads the labels of payments."""

    def __init__(
        self, ledger: Ledger, payments: Payments, reader: PaymentReader, watch: ReadWatch
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._reader = reader
        self._watch = watch

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", "/v1/labels", "get_labels", "Read the labels of a payment",
                      self.read, PaymentLabels, query=LabelsQuery, permission="decisions:explain",
                      tag="events"),
        ]  # fmt: skip

    async def read(self, call: Call) -> Answer:
        """GET /v1/labels."""
        query: LabelsQuery = call.query
        asker = call.asker
        payment_id = self._reader.identifier(query.payment_id)
        attempt = self._reader.identifier(query.attempt)
        found = self._payments.attempt_of(asker.scope, payment_id, attempt, asker.merchant)
        if found is None:
            raise NotFound("payment_not_found", "no payment of that id and attempt is known here")
        state = self._ledger.ready(asker.scope)
        last = state.labels.get(found.identity)
        await self._watch.read(asker, "payment:labels:read", {"seq": found.seq})
        return Answer(self._labels(asker.scope, payment_id, attempt, last))

    def _labels(self, scope: Scope, payment_id: str, attempt: str, last: int) -> PaymentLabels:
        reports: list[Reported] = []
        seq, newest = last, self._entry(scope, last)
        entry = newest
        while entry is not None and len(reports) < SHOWN:
            reports.append(_reported(entry, seq))
            seq = entry.previous
            entry = self._entry(scope, seq)
        book = book_of(newest, last)
        claims = [_claimed(one) for one in book.claims]
        standing = book.standing
        return PaymentLabels(
            payment_id, attempt, None if standing is None else _claimed(standing), claims,
            reports, entry is not None,
        )  # fmt: skip

    def _entry(self, scope: Scope, seq: int) -> EventEntry | None:
        found = self._ledger.staged_body(scope, seq) if seq else None
        return found if isinstance(found, EventEntry) else None


def _claimed(claim: Claim) -> Claimed:
    verdict: Any = claim.verdict
    return Claimed(claim.source or None, verdict, claim.reason, claim.seq)


def _reported(entry: EventEntry, seq: int) -> Reported:
    clear = entry.clear
    stands: Any = entry.observation.values[_VERDICT]
    return Reported(
        event_id=entry.event_id,
        verdict=one(clear, "event.verdict"),
        stands=stands,
        received_at=format_rfc3339(entry.received_us),
        log_sequence=seq,
        source=one(clear, "event.source"),
        reason=one(clear, "event.reason"),
        about=one(clear, "event.result"),
        imported=entry.imported > 0,
    )
