"""How fields stand in log entries: values by number, in the order of append-only tables.

Guards: a number never changes its meaning, for logs are read for ever: new paths go to the end, and
a path that leaves a table keeps its number (it is written no more). CLEAR is what may be read by
anyone who has the file; SEALED is encrypted under its person's key. Together they hold every path
that a payment or event can have (tests compare them with the catalogue). A missing field is None;
numbers that an older entry does not have are missing too.
Entries written before these tables hold maps by path; `by_path` and `one` read both forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Stored = dict[str, Any] | list[Any]

CLEAR: tuple[str, ...] = (
    "payment.id",
    "payment.attempt",
    "payment.late",
    "merchant.id",
    "payment.type",
    "payment.phase",
    "payment.occurred_at",
    "payment.amount_minor",
    "payment.currency",
    "payment.channel",
    "payment.initiator",
    "payment.entry_mode",
    "payment.wallet",
    "payment.instrument_kind",
    "payment.checks.avs",
    "payment.checks.cvv",
    "payment.checks.eci",
    "payment.checks.three_ds",
    "payment.billing_address.country",
    "payment.shipping_address.country",
    "payment.amount_base_minor",
    "payment.hour",
    "payment.weekday",
    "payment.challenge_result",
    "merchant.mcc",
    "merchant.country",
    "merchant.created_at",
    "merchant.name",
    "merchant.mcc_group",
    "merchant.age_days",
    "payer.country",
    "payer.age_days",
    "payee.country",
    "payee.age_days",
    "card.bin",
    "card.brand",
    "card.country",
    "card.funding",
    "card.is_prepaid",
    "card.issuer",
    "device.language",
    "ip.version",
    "ip.country",
    "ip.asn",
    "ip.is_datacenter",
    "ip.is_vpn",
    "email.is_disposable",
    "email.is_free",
    "event.kind",
    "event.status",
    "event.code",
    "event.verdict",
    "event.source",
    "event.reason",
    "event.result",
    "link.component_size",
    "link.bad_neighbours",
    "link.cards",
    "link.new_edges_1h",
    "link.hubs",
    "posterior.card.mean",
    "posterior.card.lower",
    "posterior.device.mean",
    "posterior.device.lower",
    "posterior.ip.mean",
    "posterior.ip.lower",
    "posterior.ip_prefix.mean",
    "posterior.ip_prefix.lower",
    "posterior.bin.mean",
    "posterior.bin.lower",
    "posterior.email_domain.mean",
    "posterior.email_domain.lower",
    "posterior.merchant.mean",
    "posterior.merchant.lower",
    "posterior.payee.mean",
    "posterior.payee.lower",
    "posterior.payer.mean",
    "posterior.payer.lower",
    "risk.customer_level",
    "risk.customer_score",
    "risk.customer_threshold_percent",
    "risk.payee_level",
    "risk.payee_score",
    "risk.merchant_level",
    "risk.merchant_score",
    "risk.merchant_exposure_minor",
    "risk.merchant_exposure_limit_minor",
    "risk.merchant_reserve_percent",
    "risk.merchant_hold",
    "screening.payer.score",
    "screening.payee.score",
    "screening.merchant.score",
    "screening.remittance.score",
    "screening.hit",
    "screening.pep",
    "screening.identified",
    "screening.confirmed",
    "travel_rule.missing",
    "travel_rule.crypto",
)
"""Paths by number of what is stored in the clear."""

SEALED: tuple[str, ...] = (
    "payee.id",
    "payee.name",
    "payee.account",
    "payee.created_at",
    "payer.id",
    "payer.name",
    "payer.email",
    "payer.phone",
    "payer.birth_date",
    "payer.created_at",
    "email.canonical",
    "email.domain",
    "phone.canonical",
    "device.id",
    "device.ip",
    "device.user_agent",
    "ip.address",
    "ip.prefix",
    "card.fingerprint",
    "card.last4",
    "card.expiry",
    "payment.par",
    "payment.metadata",
    "payment.billing_address.postal_code",
    "payment.billing_address.city",
    "payment.billing_address.line1",
    "payment.shipping_address.postal_code",
    "payment.shipping_address.city",
    "payment.shipping_address.line1",
    "shipping_address.key",
    "payment.remittance_information",
)
"""Paths by number of what is stored under a person's key."""

_NUMBERS: Mapping[str, int] = {path: number for number, path in enumerate(CLEAR)}


def values_of(fields: Mapping[str, Any], paths: Sequence[str]) -> list[Any]:
    """The values of `paths`, None where there is none."""
    return list(map(fields.get, paths))


def by_path(stored: Stored, paths: Sequence[str]) -> dict[str, Any]:
    """What is there, by path; `paths` is the table of a list."""
    if isinstance(stored, dict):
        return dict(stored)
    return {path: value for path, value in zip(paths, stored, strict=False) if value is not None}


def one(clear: Stored, path: str) -> Any:
    """The value of one path of CLEAR, or None."""
    if isinstance(clear, dict):
        return clear.get(path)
    number = _NUMBERS[path]
    return clear[number] if number < len(clear) else None
