"""An invented file of payments with fraud that can be learnt, and its mapping.

Terminals go bad for ten days (everything there is fraud), and cards leak for seven (some payments
are five times as large). The kind of each fraud stands in `attack`, its campaign in `campaign`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from paywarden.risk.scoring.recipe import Input, default_inputs

BASE_US = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000

MAPPING = """
[columns]
"payment.id" = "id"
"payment.channel" = "channel"
"payer.id" = "customer"
"card.fingerprint" = "customer"
"merchant.id" = "shop"
"ip.country" = "land"

[constants]
"payment.type" = "card_payment"

[time]
column = "when"
unit = "us"

[amount]
column = "amount"
exponent = 2
currency = "EUR"

[label]
column = "fraud"
fraud = 1
delay = "2d"
"""


SMALL = frozenset(
    (
        *("amount", "hour", "channel", "card_count_1d", "card_count_7d", "merchant_count_7d"),
        *("card_amount_ratio", "card_amount_deviation", "card_peak_7d", "card_age"),
        *("merchant_fraud_1d", "merchant_fraud_7d", "merchant_fraud_28d", "merchant_risk"),
        *("card_fraud_7d", "card_risk", "merchant_fraud_share_7d"),
    )
)


def few_inputs() -> tuple[Input, ...]:
    """A part of the shipped recipe: enough to learn from, quick to compile."""
    return tuple(one for one in default_inputs() if one.name in SMALL)


def frame(days: int = 45, per_day: int = 120, seed: int = 11) -> pl.DataFrame:
    """Payments in order of time."""
    draw = np.random.default_rng(seed)
    count = days * per_day
    when = np.sort(draw.integers(0, days * DAY_US, count))
    customer, shop = draw.integers(0, 150, count), draw.integers(0, 80, count)
    habit = draw.uniform(10, 90, 150)
    amount = np.maximum(1.0, draw.normal(habit[customer], habit[customer] / 3))
    fraud = np.zeros(count, np.int64)
    attack = np.full(count, "", object)
    campaign = np.full(count, "", object)
    day = when // DAY_US
    for start in range(0, days, 2):
        bad = (shop == draw.integers(80)) & (day >= start) & (day < start + 10)
        fraud[bad], attack[bad], campaign[bad] = 1, "terminal", f"t{start}"
        leaked = (customer == draw.integers(150)) & (day >= start) & (day < start + 7)
        leaked &= draw.random(count) < 0.5
        amount[leaked] *= 5
        fraud[leaked], attack[leaked], campaign[leaked] = 1, "leaked", f"c{start}"
    return pl.DataFrame(
        {
            "id": [f"p{number}" for number in range(count)],
            "when": when + BASE_US,
            "customer": [f"u{number}" for number in customer],
            "shop": [f"s{number}" for number in shop],
            "channel": draw.choice(["pos", "ecommerce", "moto"], count, p=[0.7, 0.25, 0.05]),
            "land": draw.choice(["DE", "FR", "PL"], count),
            "amount": np.round(amount, 2),
            "fraud": fraud,
            "attack": attack.astype(str),
            "campaign": campaign.astype(str),
        }
    )


def written(folder: Path, payments: pl.DataFrame | None = None) -> tuple[Path, Path]:
    """File and mapping in a folder."""
    file, mapping = folder / "payments.parquet", folder / "map.toml"
    (frame() if payments is None else payments).write_parquet(file)
    mapping.write_text(MAPPING)
    return file, mapping
