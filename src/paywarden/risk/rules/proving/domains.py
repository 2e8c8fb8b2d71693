"""What the values of a name can be at all, whatever the payment: the facts that proofs rest on.

Guards: only what intake, enrichment and the windows enforce counts as a fact: amounts and ages are
never negative, an hour is 0 to 23, a count is 0 or more, a time since something is within its
window. Every value may be missing. A NaN is possible where a double comes from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paywarden.risk.features.catalogue import (
    FIELDS,
    LINK_FIELDS,
    POSTERIOR_FIELDS,
    SCREENING_FIELDS,
)
from paywarden.risk.features.model import SECOND_US, Aggregate
from paywarden.risk.rules.model import PHASES, Policy
from paywarden.risk.rules.proving.sets import PRESENT, Spans, at_least, between, points

MAX_AMOUNT = (1 << 53) - 1
SMALL = 1 << 53
"""No count, age or amount is larger; products with constants up to SCALE_LIMIT stay in 64 bits."""
SCALE_LIMIT = 1 << 9
NEVER_NEGATIVE = frozenset({"payment.amount_minor", "payment.amount_base_minor"})

LEVELS = points(("low", "medium", "high", "prohibited"))
"""Risk levels of customers."""

PAYMENT_DOMAINS: Mapping[str, Spans] = {
    "payment.amount_minor": between(0, MAX_AMOUNT),
    "payment.amount_base_minor": at_least(0),
    "payment.hour": between(0, 23),
    "payment.weekday": between(0, 6),
    "payment.phase": points(PHASES),
    "payment.initiator": points(("customer", "merchant")),
    "merchant.age_days": between(0, SMALL),
    "payer.age_days": between(0, SMALL),
    "payee.age_days": between(0, SMALL),
    "ip.version": points((4, 6)),
    "ip.asn": at_least(0),
    **dict.fromkeys(("risk.customer_level", "risk.payee_level", "risk.merchant_level"), LEVELS),
    **dict.fromkeys(
        ("risk.customer_score", "risk.payee_score", "risk.merchant_score"), between(0, 100)
    ),
    "risk.customer_threshold_percent": between(1, 1_000),
    "risk.merchant_exposure_minor": at_least(0),
    "risk.merchant_exposure_limit_minor": at_least(0),
    "risk.merchant_reserve_percent": between(0, 100),
    **dict.fromkeys(LINK_FIELDS, between(0, SMALL)),
    **dict.fromkeys(POSTERIOR_FIELDS, between(0.0, 1.0)),
    **{p: between(0.0, 1.0) for p, field in SCREENING_FIELDS.items() if field.type == "double"},
}
"""Possible values of fields; whatever is not here may be anything of its type."""
_REAL = frozenset({"avg", "stddev"})


def domains_of(policy: Policy) -> dict[str, Spans]:
    """Possible values by name, "missing" left out; a name without an entry may be anything."""
    found = dict(PAYMENT_DOMAINS)
    for path in ("model.p", "model.anomaly"):
        found[path] = Spans(nan=True, cuts=((0.0, 0), (1.0, 1)))
    if policy.segments:
        found["segment"] = points(["", *(one.name for one in policy.segments)])
    if policy.merchant_groups:
        found["merchant_group"] = points(["", *(one.name for one in policy.merchant_groups)])
    found.update(aggregate_domains(policy.aggregates))
    return found


def aggregate_domains(aggregates: Iterable[Aggregate]) -> dict[str, Spans]:
    """Possible values of windows by `agg.NAME`."""
    found: dict[str, Spans] = {}
    for one in aggregates:
        domain = _aggregate_domain(one)
        if domain is not None:
            found[f"agg.{one.name}"] = domain
    return found


def _aggregate_domain(one: Aggregate) -> Spans | None:
    if one.function in ("count", "distinct"):
        return between(0, SMALL)
    if one.function in ("since_first", "since_last"):
        longest = None if one.window_us is None else one.window_us // SECOND_US
        if one.daily or longest is None:
            return at_least(0)
        return between(0, longest)
    if one.function == "stddev":
        return at_least(0.0)
    if one.of in NEVER_NEGATIVE:
        return at_least(0.0 if one.function in _REAL else 0)
    if (
        one.of is not None
        and one.of in PAYMENT_DOMAINS
        and one.function in ("min", "max", "first", "last")
    ):
        return PAYMENT_DOMAINS[one.of]
    return Spans(low=True) if one.function in _REAL else None


def small_whole(path: str, aggregates: Mapping[str, Aggregate]) -> bool:
    """Whether a path is a whole number of 0 to SMALL, so that scaling it never overflows."""
    if path.startswith("agg."):
        one = aggregates.get(path.removeprefix("agg."))
        return one is not None and one.function in ("count", "distinct")
    if path in LINK_FIELDS:
        return True
    return path == "payment.amount_minor" or path.endswith(".age_days")


def never_negative(path: str, domains: Mapping[str, Spans]) -> bool:
    """Whether no value of a path lies below zero (NaN excluded)."""
    domain = domains.get(path, PRESENT)
    least = domain.least()
    return not domain.nan and least is not None and least >= 0


def is_field(path: str) -> bool:
    """Whether a path is a field of the catalogue."""
    return path in FIELDS
