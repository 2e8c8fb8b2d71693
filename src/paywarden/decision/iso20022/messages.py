"""What `POST /v1/iso20022/decisions` answers: the message, and one item per transaction, in order.

Statuses and their reasons are those of pacs.002 and pain.002, so that an integrator can write the
status report from an answer as it stands. A held payment is `PDNG` without a reason and a blocked
one `RJCT` with `NARR`, whatever the engine: neither says why.
Source: ISO 20022 external code sets, payment transaction status and status reason.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from paywarden.decision.messages import DecisionAnswer

Status = Literal["ACCP", "PDNG", "RJCT"]
STATUS_OF: Final[dict[str, tuple[Status, str | None]]] = {
    "allow": ("ACCP", None),
    "challenge": ("PDNG", None),
    "review": ("PDNG", None),
    "block": ("RJCT", "NARR"),
}
REASON_OF: Final = {
    "iban_invalid": "AC01",
    "currency_unknown": "AM03",
    "iso20022_amount": "AM12",
    "iso20022_repeated": "AM05",
    "attempt_conflict": "AM05",
    "payment_imported": "AM05",
    "iso20022_schema": "FF01",
    "iso20022_field": "FF01",
}
"""Reasons of refused transactions by our code; any other is `NARR`."""


class IsoItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transaction: decided, or refused with `code`, `detail` and `pointer`.

    `place`: path of its element, `line`: where it begins, from 1; `pointer` and `fault_line` of
    what was refused. `repeated`: the decision stood there before and nothing was counted.
    """

    place: str
    line: int
    status: Status
    status_reason: str | None = None
    end_to_end_id: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    decision: DecisionAnswer | None = None
    repeated: bool = False
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None
    fault_line: int | None = None


class IsoAnswer(msgspec.Struct, frozen=True):
    """`group_status`: the status that all transactions have, or PART."""

    message_type: str
    message_id: str
    created_at: str
    group_status: Literal["ACCP", "PDNG", "RJCT", "PART"]
    items: list[IsoItem]
