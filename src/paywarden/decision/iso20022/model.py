"""What a message became: payments and refusals, each with its place. Pure values.

Guards: these cross a pipe from the process that reads XML, so each payment is packed by itself and
is decoded, and thereby checked again, right before it is decided. A place is a path of element
names as the schema knows them, never a text of the sender's.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Refused(msgspec.Struct, frozen=True):
    """Why a transaction was refused: stable `code`, our words, path of the element, its line."""

    code: str
    detail: str
    pointer: str
    line: int


class Transaction(msgspec.Struct, frozen=True):
    """One credit transfer of a message: `payment` packed (a `Payment`), or why there is none.

    `place`: path of its element; `line` from 1. Identifications are the sender's, None where he
    gave none or where they look like a card number.
    """

    place: str
    line: int
    end_to_end_id: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    payment: bytes | None = None
    refused: Refused | None = None


class TakenIn(msgspec.Struct, frozen=True):
    """A message that was read: its kind (`pacs.008.001.08`), its id, its transactions in order."""

    kind: str
    message_id: str
    created_at: str
    transactions: list[Transaction]


PLACES: Final = {
    "amount_minor": ("Amt",),
    "currency": ("Amt",),
    "payer.name": ("Dbtr", "Nm"),
    "payer.id": ("DbtrAcct",),
    "instrument.reference": ("DbtrAcct",),
    "payee.name": ("Cdtr", "Nm"),
    "payee.account": ("CdtrAcct",),
    "remittance_information": ("RmtInf",),
    "billing_address.city": ("Dbtr", "PstlAdr"),
    "billing_address.line1": ("Dbtr", "PstlAdr"),
    "billing_address.postal_code": ("Dbtr", "PstlAdr"),
    "id": ("PmtId",),
}
"""Which element a field of the payment came from, by names below its transaction."""
