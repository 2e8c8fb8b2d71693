"""Months of invented payments with a planted pattern of fraud, and a sudden burst at one shop."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from paywarden.core.instants import from_datetime
from paywarden.core.secret import Secret
from paywarden.lab.mining.request import MineRequest

BASE = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 40
BURST = (BASE + timedelta(days=35, hours=14), BASE + timedelta(days=35, hours=15))

MAPPING = """
[columns]
"payment.id" = "id"
"payment.channel" = "channel"
"merchant.id" = "shop"
"payer.id" = "payer"
"payer.country" = "land"
"card.fingerprint" = "fingerprint(card)"
"card.bin" = "bin"
"device.ip" = "ip"

[time]
column = "when"
unit = "datetime"

[amount]
column = "amount"
currency = "EUR"
exponent = 2

[label]
column = "fraud"
fraud = 1
delay = "3d"
"""

POLICY = """
name: small
base_currency: EUR
thresholds: {points: {challenge: 50, review: 75, block: 100}}
scenarios: {unusual_amount: Odd sums, velocity: Too fast}
reasons: {ODD: Odd, FAST: Fast}
"""
RULES = """
- id: huge
  scenario: unusual_amount
  when: payment.amount_base_minor >= 900000
  then: {points: 60, reason: ODD}
- id: quick
  scenario: velocity
  when: count(card, "1h") >= 30
  then: {points: 60, reason: FAST}
"""


def frame(count: int = 6_000, seed: int = 3) -> pl.DataFrame:
    """Fraud: large sums over the telephone. Half of the frauds come from one country."""
    draw = random.Random(seed)
    rows = [_row(draw, number) for number in range(count)]
    rows += [_burst_row(draw, number) for number in range(90)]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("when").cast(pl.Datetime("us", "UTC"))
    )


def _row(draw: random.Random, number: int) -> dict[str, object]:
    channel = draw.choice(["ecommerce", "ecommerce", "pos", "moto"])
    amount = round(draw.expovariate(1 / 80), 2)
    fraud = channel == "moto" and amount > 150 and draw.random() < 0.9
    payer = draw.randrange(400)
    return {
        "id": f"p{number}",
        "when": BASE + timedelta(minutes=draw.randrange(DAYS * 24 * 60)),
        "channel": channel,
        "amount": amount,
        "shop": f"s{draw.randrange(30)}",
        "payer": f"u{payer}",
        "land": "DE" if fraud or draw.random() < 0.4 else "FR",
        "card": f"41111111{payer:08d}",
        "bin": draw.choice(["411111", "520082", "400000"]),
        "ip": f"203.0.{payer % 200}.{draw.randrange(200)}",
        "fraud": int(fraud),
    }


def _burst_row(draw: random.Random, number: int) -> dict[str, object]:
    return {
        "id": f"b{number}",
        "when": BURST[0] + timedelta(seconds=draw.randrange(3_600)),
        "channel": "ecommerce",
        "amount": round(draw.uniform(1, 3), 2),
        "shop": "s7",
        "payer": f"x{number}",
        "land": "FR",
        "card": f"41999999{number:08d}",
        "bin": "419999",
        "ip": f"198.51.100.{number % 4}",
        "fraud": 0,
    }


def files(folder: Path, payments: pl.DataFrame | None = None) -> Path:
    """Write payments, mapping and policy into a folder."""
    (folder / "policy" / "rules").mkdir(parents=True)
    (folder / "policy" / "policy.yaml").write_text(POLICY)
    (folder / "policy" / "rules" / "a.yaml").write_text(RULES)
    (folder / "map.toml").write_text(MAPPING)
    (frame() if payments is None else payments).write_parquet(folder / "payments.parquet")
    return folder


def request(folder: Path, *, burst: bool = False, max_rules: int = 5) -> MineRequest:
    """What to mine of that folder."""
    return MineRequest(
        folder / "payments.parquet",
        folder / "map.toml",
        folder / "policy",
        Secret(b"k" * 32),
        (from_datetime(BURST[0]), from_datetime(BURST[1])) if burst else None,
        max_rules,
        max_hurt=0.02,
    )
