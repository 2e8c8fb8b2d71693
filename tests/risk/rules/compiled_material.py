"""Policies and vectors for the tests of the compiler."""

from __future__ import annotations

from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.model import (
    Effect,
    MerchantGroup,
    Policy,
    Rule,
    Segment,
    Source,
    Thresholds,
)


def rule(number: int, when: str, **more: Any) -> Rule:
    """A rule of that condition, line `number`."""
    more.setdefault("phases", ("pre_auth",))
    return Rule(
        f"r{number}",
        f"Rule {number}",
        "test",
        when=when,
        then=Effect(points=number),
        source=Source("rules/test.yaml", number + 1),
        **more,
    )


WINDOWS = (
    Aggregate(
        "declines", "count", None, ("card",), 600_000_000, False, 'event.kind == "label"', False
    ),
    Aggregate("mean", "avg", "payment.amount_minor", ("card",), 600_000_000, False, None, False),
)


def policy(*whens: str | Rule, **more: Any) -> Policy:
    """A policy of these conditions."""
    rules = tuple(
        when if isinstance(when, Rule) else rule(number, when) for number, when in enumerate(whens)
    )
    given: dict[str, Any] = {
        "segments": (
            Segment(
                "web", 'payment.channel == "ecommerce"', Outcome.REVIEW, Source("policy.yaml", 3)
            ),
            Segment("far", 'ip.country == "XX"', Outcome.REVIEW, Source("policy.yaml", 4)),
        ),
        "merchant_groups": (
            MerchantGroup("games", 'merchant.mcc == "7995"', Source("policy.yaml", 9)),
            MerchantGroup("listed", "merchant.id in lists.bad", Source("policy.yaml", 10)),
        ),
        "aggregates": WINDOWS,
        "lists": {"bad": "string", "good": "string"},
    }
    given.update(more)
    return Policy("test", "EUR", Thresholds(50), Thresholds(), {}, rules=rules, **given)


def vector(compiled: Any, lists: Any = None, **fields: Any) -> list[Any]:
    """A vector; `__` in a keyword stands for the dot of a path."""
    values: list[Any] = [None] * compiled.width
    values[compiled.slots["payment.phase"]] = "pre_auth"
    for name, value in fields.items():
        values[compiled.slots[name.replace("__", ".")]] = value
    values[compiled.slots["segment"]] = compiled.segment_of(values, lists or {})
    values[compiled.slots["merchant_group"]] = compiled.merchant_group_of(values, lists or {})
    return values
