"""The feature catalogue: every name that a condition or a window may use, with type and text.

Guards: one table from which the type checker, `GET /v1/features`, the encryption of personal data
and the columns of the event arena are all derived, so they cannot disagree. `storage` says how an
event keeps the value for windows: `int`, `double`, `bool`, `symbol` (few distinct texts, interned),
`hash` (keyed 64-bit digest: usable for keys, `distinct` and nothing else) or None (not kept).
Window filters see the same names under `event.`, plus the event's own fields (EVENT_FIELDS).
`link.*` is what links know of a payment's entities before it is counted (`risk.links`), and
`posterior.*` how likely fraud is by the past of each of them alone (`risk.posteriors`);
`screening.*` and `travel_rule.*` are what the engine against money laundering found before rules
run (`aml.screening`).
Not here: aggregates (`agg.*`) and lists (`lists.*`), which a policy declares.

>>> FIELDS["payment.amount_base_minor"].type
'int'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

FieldType = Literal["bool", "int", "double", "string", "timestamp", "map"]
Storage = Literal["int", "double", "bool", "symbol", "hash"]

KEY_KINDS: tuple[str, ...] = (
    "card",
    "payer",
    "payee",
    "account",
    "device",
    "ip",
    "ip_prefix",
    "email",
    "email_domain",
    "phone",
    "merchant",
    "bin",
    "shipping_address",
)
"""Entities that windows count by. The order is part of the stored form: append only."""


@dataclass(frozen=True, slots=True)
class Field:
    """One name in scope: dotted path, type, one-line text, window storage.

    `personal`: speaks of a person; sealed in the log and masked wherever it is shown.
    `identifying`: singles a person out by a name that others gave (an identifier, a network);
    sealed in the log and shown to operators, who follow a case by it.
    """

    path: str
    type: FieldType
    text: str
    personal: bool = False
    storage: Storage | None = None
    derived: bool = False
    identifying: bool = False

    @property
    def sealed(self) -> bool:
        """Whether the log holds it only under its person's key."""
        return self.personal or self.identifying


def _index(fields: Iterable[Field]) -> Mapping[str, Field]:
    return MappingProxyType({field.path: field for field in fields})


def _given(path: str, kind: FieldType, text: str, storage: Storage | None = None) -> Field:
    return Field(path, kind, text, storage=storage)


def _personal(
    path: str, text: str, storage: Storage | None = None, kind: FieldType = "string"
) -> Field:
    return Field(path, kind, text, personal=True, storage=storage)


def _identifying(
    path: str, text: str, storage: Storage | None = None, kind: FieldType = "string"
) -> Field:
    return Field(path, kind, text, storage=storage, identifying=True)


def _derived(
    path: str, kind: FieldType, text: str, storage: Storage | None = None, identifying: bool = False
) -> Field:
    return Field(path, kind, text, storage=storage, derived=True, identifying=identifying)


LINK_FIELDS: Mapping[str, Field] = _index(
    (
        _derived("link.component_size", "int", "Entities connected with those of the payment"),
        _derived("link.bad_neighbours", "int", "Those among them that took part in fraud"),
        _derived("link.cards", "int", "Cards among them"),
        _derived("link.new_edges_1h", "int", "Connections made there within the last hour"),
        _derived("link.hubs", "int", "The payment's own entities that connect nobody: too busy"),
    )
)
"""What links know; missing while no ruleset or model of the scope reads any of it."""

POSTERIOR_KINDS: tuple[str, ...] = (
    "card",
    "device",
    "ip",
    "ip_prefix",
    "bin",
    "email_domain",
    "merchant",
    "payee",
    "payer",
)
"""Entities that have a posterior."""

POSTERIOR_FIELDS: Mapping[str, Field] = _index(
    _derived(f"posterior.{kind}.{name}", "double", text.format(kind))
    for kind in POSTERIOR_KINDS
    for name, text in (
        ("mean", "Probability of fraud by the past of this {} alone"),
        ("lower", "Bound above which that probability lies 19 times of 20 ({})"),
    )
)
"""What posteriors know; missing without the entity, and while no ruleset or model reads any."""

RISK_FIELDS: Mapping[str, Field] = _index(
    (
        _derived("risk.customer_level", "string", "Risk level of the payer: low to prohibited"),
        _derived("risk.customer_score", "int", "Points of that, 0 to 100"),
        _derived("risk.customer_threshold_percent", "int", "Percent for thresholds, by that level"),
        _derived("risk.payee_level", "string", "Risk level of the payee, if it is a customer"),
        _derived("risk.payee_score", "int", "Points of that, 0 to 100"),
        _derived("risk.merchant_level", "string", "Risk level of the merchant"),
        _derived("risk.merchant_score", "int", "Points of that, 0 to 100"),
        _derived("risk.merchant_exposure_minor", "int", "What a merchant may owe; of payouts"),
        _derived("risk.merchant_exposure_limit_minor", "int", "What may be open; of payouts"),
        _derived("risk.merchant_reserve_percent", "int", "Share of a payout to keep back"),
        _derived("risk.merchant_hold", "bool", "Exposure is over its limit; of payouts"),
    )
)
"""What customer risk says of who takes part, as it stood in the log; missing where nobody is known.

Exposure is reckoned for payouts alone, and where the model's windows are in the policy."""

