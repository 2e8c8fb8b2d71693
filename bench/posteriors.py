"""Posteriors alone: microseconds to read and to count a payment, rows a second, bytes an entity.

    python bench/posteriors.py [--payments 1000000] [--json [FILE]]

Payers with a card or two, a device, an address, a card range, an e-mail domain, a merchant and a
payee; two payments in a thousand are labelled fraud. `room_ms`: how long the payment that finds the
table full waits until it has been looked through, and copied or doubled.
"""

from __future__ import annotations

import random
import time
from typing import Any

import _images
import _report
from paywarden.core.instants import DAY_US
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED
from paywarden.risk.features.columns import ObservationColumns, concat, from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.posteriors.store import Posteriors

START = 20_000 * DAY_US
SAMPLES = 20_000


def _values(**own: str) -> tuple[Any, ...]:
    return tuple(own.get(f.path.replace(".", "_")) if f.storage != "hash" else 0 for f in OBSERVED)


PAYMENT = _values(event_kind="payment")
FRAUD = _values(event_kind="label", event_verdict="fraud")


def observation(rnd: random.Random, seq: int, payers: int, step_us: int) -> Observation:
    """A payment, or in two of a thousand a label of one."""
    payer = rnd.randrange(1, payers)
    given = {
        "payer": payer, "card": payer * 16 + rnd.randrange(2), "device": payer,
        "ip": payer % 90_001, "ip_prefix": payer % 9_001, "bin": payer % 3_001,
        "email_domain": payer % 501,
        "merchant": 1 + rnd.randrange(2_000), "payee": 1 + rnd.randrange(5_000),
    }  # fmt: skip
    keys = tuple((given.get(kind, 0) * 0x9E3779B97F4A7C15) % 2**64 for kind in KEY_KINDS)
    at_us = START + seq * step_us
    return Observation(seq, at_us, at_us, keys, FRAUD if rnd.random() < 0.002 else PAYMENT)


def columns(count: int, payers: int, step_us: int) -> ObservationColumns:
    rnd, parts = random.Random(3), []
    for start in range(1, count + 1, 4_096):
        stop = min(start + 4_096, count + 1)
        rows = [observation(rnd, seq, payers, step_us) for seq in range(start, stop)]
        parts.append(from_observations(rows))
    return concat(parts)


def measure(count: int) -> dict[str, object]:
    payers, rnd, step = max(1_000, count // 5), random.Random(4), 90 * DAY_US // count
    store = Posteriors()
    store.warm()
    store.add_columns(from_observations([observation(rnd, 1, payers, step)]))  # compile
    past, store = columns(count, payers, step), Posteriors()
    began = time.perf_counter()
    store.add_columns(past)
    bulk = time.perf_counter() - began
    held = store.memory()
    read_ns, add_ns = [], []
    for seq in range(count + 1, count + 1 + SAMPLES):
        one = observation(rnd, seq, payers, step)
        t0 = time.perf_counter_ns()
        store.fields(one.keys, one.t_us)
        t1 = time.perf_counter_ns()
        store.add(one)
        t2 = time.perf_counter_ns()
        read_ns.append(t1 - t0)
        add_ns.append(t2 - t1)
    began = time.perf_counter()
    slots, at_us = len(store.image()[0]), START + (count + SAMPLES) * step
    store._make_room(at_us)
    growth = time.perf_counter() - began
    assert len(store.image()[0]) in (slots, 2 * slots)
    return {
        "payments": count,
        "entities": held["entities"],
        "bulk_rows_per_s": round(count / bulk),
        "bytes_per_entity": round(held["bytes"] / held["entities"]),
        "room_ms": round(growth * 1e3, 1),
        **_images.taken_up(store, Posteriors()),
        **{f"read_us_{k}": v for k, v in _report.percentiles(read_ns).items() if k != "max"},
        **{f"add_us_{k}": v for k, v in _report.percentiles(add_ns).items() if k != "max"},
    }


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int, default=1_000_000)
    given = parser.parse_args()
    row = measure(50_000 if given.quick else given.payments)
    report = {"machine": _report.machine(), "posteriors": row}
    _report.finish(report, _report.table([row]), given.json)


if __name__ == "__main__":
    main()
