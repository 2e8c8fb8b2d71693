"""Flows alone: transfers a second with every shipped typology over the log, in bulk and streamed.

    python bench/monitoring.py [--transfers 1000000] [--json [FILE]] [--quick]

A world of accounts with wages, spending, habits, laundering schemes and their look-alikes
(`paywarden aml world`). `bulk`: columns in one call. `stream`: transfers one by one through the
ordering of late ones, judged in groups as small as a look at the log finds at that rate. `busy`:
half of all transfers pay one of twenty accounts, each far beyond the legs that windows look at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

import _report
from paywarden.aml.monitoring.engine import FlowEngine
from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.following import Following
from paywarden.aml.monitoring.numbering import TransferBatch
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.aml.monitoring.typology_reader import read_typologies, shipped_files
from paywarden.risk.rules.typology_model import Typology
from paywarden.simulator.transfers.model import WorldSettings
from paywarden.simulator.transfers.world import make

A_WORLD = 73
"""Transfers of an account in a world of 112 days."""
STREAMED = 100_000
GROUP = 50
TEXTS = ("from_account", "to_account", "kind", "channel", "from_country", "to_country",
         "from_bank", "to_bank")  # fmt: skip


def typologies() -> list[Typology]:
    read = read_typologies(shipped_files(), flow_types).checked()
    return [one for one in read if one.runs == "log"]


def world(count: int) -> pl.DataFrame:
    made = make(WorldSettings(seed=9, accounts=max(200, count // A_WORLD)))
    kept = (pl.col("from_account") != pl.col("to_account")) & (pl.col("amount_minor") > 0)
    return made.transfers.filter(kept).sort("at_us", "sequence").head(count)


def busy(frame: pl.DataFrame) -> pl.DataFrame:
    hub = pl.lit("hub_") + (pl.col("sequence") % 20).cast(pl.String)
    spent = pl.col("to_account") == ""
    return frame.with_columns(pl.when(spent).then(hub).otherwise("to_account").alias("to_account"))


def batch(engine: FlowEngine, frame: pl.DataFrame) -> TransferBatch:
    none = [""] * frame.height
    columns = {n: frame[n].to_list() if n in frame.columns else none for n in TEXTS}
    numbers = {n: frame[n].to_numpy() for n in ("sequence", "at_us", "amount_minor")}
    return engine.numbers.columns(columns, numbers)


def bulk(watched: Sequence[Typology], frame: pl.DataFrame) -> dict[str, object]:
    engine = FlowEngine(watched)
    began, cpu = time.perf_counter(), time.process_time()
    alerts = engine.take(batch(engine, frame))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    held = engine.memory()
    return {
        "transfers": frame.height,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "cpu_us_a_transfer": round(used / frame.height * 1e6, 2),
        "alerts": len(alerts),
        "accounts": held["accounts"],
        "mib": round(held["bytes"] / 2**20, 1),
        "leg_bytes_a_transfer": round(held["leg_bytes"] / frame.height, 1),
        "bytes_an_account": round(held["bytes"] / held["accounts"]),
        **{f"cut_{name}": count for name, count in engine.bounded.items()},
    }


def stream(watched: Sequence[Typology], frame: pl.DataFrame) -> dict[str, object]:
    names = [n for n in TEXTS if n in frame.columns]
    rows = frame.select("sequence", "at_us", "amount_minor", *names).to_dicts()
    made = [Transfer(**row) for row in rows]
    following, groups, alerts = Following(watched), [], 0
    cpu = time.process_time()
    for start in range(0, len(made), GROUP):
        t0 = time.perf_counter_ns()
        for one in made[start : start + GROUP]:
            following.add(replace(one, reference=f"p{one.sequence}"))
        alerts += len(following.judge(made[min(start + GROUP, len(made)) - 1].at_us).alerts)
        groups.append(time.perf_counter_ns() - t0)
    used = time.process_time() - cpu
    return {
        "transfers": len(made),
        "group": GROUP,
        "transfers_per_cpu_second": round(len(made) / used),
        **{f"group_ms_{k}": v for k, v in _report.percentiles(groups, 1e6).items()},
        "alerts": alerts,
    }


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--transfers", type=int, default=1_000_000)
    given = parser.parse_args()
    count = 50_000 if given.quick else given.transfers
    watched = typologies()
    bulk(watched, world(5_000))  # compile
    frame = world(count)
    rows = [
        {"what": "bulk", **bulk(watched, frame)},
        {"what": "busy", **bulk(watched, busy(frame.head(max(1, count // 5))))},
    ]
    streamed = stream(watched, frame.head(min(count // 2, STREAMED)))
    report = {
        "machine": _report.machine(),
        "typologies": len(watched),
        "bulk": rows,
        "stream": streamed,
        "resident_mib": _report.resident_mib(),
    }
    shown = _report.table(rows) + "\n\n" + _report.table([streamed])
    _report.finish(report, shown, given.json)


if __name__ == "__main__":
    main()