COMPANION_FIELDS: Mapping[str, Field] = MappingProxyType({**LINK_FIELDS, **POSTERIOR_FIELDS})
"""Fields of state that is kept beside windows, and only while it is read."""

SCREENED_ROLES: tuple[str, ...] = ("payer", "payee", "merchant", "remittance")
"""Who of a payment is held against lists, in the order in which hits are told."""

SCREENING_FIELDS: Mapping[str, Field] = _index(
    (
        *(
            _derived(
                f"screening.{role}.score",
                "double",
                f"Best match of {text} with a listed party, 0 to 1; missing where not screened",
            )
            for role, text in (
                ("payer", "the payer"),
                ("payee", "the payee"),
                ("merchant", "the merchant's name"),
                ("remittance", "a name in the remittance information"),
            )
        ),
        _derived("screening.hit", "bool", "Somebody matches a listed party closely enough to hold"),
        _derived("screening.pep", "bool", "Somebody matches a politically exposed person"),
        _derived(
            "screening.identified", "double", "Best match that rests on an equal identifier, 0 to 1"
        ),
        _derived("screening.confirmed", "bool", "A person judged that a party is the listed one"),
        _derived("travel_rule.missing", "string", "What of payer and payee a transfer must carry"),
        _derived("travel_rule.crypto", "bool", "The transfer goes to a wallet of crypto-assets"),
    )
)
"""What screening and the travel rule say of a payment; missing where no list is in force."""

KEPT_FROM_SEGMENTS: Mapping[str, Field] = MappingProxyType({**COMPANION_FIELDS, **SCREENING_FIELDS})
"""Fields that conditions of rules read and those of segments do not."""

