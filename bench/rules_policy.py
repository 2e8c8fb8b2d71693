"""A synthetic policy of any size, and payments for it: what bench/rules.py measures with.

Deterministic by seed. Conditions have 3 to 6 terms over fields, windows and lists, 5 % with `||`,
`!` and arithmetic mixed in; about two distinct atoms a rule; thresholds are drawn so that a payment
fires some 5 to 20 of 5,000 rules, as a tuned policy does.
"""

from __future__ import annotations

import json
import random
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.features.model import SECOND_US, Aggregate
from paywarden.risk.rules.model import (
    Effect,
    MerchantGroup,
    Policy,
    Rule,
    Segment,
    Source,
    Thresholds,
)
from paywarden.risk.rules.windows import length_text

LISTS = 30
COUNTRIES = [a + b for a in "ABCDEFGH" for b in "KLMNOPQR"][:60]
CATEGORIES = [str(4000 + 37 * n) for n in range(40)]
TEXTS = {
    "card.country": COUNTRIES,
    "ip.country": COUNTRIES,
    "merchant.country": COUNTRIES[:20],
    "payment.billing_address.country": COUNTRIES,
    "payment.shipping_address.country": COUNTRIES,
    "payer.country": COUNTRIES,
    "merchant.mcc": CATEGORIES,
    "payment.currency": ["EUR", "USD", "GBP", "JPY", "CHF", "SEK", "PLN", "BRL"],
    "payment.channel": ["ecommerce", "pos", "moto", "recurring"],
    "payment.entry_mode": ["manual", "chip", "contactless", "on_file"],
    "card.funding": ["credit", "debit", "prepaid", "charge"],
    "card.brand": ["visa", "mastercard", "amex", "jcb", "unionpay"],
    "device.language": ["de", "en", "fr", "es", "pl", "tr", "ru", "zh"],
    "payment.checks.avs": ["match", "partial", "no_match", "unavailable"],
}
NUMBERS = {
    "payment.amount_base_minor": 200_000,
    "payment.hour": 24,
    "payment.weekday": 7,
    "payer.age_days": 2_000,
    "merchant.age_days": 3_000,
    "ip.asn": 60_000,
}
BOOLEANS = ["card.is_prepaid", "ip.is_datacenter", "ip.is_vpn", "email.is_disposable"]
LISTED = [
    "card.fingerprint",
    "card.bin",
    "device.id",
    "ip.address",
    "email.canonical",
    "email.domain",
    "payer.id",
    "payee.id",
    "merchant.id",
]
_NOWHERE = Source("bench", 1)
_KEYS = ("card", "device", "ip", "email", "merchant", "payer")
_WINDOWS = (60, 600, 3600, 86_400, 7 * 86_400, 30 * 86_400)


