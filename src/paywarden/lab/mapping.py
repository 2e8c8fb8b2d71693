"""Mapping files: which column of an outside file feeds which field of a payment.

Guards: a mapping is text that people write, so every key is known or refused with the nearest known
one, and every error names file, line and key. Field paths are those of the feature catalogue; the
paths of the HTTP body (`instrument.reference`, `checks.avs`) are taken as well. Facts that the
engine derives itself (hour, weekday, canonical forms) cannot be mapped.
Not done here: looking into the payments file (`sources.py`), reading TOML (`mapping_file.py`).
"""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from decimal import Decimal

from paywarden.risk.features.catalogue import FIELDS, KEPT_FROM_SEGMENTS

Scalar = str | int | Decimal | bool

UNITS = ("s", "ms", "us", "datetime")
METADATA = "payment.metadata."
_OF_PAYMENT = (
    "id", "attempt", "type", "phase", "amount_minor", "currency", "channel", "initiator",
    "entry_mode", "wallet", "par", "remittance_information",
)  # fmt: skip
_GROUPS = {
    "checks.": "payment.checks.",
    "billing_address.": "payment.billing_address.",
    "shipping_address.": "payment.shipping_address.",
    "metadata.": METADATA,
}
_ALIASES = {
    **{name: f"payment.{name}" for name in _OF_PAYMENT},
    "instrument.reference": "card.fingerprint",
    "instrument.bin": "card.bin",
    "instrument.last4": "card.last4",
    "instrument.expiry": "card.expiry",
    "instrument.kind": "payment.instrument_kind",
}
DERIVED_ONLY: Mapped[str, str] = {
    "payment.hour": "map the time in [time]",
    "payment.weekday": "map the time in [time]",
    "payment.late": "a file is taken as it is; nothing in it is late",
    "payment.occurred_at": "map the time in [time]",
    "payment.challenge_result": "files hold payments before a challenge",
    "payment.metadata": "map single entries: payment.metadata.NAME",
    "ip.address": "map device.ip",
    "email.canonical": "map payer.email",
    **dict.fromkeys(KEPT_FROM_SEGMENTS, "the engine keeps it; no column of a file says it"),
}
"""Fields that only the engine may set, and what to map instead."""
MAPPABLE = tuple(path for path in FIELDS if path not in DERIVED_ONLY)


@dataclass(frozen=True, slots=True)
class AmountMap:
    """`column` times 10**`exponent` is the amount in minor units.

    `exponent` None: that of the row's currency. `currency`: of every row, or None when mapped.
    """

    column: str
    exponent: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class TimeMap:
    """`unit`: one of UNITS, or a strftime format; times without a zone are UTC."""

    column: str
    unit: str


@dataclass(frozen=True, slots=True)
class LabelMap:
    """`fraud`: values of `column` that mean fraud; null means not labelled.

    `delay_us`: how long after the payment its label is reported to the windows, None for never.
    `reported_share`: share of frauds that is ever reported. `source`: source of the reports.
    """

    column: str
    fraud: tuple[Scalar, ...]
    delay_us: int | None
    reported_share: float
    source: str


@dataclass(frozen=True, slots=True)
class RatesMap:
    """Decimal rates by currency: how much of `base` one whole unit is worth."""

    base: str
    rates: Mapped[str, str]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping file. `places`: `file:line` of a field path or of `section.key`."""

    name: str
    fields: Mapped[str, str]
    constants: Mapped[str, Scalar]
    time: TimeMap
    amount: AmountMap | None
    label: LabelMap | None
    rates: RatesMap | None
    separator: str
    places: Mapped[str, str] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Where a key stands, for error texts."""
        return self.places.get(key, self.name)


def catalogue_path(path: str) -> str:
    """The catalogue's path of a path in either spelling; unknown ones come back as they are.

    >>> catalogue_path("payment.instrument.reference")
    'card.fingerprint'
    """
    if path in FIELDS:
        return path
    inner = path.removeprefix("payment.")
    if inner in _ALIASES:
        return _ALIASES[inner]
    for prefix, group in _GROUPS.items():
        if inner.startswith(prefix):
            return group + inner.removeprefix(prefix)
    return inner if inner in FIELDS else path


def is_metadata(path: str) -> bool:
    """Whether a path names one entry of the free metadata."""
    return path.startswith(METADATA) and len(path) > len(METADATA)
