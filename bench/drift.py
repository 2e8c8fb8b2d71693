"""Drift: what counting adds to a payment, one round of judging, memory under a million merchants.

    python bench/drift.py [--quick] [--json [FILE]]

Payments come from a world of merchants drawn unevenly, with fields as an e-commerce payment has
them. Counting is to stay below five microseconds a payment; a round runs once a minute.
"""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

import _report
from paywarden.core.outcome import Outcome
from paywarden.decision.drift.watch import MINUTE_US, ScopeWatch, compared
from paywarden.decision.entries import Result
from paywarden.risk.drift.fields import PATHS
from paywarden.risk.scoring.drift import SCORE, reference_of

FIELDS = {
    "payment.id": "o", "payment.attempt": "1", "payment.type": "card_payment",
    "payment.phase": "pre_auth", "payment.occurred_at": 1_795_309_323_000_000,
    "payment.initiator": "customer", "payment.amount_minor": 1_000, "payment.currency": "EUR",
    "payment.channel": "ecommerce", "merchant.mcc": "5732", "merchant.country": "DE",
    "payer.id": "p", "payer.name": "Ann Example", "payer.email": "ann@example.org",
    "payer.country": "DE", "payer.birth_date": "1980-05-05", "payment.instrument_kind": "card",
    "card.fingerprint": "c", "card.bin": "411111", "card.last4": "1111", "device.id": "d",
    "device.ip": "192.0.2.1", "device.language": "de-DE", "payment.hour": 9, "payment.weekday": 2,
    "payment.amount_base_minor": 1_000, "merchant.mcc_group": "retail", "card.brand": "visa",
    "card.country": "DE", "card.funding": "credit", "ip.address": "192.0.2.1", "ip.version": 4,
    "ip.prefix": "192.0.2.0/24", "ip.country": "DE", "email.canonical": "ann@example.org",
    "email.domain": "example.org", "email.is_free": False,
}  # fmt: skip
WIDTH = 82


class Model:
    """A model of so many inputs, as the sample needs it."""

    name = "md_bench"
    inputs = tuple(f"input_{number}" for number in range(WIDTH))

    def __init__(self) -> None:
        rows = np.random.default_rng(1).normal(size=(20_000, WIDTH + 1)).astype(np.float32)
        self.reference = reference_of(rows, (*self.inputs, SCORE))
        self.rows = rows[:2_000, :WIDTH].tolist()


def result(outcome: Outcome) -> Result:
    """A result of one segment."""
    return Result(int(outcome), 0, (), (), None, "", {}, "other", "")


def payments(merchants: int) -> list[dict[str, Any]]:
    """Fields of payments; a tenth lacks something."""
    chance = random.Random(1)
    made = []
    for number in range(4_096):
        fields = {"merchant.id": f"m_{int(merchants * chance.random() ** 3)}", **FIELDS}
        if number % 10 == 0:
            fields.pop(chance.choice(PATHS), None)
        made.append(fields)
    return made


def counting(count: int) -> dict[str, Any]:
    """Microseconds of processor time that counting adds to a payment."""
    watch, model = ScopeWatch(random.Random(1)), Model()
    made, results = payments(2_000), [result(Outcome.ALLOW)] * 19 + [result(Outcome.BLOCK)]
    for minute in range(70):  # behind what it learns from
        watch.turn(minute * MINUTE_US)
        for number in range(0, 4_096, 16):
            watch.seen(made[number], results[number % 20])
    started = time.process_time()
    for number in range(count):
        watch.seen(made[number % 4_096], results[number % 20])
    middle = time.process_time()
    for number in range(count):
        watch.sample(model, model.rows[number % 2_000], 0.1)
    ended = time.process_time()
    return {
        "payments": count,
        "seen_us": round((middle - started) / count * 1e6, 2),
        "sampled_us": round((ended - middle) / count * 1e6, 2),
    }


def judging(rounds: int) -> dict[str, Any]:
    """Milliseconds of a round with every merchant's row in use, and memory."""
    resident = _report.resident_mib()
    watch, model = ScopeWatch(random.Random(1)), Model()
    made, none = payments(8_000), result(Outcome.ALLOW)
    turns: list[int] = []
    for minute in range(rounds):
        for fields in made:
            watch.seen(fields, none)
        for row in model.rows[:256]:
            watch.sample(model, row, 0.1)
        started = time.perf_counter_ns()
        watch.turn(minute * MINUTE_US)
        turns.append(time.perf_counter_ns() - started)
    started = time.perf_counter_ns()
    samples = watch.samples()
    copied = time.perf_counter_ns()
    watch.take(compared(samples), samples, 1)
    return {
        "rounds": rounds,
        "merchants": len(watch.fields.merchants),
        "turn_ms_p50": _report.percentiles(turns, 1e6)["p50"],
        "turn_ms_max": _report.percentiles(turns, 1e6)["max"],
        "copy_samples_ms": round((copied - started) / 1e6, 2),
        "compare_ms_on_a_thread": round((time.perf_counter_ns() - copied) / 1e6, 2),
        "resident_grew_MiB": round(_report.resident_mib() - resident, 1),
    }


def flood(count: int) -> dict[str, Any]:
    """Memory under so many merchants that come once."""
    watch, none = ScopeWatch(random.Random(1)), result(Outcome.ALLOW)
    resident, fields = _report.resident_mib(), dict(FIELDS)
    for number in range(count):
        fields["merchant.id"] = f"m_{number}"
        watch.seen(fields, none)
        if number % 50_000 == 0:
            watch.turn(number // 50_000 * MINUTE_US)
    return {
        "merchants": count,
        "counted_by_name": len(watch.fields.merchants),
        "resident_grew_MiB": round(_report.resident_mib() - resident, 1),
    }


def main() -> None:
    """Measure and report."""
    options = _report.arguments(__doc__ or "").parse_args()
    report = {
        "machine": _report.machine(),
        "flood": flood(100_000 if options.quick else 1_000_000),
        "counting": counting(20_000 if options.quick else 200_000),
        "judging": judging(40 if options.quick else 120),
    }
    names = ("counting", "judging", "flood")
    shown = "\n\n".join(_report.table([report[name]]) for name in names)
    _report.finish(report, shown, options.json)


if __name__ == "__main__":
    main()
