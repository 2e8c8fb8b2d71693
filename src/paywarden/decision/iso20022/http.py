"""`POST /v1/iso20022/decisions`: a message in, a decision per transaction out, in order.

Guards: the message is read in a process of its own (`reading_process`); each transaction then takes
the way of `POST /v1/decisions`, with its checks, its identity and its record, so the same file
again counts nothing twice. A key that is bound to a merchant sends for that merchant. A fault of
ours ends the answer, and the message sent again goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from paywarden.core.errors import LimitExceeded, PaywardenError, Unavailable
from paywarden.decision.iso20022.messages import REASON_OF, STATUS_OF, IsoAnswer, IsoItem, Status
from paywarden.decision.iso20022.model import PLACES, TakenIn, Transaction
from paywarden.decision.messages import DecisionAnswer, Merchant, Payment
from paywarden.decision.payments import Decided
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation

PATH: Final = "/v1/iso20022/decisions"
NAME: Final = "decide_iso20022"
MOST_TRANSACTIONS: Final = 500
BODY_LIMIT: Final = 4 * 1024 * 1024


class Deciding(Protocol):
    """The way of one payment, as other operations take it too."""

    async def judge(self, asker: Principal, payment: Payment, plain: bool) -> Decided:
        """Decide a payment for who asks."""
        ...

    def answer_of(self, decided: Decided) -> DecisionAnswer:
        """The answer to a decision."""
        ...

    def refused(self, code: str, operation: str, asker: Principal) -> None:
        """Be told of a refused item."""
        ...


Read = Callable[[bytes, int], Awaitable[TakenIn]]


class Iso20022Operations:
    """The operation, over the reader of messages and the way of one payment."""

    def __init__(self, read: Read, deciding: Deciding) -> None:
        self._read = read
        self._deciding = deciding

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("POST", PATH, NAME,
                      "Decide the credit transfers of a pacs.008 or pain.001 message",
                      self.decide, IsoAnswer, bytes, permission="decisions:create",
                      body_limit=BODY_LIMIT, body_content_type="application/xml",
                      idempotent=False, cost=_cost),
        ]  # fmt: skip

    async def decide(self, call: Call) -> Answer:
        """POST /v1/iso20022/decisions."""
        taken = await self._read(call.raw_body, MOST_TRANSACTIONS)
        items = [await self._item(call.asker, one) for one in taken.transactions]
        statuses = {item.status for item in items}
        group: Any = statuses.pop() if len(statuses) == 1 else "PART"
        return Answer(IsoAnswer(taken.kind, taken.message_id, taken.created_at, group, items))

    async def _item(self, asker: Principal, one: Transaction) -> IsoItem:
        if one.payment is None:
            assert one.refused is not None
            self._deciding.refused(one.refused.code, NAME, asker)
            refused = one.refused
            return _refused(one, refused.code, refused.detail, refused.pointer, refused.line)
        payment = msgspec.msgpack.decode(one.payment, type=Payment)
        if asker.merchant is not None:
            merchant = Merchant(asker.merchant)
            payment = msgspec.structs.replace(payment, merchant=merchant)
        try:
            decided = await self._deciding.judge(asker, payment, plain=False)
        except (Unavailable, LimitExceeded):
            raise  # the rest waits; sent again, what was decided is repeated and counts nothing
        except PaywardenError as refusal:
            self._deciding.refused(refusal.code, NAME, asker)
            pointer = one.place + _below(refusal.pointer)
            return _refused(one, refusal.code, refusal.detail, pointer, one.line)
        answer = self._deciding.answer_of(decided)
        status, reason = STATUS_OF[answer.outcome]
        return _named(one, status, reason, decision=answer, repeated=decided.repeated)


def _named(one: Transaction, status: Status, reason: str | None, **told: Any) -> IsoItem:
    return IsoItem(
        one.place, one.line, status, reason, one.end_to_end_id, one.transaction_id, one.uetr, **told
    )


def _refused(one: Transaction, code: str, detail: str, pointer: str, line: int) -> IsoItem:
    reason = REASON_OF.get(code, "NARR")
    return _named(one, "RJCT", reason, code=code, detail=detail, pointer=pointer, fault_line=line)


def _below(pointer: str | None) -> str:
    """`/payment/payee/name` as the element that it came from; nothing where that is not known."""
    path = (pointer or "").removeprefix("/payment").strip("/").replace("/", ".")
    return "".join(f"/{name}" for name in PLACES.get(path, ()))


def _cost(raw: bytes, _query: Any) -> int:
    """Requests that a message counts for: its transactions, from their tags, at least 1."""
    return max(1, min(raw.count(b"CdtTrfTxInf") // 2, MOST_TRANSACTIONS))
