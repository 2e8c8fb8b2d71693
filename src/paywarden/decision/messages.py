"""Wire messages of decisions and events: what callers send and get (API.md section 2).

Guards: unknown fields are refused, every text and number has a bound, JSON null equals absent.
Domain rules that a schema cannot say (known currency, card numbers, what a kind of event needs)
are in `intake.py` and `events.py`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from paywarden.core.instants import INSTANT_PATTERN
from paywarden.reference.currencies import active_currency, currencies

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(min_length=1, max_length=40)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
LongText = Annotated[str, Meta(min_length=1, max_length=1024)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2, description="ISO 3166-1 alpha-2")]
_CODES = "|".join(sorted(code for code in currencies() if active_currency(code)))
Currency = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=3,
        description="ISO 4217",
        extra_json_schema={"pattern": f"^({_CODES})$"},
    ),
]
Instant = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339 with a zone; not the first day of year 1 east of UTC, nor the last "
        "of 9999 west of it",
        extra_json_schema={"pattern": INSTANT_PATTERN},
    ),
]
Day = date
Amount = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991, description="Minor units")]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = Annotated[str, Meta(max_length=256)] | Whole | float | bool | None
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Scalar], Meta(max_length=50)
]

PaymentType = Literal[
    "card_payment", "transfer", "payout", "top_up", "withdrawal", "refund", "account_event"
]
Phase = Literal["onboarding", "pre_auth", "post_auth", "capture", "payout", "refund"]
Channel = Literal[
    "ecommerce", "in_app", "pos", "atm", "moto", "recurring", "branch", "api", "other"
]
EntryMode = Literal[
    "manual", "chip", "contactless", "magstripe", "on_file", "wallet", "qr", "other"
]


class Wire(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Base of request messages."""


class Merchant(Wire, frozen=True):
    """Who is paid for goods."""

    id: Id
    mcc: Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)] | None = None
    country: Country | None = None
    created_at: Instant | None = None
    name: Text | None = None


class Payer(Wire, frozen=True):
    """Who pays."""

    id: Id | None = None
    name: Text | None = None
    email: Text | None = None
    phone: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    country: Country | None = None
    birth_date: Day | None = None
    created_at: Instant | None = None


class Payee(Wire, frozen=True):
    """Who receives the money of a transfer or payout."""

    id: Id | None = None
    name: Text | None = None
    country: Country | None = None
    account: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    created_at: Instant | None = None


