"""Typologies over a table through Ibis on DuckDB: seconds, processor seconds, memory, alerts.

    python bench/monitoring_batch.py [--transfers 1000000] [--threads 2] [--quick] [--json [FILE]]

A made-up world (`paywarden.simulator.transfers`) of about so many transfers is written down, read
as a file would be, and run through all shipped typologies of `runs: log`.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import ibis

from _report import arguments, finish, machine, resident_mib, say, table
from paywarden.aml.monitoring.batch.running import run_batch
from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.typology_reader import read_typologies, shipped_files
from paywarden.lab.accounts.mapping import TransferMap
from paywarden.lab.accounts.reading import read_transfers
from paywarden.simulator.transfers.model import WorldSettings
from paywarden.simulator.transfers.writing import write

PER_ACCOUNT = 73
"""Transfers of an account in 112 days of such a world."""


class _Peak(threading.Thread):
    """The greatest resident memory, looked at now and then."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mib, self.over = 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            self.mib = max(self.mib, resident_mib())


def measured(folder: Path, threads: int) -> dict[str, Any]:
    typologies = read_typologies(shipped_files(), flow_types).checked()
    logs = [one for one in typologies if one.runs == "log"]
    peak = _Peak()
    peak.start()
    stages: dict[str, float] = {}
    started, busy = time.perf_counter(), time.process_time()

    def told(stage: str, done: int, total: int) -> None:
        stages[f"{stage} {done}/{total}"] = round(time.perf_counter() - started, 1)
        say(f"{stage} {done}/{total} after {time.perf_counter() - started:.1f} s")

    transfers = read_transfers(folder / "transfers.parquet", TransferMap())
    connection = ibis.duckdb.connect(threads=threads)
    result = run_batch(logs, ibis.memtable(transfers), connection, progress=told)
    seconds, used = time.perf_counter() - started, time.process_time() - busy
    peak.over.set()
    return {
        "transfers": result.transfers,
        "accounts": result.accounts,
        "typologies": len(logs),
        "threads": threads,
        "seconds": round(seconds, 1),
        "processor_seconds": round(used, 1),
        "transfers_per_s": round(result.transfers / seconds),
        "peak_mib": peak.mib,
        "alerts": len(result.alerts),
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--transfers", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    wanted = 50_000 if given.quick else given.transfers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("making the world")
        write(WorldSettings(seed=77, accounts=max(50, wanted // PER_ACCOUNT)), folder)
        run = measured(folder, given.threads)
    finish({"machine": machine(), "run": run}, table([run]), given.json)


if __name__ == "__main__":
    main()
