"""A payment as typed values, for callers who like their type checker to help.

Guards: nothing here decides what is valid, the server does; a mapping of the same form is accepted
everywhere. Absent fields are not sent. Times must be aware (`tzinfo` set), amounts are minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

Scalar = str | int | float | bool | None


class _Sent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    pass


class Merchant(_Sent, frozen=True):
    """Who is paid for goods."""

    id: str
    mcc: str | None = None
    country: str | None = None
    created_at: datetime | None = None
    name: str | None = None


class Payer(_Sent, frozen=True):
    """Who pays."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    birth_date: date | None = None
    created_at: datetime | None = None


class Payee(_Sent, frozen=True):
    """Who receives the money of a transfer or payout."""

    id: str | None = None
    name: str | None = None
    country: str | None = None
    account: str | None = None
    created_at: datetime | None = None


class Instrument(_Sent, frozen=True):
    """A card by token and signed facts, or by the caller's own opaque reference; never a number."""

    kind: str = msgspec.field()
    token: str | None = None
    facts: str | None = None
    reference: str | None = None
    bin: str | None = None
    last4: str | None = None
    expiry: str | None = None


class Checks(_Sent, frozen=True):
    """Results of checks that others have made."""

    avs: str | None = None
    cvv: str | None = None
    eci: str | None = None
    three_ds: str | None = None


class Device(_Sent, frozen=True):
    """The payer's device."""

    id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    language: str | None = None


class Address(_Sent, frozen=True):
    """A postal address."""

    country: str | None = None
    postal_code: str | None = None
    city: str | None = None
    line1: str | None = None


class Payment(_Sent, frozen=True):
    """One attempt of a payment; see the reference of `POST /v1/decisions` for every field."""

    id: str
    type: str
    occurred_at: datetime | str
    attempt: str | None = None
    phase: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    channel: str | None = None
    initiator: str | None = None
    entry_mode: str | None = None
    wallet: str | None = None
    par: str | None = None
    merchant: Merchant | None = None
    payer: Payer | None = None
    payee: Payee | None = None
    instrument: Instrument | None = None
    checks: Checks | None = None
    device: Device | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    metadata: Mapping[str, Scalar] | None = None


AnyPayment = Payment | Mapping[str, Any]


def identity_of(payment: AnyPayment) -> tuple[str, str]:
    """(id, attempt) of a payment, for a decision made here."""
    if isinstance(payment, Payment):
        return payment.id, payment.attempt or "1"
    return str(payment.get("id", "")), str(payment.get("attempt") or "1")
