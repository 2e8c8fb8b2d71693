"""One credit transfer as a payment of the contract (`decision.messages.Payment`).

Guards: the payment's id is the UETR, else message, batch and transaction ids with a digest of who
sent the message, so that the same file again names the same payments and another sender's file
never does. What the contract does not name lies in `metadata`; identifications there that look like
a card number are left out, and a text too long for its field is refused rather than cut, so that
nothing is hidden from screening behind its end.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from paywarden.decision.iso20022.faults import TransactionFault
from paywarden.decision.iso20022.model import PLACES
from paywarden.decision.iso20022.parts import Account, Amount, Party
from paywarden.decision.messages import Payment
from paywarden.reference.card_numbers import looks_like_card_number

NOT_PROVIDED: Final = "NOTPROVIDED"
METADATA_LIMIT: Final = 256
IDENTIFICATIONS: Final = frozenset(
    {
        "message_id", "batch_id", "end_to_end_id", "instruction_id", "transaction_id",
        "debtor_identifiers", "creditor_identifiers", "debtor_agent", "creditor_agent",
        "instructing_agent", "intermediary_agent", "previous_agent",
    }
)  # fmt: skip
"""Texts of metadata that are numbers by nature; any other text that is a card number is refused
with its transaction (`decision.intake`)."""
_AT: Final = re.compile(r"at `\$((?:\.[a-z_]+)+)`")


class Ids(NamedTuple):
    """How a sender names a transfer: `message` and `batch` (pain.001) and three of the transfer.

    `sender`: who made the message, as it says; `number`: place among the message's, from 1.
    """

    message: str
    batch: str | None
    instruction: str | None
    end_to_end: str | None
    transaction: str | None
    uetr: str | None
    sender: str | None
    number: int


class Draft(NamedTuple):
    """What a transfer says, read out of either message."""

    ids: Ids
    occurred_at: datetime
    amount: Amount
    debtor: Party
    creditor: Party
    debtor_account: Account | None
    creditor_account: Account | None
    remittance: str | None
    further: dict[str, str | int | None]


def payment_id(ids: Ids, taken: set[str]) -> str:
    """The id of the payment; `taken`: those of the message so far, which it joins.

    Errors: TransactionFault `iso20022_repeated` for a UETR that stands twice in one message.
    """
    if ids.uetr is not None:
        name = ids.uetr.lower()
        if name in taken:
            detail = "the same UETR stands at an earlier transaction of this message"
            raise TransactionFault("iso20022_repeated", detail, "PmtId", "UETR")
    else:
        own = ids.transaction or ids.instruction or ids.end_to_end
        own = f"#{ids.number}" if own in (None, NOT_PROVIDED) else own
        name = "/".join(filter(None, (ids.message, ids.batch, own)))
        if ids.sender is not None:
            name += "@" + hashlib.sha256(ids.sender.encode()).hexdigest()[:12]
        if name in taken:
            name += f"#{ids.number}"
    taken.add(name)
    return name


def payment(draft: Draft, name: str) -> Payment:
    """The payment. Errors: TransactionFault for what the contract does not take."""
    paid_by, paid_to = draft.debtor_account, draft.creditor_account
    debtor, creditor = draft.debtor, draft.creditor
    body: dict[str, Any] = {
        "id": name,
        "type": "transfer",
        "occurred_at": draft.occurred_at,
        "amount_minor": draft.amount.minor,
        "currency": draft.amount.currency,
        "channel": "api",
        "payer": _filled(
            id=paid_by.identity if paid_by else None,
            name=debtor.name,
            country=debtor.country or (paid_by.country if paid_by else None),
            birth_date=debtor.birth_date,
        ),
        "payee": _filled(
            name=creditor.name,
            account=paid_to.identity if paid_to else None,
            country=creditor.country or (paid_to.country if paid_to else None),
        ),
        "billing_address": _filled(
            country=debtor.country,
            postal_code=debtor.postal_code,
            city=debtor.city,
            line1=debtor.street,
        ),
        "remittance_information": draft.remittance,
        "metadata": _metadata(draft),
    }
    if paid_by is not None:
        body["instrument"] = {"kind": "account", "reference": paid_by.identity}
    try:
        return msgspec.convert({k: v for k, v in body.items() if v is not None}, Payment)
    except msgspec.ValidationError as refusal:
        raise _not_taken(str(refusal)) from None


def _filled(**given: Any) -> dict[str, Any] | None:
    return {name: value for name, value in given.items() if value is not None} or None


def _metadata(draft: Draft) -> dict[str, str | int]:
    kept: dict[str, str | int] = {}
    for name, value in draft.further.items():
        if value is None or (name in IDENTIFICATIONS and looks_like_card_number(str(value))):
            continue
        if isinstance(value, str) and len(value) > METADATA_LIMIT:
            raise TransactionFault("iso20022_field", f"the text of {name} is too long")
        kept[name] = value
    return kept


def _not_taken(message: str) -> TransactionFault:
    """Told by the field's own bound; a validation message holds bounds and places, no values."""
    found = _AT.search(message)
    path = found[1][1:] if found else ""
    detail = f"the payment contract does not take this ({path or 'payment'})"
    return TransactionFault("iso20022_field", detail, *PLACES.get(path, ()))
