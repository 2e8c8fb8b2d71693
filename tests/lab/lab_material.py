"""A file of invented payments that uses every kind of field, and a policy that reads them all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

BASE = datetime(2026, 3, 1, tzinfo=UTC)
CARD = "4111111111111111"


def frame(count: int, seed: int = 3) -> pl.DataFrame:
    """Payments in no order of time, with gaps, ties and spoilt values."""
    draw = random.Random(seed)
    return pl.DataFrame(
        [_row(draw, number) for number in range(count)], infer_schema_length=None
    ).with_columns(pl.col("when").cast(pl.Datetime("us", "UTC")))


def _row(draw: random.Random, number: int) -> dict[str, Any]:
    payer = draw.randrange(40)
    return {
        "id": f"p{number}",
        "when": BASE + timedelta(minutes=draw.randrange(40 * 24 * 4) * 15),
        "kind": draw.choice(["card_payment"] * 8 + ["transfer", "payout"]),
        "by": draw.choice(["customer", "customer", "customer", "merchant", None]),
        "channel": draw.choice(["ecommerce", "pos", "moto", None]),
        "amount": round(draw.expovariate(1 / 60), 2),
        "money": draw.choice(["EUR", "EUR", "USD", "JPY"]),
        "shop": draw.randrange(12),
        "mcc": draw.choice(["5411", "7995", "5732", None]),
        "payer": f"u{payer}",
        "mail": draw.choice([f"U.{payer}+x@Gmail.com", f"u{payer}@mailinator.com", "spoilt", None]),
        "phone": draw.choice([f"+49 30 90{payer:04d}", "nothing", None]),
        "opened": draw.choice([BASE - timedelta(days=payer * 3), None]),
        "land": draw.choice(["DE", "FR", None]),
        "iban": draw.choice(["DE89 3704 0044 0532 0130 00", None, None]),
        "pan": f"41111111{payer:04d}1111",
        "bin": draw.choice(["411111", "55555555", "123", None]),
        "ip": draw.choice([f"203.0.113.{payer}", "2001:db8::1", "::ffff:10.0.0.7", "bad", None]),
        "ship": draw.choice(["DE", None]),
        "zip": draw.choice(["10115", "80331", None]),
        "street": draw.choice(["Some Street 5", None]),
        "basket": draw.choice([1, 2, 30, None]),
        "cvv": draw.choice(["match", "no_match", None]),
        "fraud": draw.choice([0] * 9 + [1, None]),
    }


MAPPING = """
[columns]
"payment.id" = "id"
"payment.type" = "kind"
"payment.initiator" = "by"
"payment.channel" = "channel"
"payment.currency" = "money"
"payment.checks.cvv" = "cvv"
"payment.shipping_address.country" = "ship"
"payment.shipping_address.postal_code" = "zip"
"payment.shipping_address.line1" = "street"
"payment.metadata.basket" = "basket"
"merchant.id" = '"shop-" + string(shop)'
"merchant.mcc" = "mcc"
"payer.id" = "payer"
"payer.email" = "mail"
"payer.phone" = "phone"
"payer.country" = "land"
"payer.created_at" = "opened"
"payee.account" = "iban"
"card.fingerprint" = "fingerprint(pan)"
"card.bin" = 'bin == "123" ? "400000" : bin'
"device.ip" = "ip"

[time]
column = "when"
unit = "datetime"

[amount]
column = "amount"

[rates]
base = "EUR"
USD = 0.91

[label]
column = "fraud"
fraud = 1
delay = "3d"
source = "issuer_notice"
"""

POLICY = Path(__file__).parent / "policy"