FIELDS: Mapping[str, Field] = _index(
    (
        _given("payment.id", "string", "Identifier that the caller gave to the payment"),
        _given("payment.attempt", "string", "Attempt within the payment; 1 unless given"),
        _given("payment.type", "string", "card_payment, transfer, payout, top_up, ...", "symbol"),
        _given(
            "payment.phase", "string", "onboarding, pre_auth, post_auth, capture, ...", "symbol"
        ),
        _given("payment.occurred_at", "timestamp", "When it happened, as the caller says"),
        _given("payment.amount_minor", "int", "Amount in minor units of its currency", "int"),
        _given("payment.currency", "string", "ISO 4217 code", "symbol"),
        _given("payment.channel", "string", "ecommerce, pos, moto, recurring, ...", "symbol"),
        _given("payment.initiator", "string", "customer or merchant", "symbol"),
        _given("payment.entry_mode", "string", "manual, chip, contactless, on_file, ...", "symbol"),
        _given("payment.wallet", "string", "Wallet that presented the card", "symbol"),
        _identifying("payment.par", "Payment account reference", "hash"),
        _given("payment.instrument_kind", "string", "card, account, wallet", "symbol"),
        _personal("payment.metadata", "Free scalars of the caller", kind="map"),
        _personal("payment.remittance_information", "What the payer writes to the payee"),
        _given("payment.checks.avs", "string", "Address check of the issuer", "symbol"),
        _given("payment.checks.cvv", "string", "Security code check of the issuer", "symbol"),
        _given("payment.checks.eci", "string", "Electronic commerce indicator", "symbol"),
        _given("payment.checks.three_ds", "string", "Result of 3-D Secure", "symbol"),
        _given("payment.billing_address.country", "string", "ISO 3166-1 alpha-2", "symbol"),
        _personal("payment.billing_address.postal_code", "Postal code"),
        _personal("payment.billing_address.city", "City"),
        _personal("payment.billing_address.line1", "Street and house"),
        _given("payment.shipping_address.country", "string", "ISO 3166-1 alpha-2", "symbol"),
        _personal("payment.shipping_address.postal_code", "Postal code"),
        _personal("payment.shipping_address.city", "City"),
        _personal("payment.shipping_address.line1", "Street and house"),
        _derived("payment.amount_base_minor", "int", "Amount in the base currency", "int"),
        _derived("payment.hour", "int", "Hour of day, UTC, 0-23", "int"),
        _derived("payment.weekday", "int", "Day of week, UTC, Monday is 0", "int"),
        _derived("payment.late", "bool", "Counted at receipt: it came too late", "bool"),
        _derived("payment.challenge_result", "string", "Result of the challenge, if any", "symbol"),
        _given("merchant.id", "string", "Merchant of the payment", "hash"),
        _given("merchant.mcc", "string", "Merchant category code (ISO 18245)", "symbol"),
        _given("merchant.country", "string", "ISO 3166-1 alpha-2", "symbol"),
        _given("merchant.created_at", "timestamp", "When the merchant joined"),
        _given("merchant.name", "string", "Trading name of the merchant"),
        _derived("merchant.mcc_group", "string", "Risk group of the category", "symbol"),
        _derived("merchant.age_days", "int", "Whole days since the merchant joined", "int"),
        _identifying("payer.id", "Customer who pays", "hash"),
        _personal("payer.name", "Name of the payer"),
        _personal("payer.email", "E-mail of the payer"),
        _personal("payer.phone", "Telephone of the payer"),
        _personal("payer.birth_date", "Date of birth, YYYY-MM-DD"),
        _given("payer.country", "string", "ISO 3166-1 alpha-2", "symbol"),
        _identifying("payer.created_at", "When the customer account was opened", kind="timestamp"),
        _derived("payer.age_days", "int", "Whole days since the account was opened", "int"),
        _identifying("payee.id", "Who receives the money", "hash"),
        _personal("payee.name", "Name of the payee"),
        _personal("payee.account", "Account that receives the money", "hash"),
        _given("payee.country", "string", "ISO 3166-1 alpha-2", "symbol"),
        _identifying("payee.created_at", "When the payee was first set up", kind="timestamp"),
        _derived("payee.age_days", "int", "Whole days since the payee was set up"),
        _identifying("card.fingerprint", "Stable opaque name of the card", "hash"),
        _given("card.bin", "string", "First six to eight digits", "symbol"),
        _identifying("card.last4", "Last four digits"),
        _identifying("card.expiry", "Expiry month, YYYY-MM"),
        _derived("card.brand", "string", "Card brand", "symbol"),
        _derived("card.country", "string", "Country of the issuer", "symbol"),
        _derived("card.funding", "string", "credit, debit, prepaid, charge", "symbol"),
        _derived("card.is_prepaid", "bool", "The card is prepaid", "bool"),
        _derived("card.issuer", "string", "Issuer of the card"),
        _identifying("device.id", "Stable identifier of the device", "hash"),
        _personal("device.ip", "Address of the device"),
        _identifying("device.user_agent", "Browser or app text", "hash"),
        _given("device.language", "string", "Language of the device", "symbol"),
        _personal("ip.address", "Canonical address of the device", "hash"),
        _derived("ip.version", "int", "4 or 6", "int"),
        _derived("ip.prefix", "string", "Network of the address: /24 or /64", "hash", True),
        _derived("ip.country", "string", "Country of the address", "symbol"),
        _derived("ip.asn", "int", "Autonomous system number", "int"),
        _derived("ip.is_datacenter", "bool", "Address of a data centre", "bool"),
        _derived("ip.is_vpn", "bool", "Address of a VPN or anonymiser", "bool"),
        _personal("email.canonical", "Canonical e-mail address", "hash"),
        _derived("email.domain", "string", "Domain of the e-mail address", "hash", True),
        _derived("email.is_disposable", "bool", "Throw-away mail domain", "bool"),
        _derived("email.is_free", "bool", "Free mail provider", "bool"),
        *COMPANION_FIELDS.values(),
        *RISK_FIELDS.values(),
        *SCREENING_FIELDS.values(),
    )
)
"""Names of payment scope by path, in documented order."""

EVENT_FIELDS: Mapping[str, Field] = _index(
    (
        _given("event.kind", "string", "payment, payment_result, label, login, ...", "symbol"),
        _given("event.status", "string", "authorised, declined, captured, refunded", "symbol"),
        _given("event.code", "string", "Answer code of the issuer", "symbol"),
        _given(
            "event.verdict", "string", "fraud, genuine, withdrawn, outranked: of labels", "symbol"
        ),
        _given("event.source", "string", "chargeback, issuer_notice, customer, analyst", "symbol"),
        _given("event.reason", "string", "Reason code of a label or dispute", "symbol"),
        _given("event.result", "string", "Of a challenge; what a chargeback is about", "symbol"),
    )
)
"""Names that only window filters see, beside `event.<path>` of every stored field."""

OBSERVED: tuple[Field, ...] = tuple(
    field for field in (*EVENT_FIELDS.values(), *FIELDS.values()) if field.storage is not None
)
"""Fields that an observation stores, in stored order (append only; see `observation.py`)."""

OBSERVED_INDEX: Mapping[str, int] = MappingProxyType(
    {field.path: position for position, field in enumerate(OBSERVED)}
)


def filter_names() -> Mapping[str, Field]:
    """Names that a window filter may use: EVENT_FIELDS and `event.<path>`, hashes left out."""
    names = dict(EVENT_FIELDS)
    names.update({f"event.{field.path}": field for field in FIELDS.values() if field.storage})
    return MappingProxyType({path: f for path, f in names.items() if f.storage != "hash"})


def observed_path(name: str) -> str:
    """Path in OBSERVED of a filter name: `event.payment.phase` is kept as `payment.phase`."""
    return name if name in EVENT_FIELDS else name.removeprefix("event.")
