"""Operations of decisions and events (API.md section 2): wire in, wire out, nothing decided here.

Guards: a merchant's key sees and continues only its own merchant's decisions, and never the record;
card facts are asserted only with `instrument:assert`; a repeat says so in a header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import (
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotPermitted,
    PaywardenError,
    Unavailable,
)
from paywarden.core.outcome import Outcome
from paywarden.decision import errors
from paywarden.decision.events import Events, Sending
from paywarden.decision.explaining import Explaining, ExplanationAnswer
from paywarden.decision.intake import Intake, PaymentReader, instant_of, named_fields
from paywarden.decision.messages import (
    BatchAnswer,
    BatchItem,
    BatchRequest,
    ContinueRequest,
    DecisionAnswer,
    DecisionPage,
    DecisionRequest,
    DecisionView,
    EventsAnswer,
    EventsRequest,
    Payment,
    ReceiptAnswer,
)
from paywarden.decision.payments import Decided, Payments
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.ports import Records
from paywarden.decision.receipts import Receipts
from paywarden.decision.record_reads import RecordReads
from paywarden.decision.replay_desk import ReplayAnswer, ReplayDesk, ReplayRequest
from paywarden.decision.screening import no_card_digits, refusal_of
from paywarden.decision.views import Views
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.metrics import Metrics

NEWEST = 2**62
RefusedItem = Callable[[str, str, Principal], None]
"""Told of a refused item of an answer that is none itself: code, operation, who sent it."""
SCAN_LIMIT = 200


class DecisionsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/decisions."""

    limit: Annotated[int, Meta(ge=1, le=SCAN_LIMIT)] = 50
    after: Annotated[str, Meta(pattern="^dec_[a-z2-7]{26}$", max_length=30)] | None = None
    outcome: Literal["allow", "challenge", "review", "block"] | None = None
    payment_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class DecisionOperations:
    """The operations, over the services of the decision room."""

    def __init__(
        self,
        payments: Payments,
        events: Events,
        reader: PaymentReader,
        views: Views,
        policies: PolicyDesk,
        replays: ReplayDesk,
        explaining: Explaining,
        records: Records,
        receipts: Receipts,
        reads: RecordReads,
        metrics: Metrics,
        refused: RefusedItem,
    ) -> None:
        self._payments = payments
        self._events = events
        self._reader = reader
        self._views = views
        self._policies = policies
        self._replays = replays
        self._explaining = explaining
        self._records = records
        self._receipts = receipts
        self._reads = reads
        self._metrics = metrics
        self.refused = refused

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        one: dict[str, Any] = {"path_texts": {"id": "Decision id, `dec_...`"}}
        create, read = "decisions:create", "decisions:read"
        return [
            Operation("POST", "/v1/decisions", "decide", "Decide a payment", self.decide,
                      DecisionAnswer, DecisionRequest, permission=create, screen=refusal_of,
                      answer_headers=REPEATED),
            Operation("GET", "/v1/decisions", "list_decisions", "List decisions, newest first",
                      self.page, DecisionPage, query=DecisionsQuery, permission=read,
                      cost=lambda _body, query: 1 + query.limit // 10),
            Operation("POST", "/v1/decisions/batch", "decide_batch",
                      "Decide up to 500 payments in order", self.batch, BatchAnswer, BatchRequest,
                      permission=create, body_limit=BATCH_BODY_LIMIT, screen=refusal_of,
                      cost=lambda body, _query: len(body.payments)),
            Operation("GET", "/v1/decisions/{id}", "get_decision", "Read a decision",
                      self.read, DecisionView, permission=read, **one),
            Operation("GET", "/v1/decisions/{id}/explanation", "explain_decision",
                      "Why the model said what it said, exactly", self.explain, ExplanationAnswer,
                      permission="decisions:explain", weight=5, **one),
            Operation("GET", "/v1/decisions/{id}/receipt", "get_receipt",
                      "Prove that a decision stands in the log", self.receipt, ReceiptAnswer,
                      permission=read, **one),
            Operation("POST", "/v1/decisions/{id}/continue", "continue_decision",
                      "Decide again with the challenge's result", self.resume, DecisionAnswer,
                      ContinueRequest, permission=create, screen=refusal_of, screen_always=True,
                      answer_headers=REPEATED, **one),
            Operation("POST", "/v1/decisions/{id}/replay", "replay_decision",
                      "Make a recorded decision again and compare", self.replay, ReplayAnswer,
                      ReplayRequest, permission="decisions:replay", body_optional=True,
                      screen=refusal_of, weight=20, **one),
            Operation("POST", "/v1/events", "take_in_events", "Take in up to 500 events",
                      self.events, EventsAnswer, EventsRequest, permission="events:create",
                      tag="events", screen=refusal_of,
                      cost=lambda body, _query: len(body.events)),
        ]  # fmt: skip

    async def decide(self, call: Call) -> Answer:
        """POST /v1/decisions."""
        body: DecisionRequest = call.body
        plain = no_card_digits(call.raw_body)
        decided = await self.judge(call.asker, body.payment, plain)
        headers = (("decision-repeated", "true"),) if decided.repeated else ()
        if not decided.repeated:
            self._metrics.decision_seconds.observe(self._payments.seconds_since(call.started_ns))
        return Answer(self.answer_of(decided), headers=headers)

    async def batch(self, call: Call) -> Answer:
        """POST /v1/decisions/batch: each payment is decided or refused by itself, in order."""
        body: BatchRequest = call.body
        items = []
        plain = no_card_digits(call.raw_body)
        if plain:  # what may hold a card number is refused before anything else sees it
            await self._payments.screen_ahead(
                call.asker.scope, [named_fields(one) for one in body.payments]
            )
        for number, payment in enumerate(body.payments):
            try:
                decided = await self.judge(call.asker, payment, plain)
            except (Unavailable, LimitExceeded):
                # The rest waits; sent again, what was decided is repeated and counts nothing.
                raise
            except PaywardenError as refusal:
                self.refused(refusal.code, "decide_batch", call.asker)
                items.append(_refused(number, refusal))
                continue
            items.append(BatchItem(decision=self.answer_of(decided), repeated=decided.repeated))
        return Answer(BatchAnswer(items))

    async def read(self, call: Call) -> Answer:
        """GET /v1/decisions/{id}."""
        decided = await self._found(call)
        return Answer(await self._view(call.asker, decided))

    async def receipt(self, call: Call) -> Answer:
        """GET /v1/decisions/{id}/receipt."""
        return Answer(self._receipts.receipt(await self._found(call)))

    async def page(self, call: Call) -> Answer:
        """GET /v1/decisions."""
        query: DecisionsQuery = call.query
        scope = call.asker.scope
        before = NEWEST
        if query.after is not None:
            seq = self._payments.ids.seq_of(scope, query.after)
            if seq is None:
                raise NotFound("cursor_unknown", "after is the `next` of an earlier page")
            before = seq
        outcome = int(Outcome.parse(query.outcome)) if query.outcome else None
        wanted = self._reader.identifier(query.payment_id) if query.payment_id else None
        rows = self._records.decisions(
            scope,
            before_seq=before,
            outcome=outcome,
            merchant=call.asker.merchant,
            payment_id=wanted,
            limit=query.limit + 1,
        )
        items = []
        for row in rows[: query.limit]:
            decided = await self._payments.find(scope, row.seq)
            if decided is not None:
                items.append(self._views.merchant(decided, self._reasons(decided)))
        more = len(rows) > query.limit
        return Answer(DecisionPage(items, more, items[-1].id if more and items else None))

    async def resume(self, call: Call) -> Answer:
        """POST /v1/decisions/{id}/continue."""
        body: ContinueRequest = call.body
        first = await self._found(call)
        given = body.occurred_at
        occurred = instant_of(given, "/occurred_at") if given is not None else None
        decided = await self._payments.resume(first, body.result, occurred, body)
        headers = (("decision-repeated", "true"),) if decided.repeated else ()
        return Answer(self._views.answer(decided, self._reasons(decided)), headers=headers)

    async def replay(self, call: Call) -> Answer:
        """POST /v1/decisions/{id}/replay."""
        body: ReplayRequest = call.body
        decided = await self._found(call)
        return Answer(await self._replays.replay(decided, body.ruleset))

    async def explain(self, call: Call) -> Answer:
        """GET /v1/decisions/{id}/explanation."""
        decided = await self._found(call)
        await self._reads.read(call.asker, "decision:explanation:read", decided)
        return Answer(await self._explaining.explain(decided))

    async def events(self, call: Call) -> Answer:
        """POST /v1/events."""
        body: EventsRequest = call.body
        asker = call.asker
        sending = Sending(asker.actor, "events:label" in asker.permissions, asker.merchant)
        results = await self._events.take_in(asker.scope, body.events, sending)
        for code in (one.code for one in results if one.code):
            self.refused(code, "take_in_events", asker)
        return Answer(EventsAnswer(results))

    async def judge(self, asker: Principal, payment: Payment, plain: bool) -> Decided:
        """Decide one payment for who asks; `plain`: its body holds no card number for certain.

        Errors: those of the payment's checks, Conflict, NotPermitted, Unavailable, LimitExceeded.
        """
        intake = self._intake(asker, payment, plain)
        return await self._payments.decide(asker.scope, intake, payment)

    def answer_of(self, decided: Decided) -> DecisionAnswer:
        """What who asked is told of a decision."""
        return self._views.answer(decided, self._reasons(decided))

    def _intake(self, asker: Principal, payment: Payment, plain: bool) -> Intake:
        may_assert = "instrument:assert" in asker.permissions
        try:
            intake = self._reader.payment(asker.scope, payment, may_assert=may_assert, plain=plain)
        except InvalidRequest as refusal:
            if refusal.code == "card_number_not_accepted":
                self._metrics.card_numbers_refused.inc()
            raise
        if intake.card_like:
            self._metrics.card_like_identifiers.inc(intake.card_like)
        if asker.merchant is not None and intake.fields.get("merchant.id") != asker.merchant:
            raise NotPermitted(
                "other_merchant",
                "this key is bound to another merchant",
                pointer="/payment/merchant",
            )
        return intake

    async def _found(self, call: Call) -> Decided:
        asker = call.asker
        seq = self._payments.ids.seq_of(asker.scope, call.path["id"])
        decided = await self._payments.find(asker.scope, seq) if seq is not None else None
        if decided is None:
            raise errors.decision_not_found()
        if asker.merchant is not None and decided.entry.merchant_id != asker.merchant:
            raise errors.decision_not_found()
        return decided

    async def _view(self, asker: Principal, decided: Decided) -> DecisionView:
        reasons = self._reasons(decided)
        if "decisions:explain" not in asker.permissions:
            return self._views.merchant(decided, reasons)
        await self._reads.read(asker, "decision:record:read", decided)
        runtime = await self._policies.runtime_of(decided.scope, decided.entry.decider)
        return self._views.operator(decided, runtime.policy.reasons, runtime)

    def _reasons(self, decided: Decided) -> Any:
        runtime = self._policies.runtime(decided.entry.decider)
        return runtime.policy.reasons if runtime is not None else {}


def _refused(number: int, refusal: PaywardenError) -> BatchItem:
    """The refusal of one payment of a batch; places are those of the batch."""
    pointer = refusal.pointer
    if pointer is not None and pointer.startswith("/payment"):
        pointer = f"/payments/{number}" + pointer.removeprefix("/payment")
    return BatchItem(code=refusal.code, detail=refusal.detail, pointer=pointer)


REPEATED = {"Decision-Repeated": "`true` when the recorded answer is given again"}
BATCH_BODY_LIMIT = 4 * 1024 * 1024
