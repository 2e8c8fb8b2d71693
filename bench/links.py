"""Links alone: microseconds to read and to count a payment, rows a second in bulk, bytes an entity.

    python bench/links.py [--payments 1000000] [--json [FILE]]

Payers with a card or two, a device, an e-mail, an address and a telephone number, behind networks
of which some hold thousands; rings of twelve cards on three devices among them. One generation, so
the figures are of the store when it is fullest.
"""

from __future__ import annotations

import random
import time

import numpy as np

import _images
import _report
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED
from paywarden.risk.features.columns import ObservationColumns, concat, from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.links.model import GENERATION_US
from paywarden.risk.links.store import Links

START = 700 * GENERATION_US
SAMPLES = 20_000
_VALUES = tuple("payment" if f.path == "event.kind" else (0 if f.storage == "hash" else None)
                for f in OBSERVED)  # fmt: skip


def payment(rnd: random.Random, seq: int, payers: int, step_us: int) -> Observation:
    payer = rnd.randrange(1, payers)
    ring = payer % 500 == 0
    given = {
        "payer": payer, "card": payer * 16 + rnd.randrange(12 if ring else 2),
        "device": payer * 4 + rnd.randrange(3 if ring else 1), "email": payer,
        "phone": payer, "shipping_address": payer - payer % 2, "ip": 1 + rnd.randrange(payers // 8),
    }  # fmt: skip
    keys = tuple((given.get(kind, 0) * 0x9E3779B97F4A7C15) % 2**64 for kind in KEY_KINDS)
    at_us = START + seq * step_us
    return Observation(seq, at_us, at_us, keys, _VALUES)


def columns(count: int, payers: int) -> ObservationColumns:
    rnd, step = random.Random(3), GENERATION_US // (count + 2 * SAMPLES)
    parts = []
    for start in range(1, count + 1, 4_096):
        stop = min(start + 4_096, count + 1)
        rows = [payment(rnd, seq, payers, step) for seq in range(start, stop)]
        parts.append(from_observations(rows))
    return concat(parts)


def measure(count: int) -> dict[str, object]:
    payers, rnd = max(1_000, count // 10), random.Random(4)
    step = GENERATION_US // (count + 2 * SAMPLES)
    Links().add_columns(from_observations([payment(rnd, 1, payers, step)]))  # compile
    past = columns(count, payers)
    links = Links()
    began = time.perf_counter()
    links.add_columns(past)
    bulk = time.perf_counter() - began
    read_ns, add_ns = [], []
    for seq in range(count + 1, count + 1 + SAMPLES):
        one = payment(rnd, seq, payers, step)
        t0 = time.perf_counter_ns()
        links.read(one.keys, one.t_us)
        t1 = time.perf_counter_ns()
        links.add(one)
        t2 = time.perf_counter_ns()
        read_ns.append(t1 - t0)
        add_ns.append(t2 - t1)
    held = links.memory()
    sizes = [links.read(past.keys[row].tolist(), START).component_size
             for row in rnd.sample(range(count), 200)]  # fmt: skip
    return {
        "payments": count,
        "entities": held["entities"],
        "edges": held["edges"],
        "bulk_rows_per_s": round(count / bulk),
        "bytes_per_entity": round(held["bytes"] / (held["entities"] + held["younger_entities"])),
        "component_p50": int(np.median(sizes)),
        "component_max": max(sizes),
        **_images.taken_up(links, Links()),
        **{f"read_us_{k}": v for k, v in _report.percentiles(read_ns).items() if k != "max"},
        **{f"add_us_{k}": v for k, v in _report.percentiles(add_ns).items() if k != "max"},
    }


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int, default=1_000_000)
    given = parser.parse_args()
    row = measure(50_000 if given.quick else given.payments)
    report = {"machine": _report.machine(), "links": row}
    _report.finish(report, _report.table([row]), given.json)


if __name__ == "__main__":
    main()
