"""Files of a small past, and the import command over a home, for tests."""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paywarden.core.clock import FixedClock
from paywarden.core.instants import format_rfc3339
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.import_history import add_arguments, import_history

DAY, MINUTE, SECOND = 86_400_000_000, 60_000_000, 1_000_000
MAP = """\
[columns]
"payment.id" = "order"
"card.fingerprint" = "card"
"payer.id" = "cust"
"payer.name" = "name"
"payer.email" = "mail"
"merchant.id" = "shop"
"payment.metadata.basket" = "basket"
[constants]
"payment.instrument_kind" = "card"
[time]
column = "at"
unit = "datetime"
[amount]
column = "amount"
exponent = 2
currency = "EUR"
[result_files]
payment_id = "order"
status = "state"
words = { status = { OK = "authorised", NO = "declined" } }
time = { column = "at", unit = "datetime" }
[label_files]
payment_id = "order"
reason = "reason"
source = "source"
time = { column = "received", unit = "datetime" }
words = { source = { CB = "chargeback", TC40 = "issuer_notice" } }
"""
PAYMENTS = ("order", "at", "amount", "card", "cust", "name", "mail", "shop", "basket")


def payment(number: int, at_us: int, card: int, amount: str = "10.00") -> list[str]:
    return [
        f"o-{number}", format_rfc3339(at_us), amount, f"card-{card}", f"cus-{card}",
        f"Ann Nr {card}", f"u{card}@example.org", f"m_{number % 3}", str(number % 9),
    ]  # fmt: skip


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


class Past:
    """Payments every `step_us` from `start_us`, results after them, labels after a quarter."""

    def __init__(self, folder: Path, start_us: int, count: int, step_us: int, cards: int = 7):
        rnd = random.Random(count)
        payments, results, labels = [], [], []
        for number in range(count):
            at_us = start_us + number * step_us
            payments.append(payment(number, at_us, rnd.randrange(cards)))
            state = "NO" if rnd.random() < 0.2 else "OK"
            results.append([f"o-{number}", format_rfc3339(at_us + 3 * SECOND), state])
            if rnd.random() < 0.1 and number < count * 2 // 3:
                received = format_rfc3339(at_us + count * step_us // 4)
                source = rnd.choice(["CB", "TC40"])
                labels.append([f"o-{number}", received, rnd.choice(["10.4", "13.1"]), source])
        rnd.shuffle(payments)
        folder.mkdir(parents=True, exist_ok=True)
        self.payments = write(folder / "payments.csv", PAYMENTS, payments)
        self.results = write(folder / "results.csv", ("order", "at", "state"), results)
        self.labels = write(
            folder / "labels.csv", ("order", "received", "reason", "source"), labels
        )
        self.map = folder / "map.toml"
        self.map.write_text(MAP)
        self.rows = count + len(results) + len(labels)

    @property
    def words(self) -> list[str]:
        return [str(self.payments), "--map", str(self.map), "--results", str(self.results),
                "--labels", str(self.labels)]  # fmt: skip


def arguments_of(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    add_arguments(parser)
    return parser.parse_args([*words, "--environment", "live", "--json"])


def run(home: Path, now_us: int, *words: str, **options: Any) -> int:
    """The command's exit code."""
    return import_history(arguments_of(*words), Home(home), FixedClock(now_us), **options)