def aggregates_of(count: int) -> tuple[Aggregate, ...]:
    """Counts, sums, distincts and averages over keys and windows."""
    made = []
    for number in range(count):
        function = ("count", "sum", "distinct", "avg")[number % 4]
        of = {"count": None, "distinct": "merchant.id"}.get(function, "payment.amount_base_minor")
        where = 'event.kind == "payment_result" && event.status == "declined"'
        made.append(
            Aggregate(
                f"w{number}_{function}",
                function,
                of,
                (_KEYS[number // 4 % 6],),
                _WINDOWS[number // 24 % 6] * SECOND_US,
                False,
                where if number % 3 else 'event.kind == "payment"',
                False,
            )
        )
    return tuple(made)


class Writer:
    """Draws conditions."""

    def __init__(self, seed: int, aggregates: tuple[Aggregate, ...]) -> None:
        self._random = random.Random(seed)
        self._windows = [(f"agg.{a.name}", a.function) for a in aggregates]

    def condition(self) -> str:
        """One condition of 3 to 6 terms."""
        draw = self._random
        terms = [self._rare()] + [self._term() for _ in range(draw.randint(2, 5))]
        draw.shuffle(terms)
        if draw.random() < 0.05:
            terms[0] = f"({terms[0]} || {self._rare()})"
        if draw.random() < 0.05:
            terms[-1] = f"!({terms[-1]})"
        if draw.random() < 0.05:
            path, _ = draw.choice(
                [w for w in self._windows if w[1] in ("count", "sum", "distinct")]
            )
            terms.append(f"payment.amount_base_minor * {draw.randint(2, 9)} > {path}")
        return " && ".join(terms)

    def _rare(self) -> str:
        draw = self._random
        kind = draw.random()
        if kind < 0.35:
            return self._window(0.96 + 0.04 * draw.random())
        if kind < 0.65:
            path = draw.choice(LISTED)
            return f"{path} in lists.l{draw.randrange(LISTS)}"
        path = draw.choice(["card.country", "ip.country", "payer.country", "merchant.mcc"])
        return f'{path} == "{draw.choice(TEXTS[path])}"'

    def _term(self) -> str:
        draw = self._random
        kind = draw.random()
        if kind < 0.40:
            return self._window(0.5 + 0.5 * draw.random())
        if kind < 0.65:
            path, size = draw.choice(list(NUMBERS.items()))
            mark = draw.choice([">", "<", ">=", "<="])
            return f"{path} {mark} {draw.randrange(size)}"
        if kind < 0.75:
            path = draw.choice(list(TEXTS))
            words = draw.sample(TEXTS[path], min(len(TEXTS[path]) - 1, draw.randint(2, 4)))
            return f"{path} in [" + ", ".join(f'"{word}"' for word in words) + "]"
        if kind < 0.88:
            path = draw.choice(list(TEXTS))
            return f'{path} {draw.choice(["==", "!="])} "{draw.choice(TEXTS[path])}"'
        if kind < 0.96:
            return draw.choice(["", "!"]) + draw.choice(BOOLEANS)
        return f"{draw.choice(LISTED)} in lists.l{draw.randrange(LISTS)}"

    def _window(self, quantile: float) -> str:
        path, function = self._random.choice(self._windows)
        bound = window_quantile(function, quantile)
        if function == "avg":
            return f"{path} > {bound:.1f}"
        return f"{path} >= {int(bound)}"


def window_quantile(function: str, quantile: float) -> float:
    """Value that this share of payments stays below: exponential, sums in minor units."""
    import math

    scale = 2.0 if function in ("count", "distinct") else 8_000.0
    return -scale * math.log(max(1e-6, 1.0 - quantile))


def policy_of(rules: int, seed: int = 7, aggregates: int = 120) -> Policy:
    """A policy with that many rules."""
    windows = aggregates_of(aggregates)
    writer = Writer(seed, windows)
    draw = random.Random(seed + 1)
    made = tuple(
        Rule(
            f"r{number}",
            f"Rule {number}",
            f"scenario_{number % 12}",
            ("pre_auth",),
            writer.condition(),
            Effect(points=10 + number % 50, outcome=None, reason="BENCH"),
            _NOWHERE,
            segments=(draw.choice(["web", "shop", "other"]),) if draw.random() < 0.3 else (),
        )
        for number in range(rules)
    )
    return Policy(
        "bench",
        "EUR",
        Thresholds(50, 80, 120),
        Thresholds(),
        {},
        (
            Segment("web", 'payment.channel == "ecommerce"', Outcome.REVIEW, _NOWHERE),
            Segment("shop", 'payment.channel == "pos"', Outcome.REVIEW, _NOWHERE),
            Segment("other", "true", Outcome.REVIEW, _NOWHERE),
        ),
        (MerchantGroup("risky", f'merchant.mcc in ["{CATEGORIES[0]}"]', _NOWHERE),),
        windows,
        made,
        {f"l{n}": "string" for n in range(LISTS)},
        {"BENCH": "Bench"},
    )


def files_of(policy: Policy) -> dict[str, bytes]:
    """The same policy as files (JSON is YAML)."""
    head = {
        "name": policy.name,
        "base_currency": policy.base_currency,
        "thresholds": {"points": {"challenge": 50, "review": 80, "block": 120}},
        "segments": [{"name": one.name, "when": one.when} for one in policy.segments],
        "merchant_groups": [{"name": one.name, "when": one.when} for one in policy.merchant_groups],
        "lists": dict(policy.lists),
        "reasons": dict(policy.reasons),
    }
    windows = [
        {
            "name": one.name,
            "function": one.function,
            "of": one.of,
            "by": list(one.by),
            "window": length_text(one.window_us),
            "where": one.where,
        }
        for one in policy.aggregates
    ]
    rules = [
        {
            "id": one.id,
            "title": one.title,
            "scenario": one.scenario,
            "when": one.when,
            "then": {"points": one.then.points, "reason": one.then.reason},
            "segments": list(one.segments),
        }
        for one in policy.rules
    ]
    kept = [{k: v for k, v in one.items() if v not in (None, [])} for one in windows]
    parts = {"policy.yaml": head, "aggregates.yaml": kept}
    for start in range(0, len(rules), 500):
        part = [{k: v for k, v in one.items() if v != []} for one in rules[start : start + 500]]
        parts[f"rules/part_{start:05d}.yaml"] = part
    return {path: json.dumps(content).encode() for path, content in parts.items()}


def lists_of(seed: int = 3, size: int = 2_000) -> dict[str, frozenset[str]]:
    """Members of the lists, from the same space as the payments' texts."""
    draw = random.Random(seed)
    return {
        f"l{n}": frozenset(f"k{draw.randrange(200_000)}" for _ in range(size)) for n in range(LISTS)
    }


def fields_of(count: int, seed: int = 11) -> list[dict[str, Any]]:
    """Payments as path -> value; some values are missing."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        fields: dict[str, Any] = {path: draw.choice(words) for path, words in TEXTS.items()}
        fields.update({path: draw.randrange(size) for path, size in NUMBERS.items()})
        fields.update({path: draw.random() < 0.1 for path in BOOLEANS})
        fields.update({path: f"k{draw.randrange(200_000)}" for path in LISTED})
        for path in draw.sample(list(fields), 6):
            fields[path] = None
        fields["payment.phase"] = "pre_auth"
        made.append(fields)
    return made


def windows_of(count: int, aggregates: tuple[Aggregate, ...], seed: int = 13) -> list[list[Any]]:
    """Aggregate values per payment in plan order, mostly small."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        row: list[Any] = []
        for one in aggregates:
            value = window_quantile(one.function, draw.random())
            if one.function == "avg":
                row.append(None if value < 500 else value)
            else:
                row.append(int(value))
        made.append(row)
    return made
