"""Operations of held labels: which floods wait, what is in them, releasing or refusing a whole one.

Guards: operators and analysts only, never a key bound to a merchant; every read of labels is in the
audit log. Deciding takes approval in live environments: the hold takes in no more labels from the
moment it is asked about, so that what is approved is what happens.
Not done here: what a decision does (`label_holding.py`), approving (`identity.approvals`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import LabelDecision, label_decision
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.label_holds import REFUSED, RELEASED, SETTLED, Hold
from paywarden.decision.ledger import Ledger
from paywarden.decision.stored_fields import one
from paywarden.evidence.read_watch import ReadWatch
from paywarden.identity.approvals.catalogue import LABEL_FLOOD
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation

SHOWN = 100
NUMBER = re.compile("^[1-9][0-9]{0,15}$")


class LabelHoldView(msgspec.Struct, frozen=True):
    """A flood that is held. `usual_per_hour`: the source's largest hour of a usual day.

    `state`: waiting (takes in more), closed (asked about), releasing, released, refused.
    """

    hold: int
    source: str | None
    sender: str
    opened_at: str
    labels: int
    released: int
    usual_per_hour: float
    state: Literal["waiting", "closed", "releasing", "released", "refused"]


class LabelHoldPage(msgspec.Struct, frozen=True):
    """Holds, those first about which something is still to happen, newest first."""

    items: list[LabelHoldView]
    has_more: bool


class HeldLabelView(msgspec.Struct, frozen=True):
    """A label that waits."""

    event_id: str
    payment_id: str
    attempt: str
    verdict: str
    reason: str | None
    received_at: str


class LabelHoldDetail(msgspec.Struct, frozen=True):
    """A hold with its first labels (none once it is settled)."""

    hold: LabelHoldView
    labels: list[HeldLabelView]


class HoldDecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of releasing or refusing: why."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class HoldDecided(msgspec.Struct, frozen=True):
    """The decision stands in the log at `log_sequence`."""

    hold: LabelHoldView
    log_sequence: int


class LabelHoldOperations:
    """Handlers over the holds of scopes."""

    def __init__(
        self, ledger: Ledger, holding: LabelHolding, approvals: Approvals, watch: ReadWatch
    ) -> None:
        self._ledger = ledger
        self._holding = holding
        self._approvals = approvals
        self._watch = watch

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        path: dict[str, Any] = {
            "path_texts": {"hold": "Number of a hold"},
            "path_patterns": {"hold": NUMBER.pattern},
            "tag": "events",
        }
        deciding: dict[str, Any] = {
            "permission": "lists:write", "also_answers": {202: ApprovalView}, **path,
        }  # fmt: skip
        return [
            Operation("GET", "/v1/label-holds", "list_label_holds",
                      "List floods of labels that are held", self.page, LabelHoldPage,
                      permission="decisions:explain", tag="events"),
            Operation("GET", "/v1/label-holds/{hold}", "get_label_hold",
                      "Read a flood of labels that is held", self.read, LabelHoldDetail,
                      permission="decisions:explain", **path),
            Operation("POST", "/v1/label-holds/{hold}/release", "release_label_hold",
                      "Let held labels count", self.release, HoldDecided, HoldDecisionRequest,
                      **deciding),
            Operation("POST", "/v1/label-holds/{hold}/refuse", "refuse_label_hold",
                      "Let held labels never count", self.refuse, HoldDecided,
                      HoldDecisionRequest, **deciding),
        ]  # fmt: skip

    async def page(self, call: Call) -> Answer:
        """GET /v1/label-holds. Errors: NotPermitted."""
        _operators(call)
        holds = list(self._ledger.ready(call.asker.scope).holds)
        holds.sort(key=lambda hold: (hold.state not in SETTLED, hold.seq), reverse=True)
        items = [_view(hold) for hold in holds[:SHOWN]]
        return Answer(LabelHoldPage(items, len(holds) > SHOWN))

    async def read(self, call: Call) -> Answer:
        """GET /v1/label-holds/{hold}. Errors: NotPermitted, NotFound."""
        _operators(call)
        scope = call.asker.scope
        hold = self._holding.find(scope, _number(call))
        await self._watch.read(call.asker, "label:flood:read", {"hold": hold.seq})
        labels = [self._label(scope, seq) for seq in hold.labels[:SHOWN]]
        return Answer(LabelHoldDetail(_view(hold), labels))

    async def release(self, call: Call) -> Answer:
        """POST /v1/label-holds/{hold}/release. Errors: NotPermitted, NotFound, Conflict."""
        return await self._decide(call, RELEASED)

    async def refuse(self, call: Call) -> Answer:
        """POST /v1/label-holds/{hold}/refuse. Errors: NotPermitted, NotFound, Conflict."""
        return await self._decide(call, REFUSED)

    async def _decide(self, call: Call, verdict: Any) -> Answer:
        _operators(call)
        body: HoldDecisionRequest = call.body
        asker, maker = call.asker, maker_of(call.asker)
        number = _number(call)
        hold = await self._holding.close(asker.scope, number, maker.actor)
        wanted = LabelDecision(hold.seq, hold.count, hold.source, verdict)
        done = await self._approvals.perform(
            asker.scope, LABEL_FLOOD, label_decision(wanted), maker, body.reason
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(HoldDecided(_view(self._holding.find(asker.scope, number)), done.result))

    def _label(self, scope: Scope, seq: int) -> HeldLabelView:
        body = self._holding.label(scope, seq)
        paid = self._ledger.staged_body(scope, body.attempt)
        return HeldLabelView(
            body.event_id,
            paid.payment_id,
            str(one(paid.clear, "payment.attempt")),
            str(one(body.clear, "event.verdict")),
            one(body.clear, "event.reason"),
            format_rfc3339(body.received_us),
        )


def _operators(call: Call) -> None:
    if call.asker.merchant is not None:
        raise NotPermitted("other_merchant", "floods reach across merchants; this key does not")


def _number(call: Call) -> int:
    """The hold that the path names; 0, which is none, for what is no number."""
    text = call.path["hold"]
    return int(text) if NUMBER.fullmatch(text) else 0


def _view(hold: Hold) -> LabelHoldView:
    return LabelHoldView(
        hold.seq, hold.source or None, hold.actor, format_rfc3339(hold.opened_us), hold.count,
        hold.done, hold.usual, hold.state,
    )  # fmt: skip