class Instrument(Wire, frozen=True):
    """A card by token and signed facts, or facts asserted by a trusted caller."""

    kind: Literal["card", "account", "wallet"]
    token: Id | None = None
    facts: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    reference: Id | None = None
    bin: Annotated[str, Meta(pattern="^[0-9]{6,8}$", max_length=8)] | None = None
    last4: Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)] | None = None
    expiry: Annotated[str, Meta(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$", max_length=7)] | None = None


class Checks(Wire, frozen=True):
    """Results of checks that others have made."""

    avs: Word | None = None
    cvv: Word | None = None
    eci: Word | None = None
    three_ds: Word | None = None


class Device(Wire, frozen=True):
    """The device of the payer."""

    id: Id | None = None
    ip: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    user_agent: LongText | None = None
    language: Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,35}$")] | None = None


class Address(Wire, frozen=True):
    """A postal address."""

    country: Country | None = None
    postal_code: Word | None = None
    city: Text | None = None
    line1: Text | None = None


class Payment(Wire, frozen=True):
    """One attempt of a payment, or an account event to be decided."""

    id: Id
    type: PaymentType
    occurred_at: Instant
    attempt: Id = "1"
    phase: Phase = "pre_auth"
    amount_minor: Amount | None = None
    currency: Currency | None = None
    channel: Channel | None = None
    initiator: Literal["customer", "merchant"] = "customer"
    entry_mode: EntryMode | None = None
    wallet: Word | None = None
    par: Id | None = None
    merchant: Merchant | None = None
    payer: Payer | None = None
    payee: Payee | None = None
    instrument: Instrument | None = None
    checks: Checks | None = None
    device: Device | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    metadata: Metadata | None = None
    remittance_information: LongText | None = None


PAYMENT_RULES: dict[str, Any] = {
    "if": {"properties": {"type": {"const": "account_event"}}, "required": ["type"]},
    "else": {
        "required": ["amount_minor", "currency"],
        "properties": {"amount_minor": {"type": "integer"}, "currency": {"type": "string"}},
    },
}
"""What the types above cannot say of a Payment, as JSON Schema."""


class DecisionRequest(Wire, frozen=True):
    """Body of POST /v1/decisions."""

    __schema_rules__: ClassVar = {"Payment": PAYMENT_RULES}

    payment: Payment


class BatchRequest(Wire, frozen=True):
    """Body of POST /v1/decisions/batch: decided in order."""

    payments: Annotated[list[Payment], Meta(min_length=1, max_length=500)]


class ContinueRequest(Wire, frozen=True):
    """Body of POST /v1/decisions/{id}/continue: the challenge's result."""

    result: Literal["authenticated", "attempted", "failed", "abandoned", "not_available"]
    occurred_at: Instant | None = None
    method: Word | None = None


class Event(Wire, frozen=True):
    """One event: the result, label or challenge of a payment, or something of an account."""

    id: Id
    kind: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
    occurred_at: Instant
    payment_id: Id | None = None
    attempt: Id | None = None
    status: Literal["authorised", "declined", "captured", "refunded", "cancelled"] | None = None
    code: Word | None = None
    verdict: Literal["fraud", "genuine", "withdrawn"] | None = None
    source: Literal["chargeback", "issuer_notice", "customer", "analyst"] | None = None
    reason: Word | None = None
    result: Word | None = None
    merchant: Merchant | None = None
    payer: Payer | None = None
    payee: Payee | None = None
    instrument: Instrument | None = None
    device: Device | None = None
    metadata: Metadata | None = None


class EventsRequest(Wire, frozen=True):
    """Body of POST /v1/events."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=500)]


class EventResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event; a label of a flood is `held` until somebody decides about it."""

    id: str
    status: Literal["recorded", "repeated", "held", "refused"]
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None


class EventsAnswer(msgspec.Struct, frozen=True):
    """One result per event, in order."""

    results: list[EventResult]


class Reason(msgspec.Struct, frozen=True):
    """A neutral reason."""

    code: str
    text: str


class RequiredAction(msgspec.Struct, frozen=True):
    """What the caller has to do before the payment can go on."""

    kind: Literal["challenge"]
    continue_path: str


class Promise(msgspec.Struct, frozen=True):
    """The log's signed promise: the decision with this hash stands at `index` of `log`.

    `decision`: base 64 of SHA-256 over what the answer states. One signature covers the root of a
    tree over the promises of one commit: this one stands at `batch_index` of `batch_size`, and
    `batch_path` (base 64, nearest first) leads to the root. `signature`: base 64 of four octets of
    key hash and an Ed25519 signature. How to check it: docs/how-to/verify-the-log.md.
    """

    log: str
    index: int
    decision: str
    at_us: int
    batch_size: int
    batch_index: int
    batch_path: list[str]
    signature: str


class ReceiptAnswer(msgspec.Struct, frozen=True):
    """Proof that a promise was kept: the leaf, its path (base 64) to the root, the checkpoint."""

    promise: Promise
    leaf: str
    proof: list[str]
    checkpoint: str


class DecisionAnswer(msgspec.Struct, frozen=True):
    """The answer to a payment."""

    id: str
    payment_id: str
    attempt: str
    outcome: Literal["allow", "challenge", "review", "block"]
    points: int
    reasons: list[Reason]
    required_action: RequiredAction | None
    advice: list[Reason]
    ruleset: str
    model: str | None
    degraded: list[str]
    latency_ms: float
    receipt: Promise | None = None


class DecisionView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recorded decision: the answer and, for operators, the whole `record`."""

    id: str
    payment_id: str
    attempt: str
    outcome: Literal["allow", "challenge", "review", "block"]
    points: int
    reasons: list[Reason]
    required_action: RequiredAction | None
    advice: list[Reason]
    ruleset: str
    model: str | None
    degraded: list[str]
    latency_ms: float
    created_at: str
    continues: str | None = None
    record: dict[str, Any] | None = None


class DecisionPage(msgspec.Struct, frozen=True):
    """A page of decisions, newest first."""

    items: list[DecisionView]
    has_more: bool
    next: str | None


class BatchItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one payment of a batch, or why it was refused."""

    decision: DecisionAnswer | None = None
    repeated: bool = False
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """One item per payment, in order."""

    items: list[BatchItem]
