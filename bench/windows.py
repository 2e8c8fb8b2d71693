"""Window store: latency, throughput, memory, growth.

Run: python bench/windows.py [--cards 1000,10000,100000] [--payments 200000] [--json]
Sixty aggregates over six keys (card, device, ip, email, merchant, card and merchant): counts over
one minute, five minutes, one hour and one day, sums over 1, 30 and 90 days, greatest amount and
distinct counterparts of one day, seconds since the last event. Seeded synthetic payments over 90
days with skewed merchants. Bytes per event and key: all in use less heads of rows, key tables and
pair tables, by entries held; per live key: heads and key tables; per pair: pair tables. Figures are
of this machine under its present load: compare rows.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from paywarden.risk.features import heap
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX
from paywarden.risk.features.columns import DTYPES, ObservationColumns
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import KEY_COUNT
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.features.program import ROW, SLOT_STATE, SLOTS

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START = 1_700_000_000_000_000
CHUNK = 65_536
AMOUNT = "payment.amount_minor"
OBJECTS = {
    ("card",): "merchant.id",
    ("device",): "card.fingerprint",
    ("ip",): "card.fingerprint",
    ("email",): "card.fingerprint",
    ("merchant",): "card.fingerprint",
    ("card", "merchant"): "device.id",
}


def policy() -> list[Aggregate]:
    """The sixty aggregates."""
    found: list[Aggregate] = []
    for by, counterpart in OBJECTS.items():
        rows: list[tuple[str, str | None, int]] = [
            ("count", None, MINUTE),
            ("count", None, 5 * MINUTE),
            ("count", None, HOUR),
            ("count", None, DAY),
            ("sum", AMOUNT, DAY),
            ("sum", AMOUNT, 30 * DAY),
            ("sum", AMOUNT, 90 * DAY),
            ("max", AMOUNT, DAY),
            ("distinct", counterpart, DAY),
            ("since_last", None, 90 * DAY),
        ]
        found += [
            Aggregate(f"{f}_{'_'.join(by)}_{w}", f, of, by, w, False, None, f == "since_last")
            for f, of, w in rows
        ]
    return found


def digest(rng_ids: Any, salt: int) -> Any:
    """Spread small numbers over 64 bits, as keyed digests are."""
    words = (rng_ids.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return (words ^ (words >> np.uint64(29))) * np.uint64(2 * salt + 1) | np.uint64(1)


def payments(count: int, cards: int, seed: int = 7) -> Iterator[ObservationColumns]:
    """Payments over 90 days, in chunks."""
    rng = np.random.default_rng(seed)
    merchants = max(20, cards // 10)
    times = START + np.sort(rng.integers(0, 90 * DAY, count))
    for first in range(0, count, CHUNK):
        n = min(CHUNK, count - first)
        card = rng.integers(0, cards, n)
        device = np.where(rng.random(n) < 0.9, card * 4 // 5, rng.integers(0, cards, n))
        ip = np.where(rng.random(n) < 0.7, card // 3, rng.integers(0, cards, n))
        merchant = (merchants * rng.random(n) ** 3).astype(np.int64)
        yield columns(first, times[first : first + n], card, device, ip, merchant, rng)


def columns(
    first: int, t_us: Any, card: Any, device: Any, ip: Any, merchant: Any, rng: Any
) -> ObservationColumns:
    """One chunk as observation columns."""
    n = len(t_us)
    given = {"card": card, "device": device, "ip": ip, "email": card, "merchant": merchant}
    keys = np.zeros((n, KEY_COUNT), np.uint64)
    for salt, (kind, ids) in enumerate(given.items(), 1):
        keys[:, KEY_KINDS.index(kind)] = digest(ids, salt)
    values = [np.full(n, -1 if f.storage == "symbol" else 0, DTYPES[f.storage]) for f in OBSERVED]
    masked = ("int", "double", "bool")
    valid = [np.zeros(n, np.bool_) if f.storage in masked else None for f in OBSERVED]
    values[OBSERVED_INDEX[AMOUNT]] = rng.integers(100, 50_000, n)
    valid[OBSERVED_INDEX[AMOUNT]] = np.ones(n, np.bool_)
    for path, kind in (
        ("merchant.id", "merchant"),
        ("card.fingerprint", "card"),
        ("device.id", "device"),
    ):
        values[OBSERVED_INDEX[path]] = keys[:, KEY_KINDS.index(kind)].copy()
    zero = np.zeros(n, np.int64)
    seq = np.arange(first + 1, first + 1 + n, dtype=np.int64)
    return ObservationColumns(
        seq, t_us, t_us, zero.astype(np.uint64), zero, keys, tuple(values), tuple(valid), ()
    )


def measure(count: int, cards: int, online: int) -> dict[str, Any]:
    """Replay `count` payments, then observe `online` more one by one."""
    plan = WindowPlan(policy(), {})
    windows = Windows(plan, 0)
    spent, read_spent, read_rows, tail = 0.0, 0.0, 0, None
    for index, chunk in enumerate(payments(count + online, cards)):
        if int(chunk.seq[-1]) > count:
            cut = max(0, count - int(chunk.seq[0]) + 1)
            tail = chunk.slice(cut, len(chunk)) if tail is None else tail
            chunk = chunk.slice(0, cut)
        started = time.process_time()
        windows.observe_columns(chunk, np.full(len(chunk), index % 2 == 1))
        took = time.process_time() - started
        spent += took
        if index % 2 == 1:
            read_spent, read_rows = read_spent + took, read_rows + len(chunk)
    held = windows.memory()
    key_bytes, pair_bytes = shares(windows)
    assert tail is not None
    laps = lap_times(windows, tail, online)
    events, keys, pairs = (max(1, held[name]) for name in ("events", "keys", "pairs"))
    return {
        "cards": cards,
        "payments": count,
        "batch_us_all": round(spent / count * 1e6, 2),
        "batch_us_read": round(read_spent / max(1, read_rows) * 1e6, 2),
        "online_us_p50": laps[0],
        "online_us_p99": laps[1],
        "online_us_p999": laps[2],
        "online_us_max": laps[3],
        "event_keys": events,
        "live_keys": keys,
        "pairs_in_table": pairs if held["pairs"] else 0,
        "bytes_per_event_key": round((held["bytes_used"] - key_bytes - pair_bytes) / events, 1),
        "bytes_per_live_key": round(key_bytes / keys, 1),
        "bytes_per_pair": round(pair_bytes / pairs, 1) if held["pairs"] else 0,
        "bytes_in_all_per_event_key": round(held["bytes_used"] / events, 1),
        "megabytes_used": round(held["bytes_used"] / 1e6, 1),
        "megabytes_process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def shares(windows: Windows) -> tuple[int, int]:
    """Bytes of heads of rows and key tables, and of pair tables."""
    mem, table = windows._mem, windows._program.table
    key_words, pair_words = 0, 0
    for slot in range(1, int(table[0, SLOTS]) + 1):
        base, words = int(table[slot, SLOT_STATE]), heap.PARTITIONS * heap.PARTITION_WORDS
        keys = mem[base : base + words].reshape(-1, heap.PARTITION_WORDS)
        pairs = mem[base + words : base + 2 * words].reshape(-1, heap.PARTITION_WORDS)
        key_words += int(keys[:, 1].sum()) + int(keys[:, 2].sum()) * int(table[slot, ROW])
        pair_words += int((pairs[:, 1] + (pairs[:, 1] + 1) // 2).sum())
    return 8 * key_words, 8 * pair_words


def lap_times(windows: Windows, tail: ObservationColumns, online: int) -> list[float]:
    """p50, p99, p99.9 and greatest time of `observe`, in microseconds."""
    observations = tail.to_observations()[:online]
    laps = []
    gc.disable()
    for each in observations:
        started = time.perf_counter_ns()
        windows.observe(each)
        laps.append(time.perf_counter_ns() - started)
    gc.enable()
    points = np.percentile(np.array(laps), [50, 99, 99.9, 100]) / 1_000
    return [round(float(point), 1) for point in points]


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cards", default="1000,10000,100000")
    parser.add_argument("--payments", type=int, default=200_000)
    parser.add_argument("--online", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    started = time.perf_counter()
    measure(1_000, 100, 100)
    compiled = round(time.perf_counter() - started, 1)
    rows = [measure(given.payments, int(c), given.online) for c in given.cards.split(",")]
    if given.json:
        print(json.dumps({"start_seconds": compiled, "rows": rows}))
        return
    print(f"first use (compile or load the cache): {compiled} s", file=sys.stderr)
    for name in rows[0]:
        print(f"{name:22s}" + "".join(f"{row[name]:>14}" for row in rows))


if __name__ == "__main__":
    main()
