"""Durable units per second and their latency, beside what the disk itself can do.

Each unit is one log entry (2,000 octets) and one record row (1,450 octets); `--full` adds one audit
row and one outbox row, as a decision does. Callers are tasks of one event loop that wait for each
commit before sending the next, as the API does. `synchronous=FULL` throughout.

    python bench/durable_write.py [--units 8000] [--callers 1 16 64] [--full] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from paywarden.core.scope import Environment, Scope
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry
from paywarden.kit.outbox import enqueue
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys
from paywarden.kit.stores.sqlite_journal import SqliteJournal

SCOPE = Scope("acme", Environment.LIVE)
RECORD = Insert("bench_records", ("seq", "id", "scope", "at_us", "body"))
LAYOUTS = {
    "seq key, id grows": "(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, scope TEXT NOT NULL,"
    " at_us INTEGER NOT NULL, body BLOB NOT NULL)",
    "id key, WITHOUT ROWID": "(seq INTEGER NOT NULL, id BLOB PRIMARY KEY, scope TEXT NOT NULL,"
    " at_us INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
}


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        name: round(ordered[min(last, int(len(ordered) * share))] * 1_000, 3)
        for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999))
    }


def spin(seconds: float) -> None:
    """Hold the interpreter as a decision's own work does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def disk(folder: Path, rounds: int = 400) -> dict[str, float]:
    """Latency of fdatasync after an 8 KiB append."""
    handle = os.open(folder / "disk", os.O_CREAT | os.O_WRONLY)
    took, block = [], os.urandom(8_192)
    for _ in range(rounds):
        os.write(handle, block)
        start = time.perf_counter()
        os.fdatasync(handle)
        took.append(time.perf_counter() - start)
    os.close(handle)
    return percentiles(took)


class Load:
    """One run: a fresh database, `callers` tasks, `units` commits."""

    def __init__(self, folder: Path, layout: str, *, full: bool, growing: bool) -> None:
        self.path = folder / "bench.sqlite"
        migrate(self.path, [KIT])
        held = sqlite3.connect(self.path)
        held.execute(f"CREATE TABLE bench_records {LAYOUTS[layout]}")
        held.close()
        self.reader = Reader(self.path)
        self.journal = SqliteJournal(self.reader)
        self.audit = SqliteAuditLog(self.reader)
        self.writer = Writer(self.path, [KIT], [self.journal, self.audit])
        self.full, self.growing = full, growing
        self.event, self.record = os.urandom(2_000), os.urandom(1_450)
        self.took: list[float] = []
        self.building = 0.0
        self.work_seconds = 0.0

    def unit(self) -> UnitOfWork:
        seq, unit = self.journal.staged_head + 1, UnitOfWork()
        self.journal.append(unit, [Entry(seq, SCOPE, "decision", seq, self.event)])
        name = seq.to_bytes(8, "big") + os.urandom(8) if self.growing else os.urandom(16)
        unit.add(RECORD, (seq, name, "acme/live", seq, self.record))
        if self.full:
            detail = {"decision": name.hex(), "outcome": "allow"}
            done = AuditOutcome.DONE
            action = "decision:payment:decide"
            self.audit.record(unit, AuditEvent(SCOPE, action, "key:key_a", done, seq, detail))
            enqueue(unit, SCOPE, "decision.recorded", name, seq)
        return unit

    async def caller(self, units: int) -> None:
        for _ in range(units):
            spin(self.work_seconds)
            start = time.perf_counter()
            unit = self.unit()
            built = time.perf_counter()
            await self.writer.commit(unit)
            self.took.append(time.perf_counter() - built)
            self.building += built - start

    async def run(self, callers: int, units: int) -> dict[str, Any]:
        self.writer.start()
        cpu, wall, batches = time.process_time(), time.perf_counter(), self.writer.batches
        await asyncio.gather(*(self.caller(units // callers) for _ in range(callers)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        done = len(self.took)
        result = {
            "callers": callers,
            "units_per_second": round(done / wall),
            **percentiles(self.took),
            "units_per_commit": round(done / (self.writer.batches - batches), 1),
            "cpu_us_per_unit": round(cpu / done * 1e6, 1),
            "building_us_per_unit": round(self.building / done * 1e6, 1),
        }
        self.writer.close()
        start = time.perf_counter()
        assert self.journal.verify() == done
        result["verified_per_second"] = round(done / (time.perf_counter() - start))
        self.reader.close()
        return result


def sealing(rounds: int = 20_000) -> dict[str, float]:
    """Microseconds to seal and open 300 octets for a known subject."""
    from paywarden.core.secret import Secret

    randomness = SystemRandomness()
    ring = SubjectKeyRing(Secret(bytes(32)), MemoryWrappedKeys(), randomness)
    plain, sealed = os.urandom(300), ring.seal(SCOPE, "cus_1", b"", b"payer")
    start = time.perf_counter()
    for _ in range(rounds):
        sealed = ring.seal(SCOPE, "cus_1", plain, b"payer")
    middle = time.perf_counter()
    for _ in range(rounds):
        ring.open(SCOPE, "cus_1", sealed, b"payer")
    end = time.perf_counter()
    return {
        "seal_us": round((middle - start) / rounds * 1e6, 2),
        "open_us": round((end - middle) / rounds * 1e6, 2),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    report: dict[str, Any] = {"sqlite": sqlite3.sqlite_version, "cpus": os.cpu_count(), "runs": []}
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        report["fdatasync"] = disk(Path(folder))
    for callers in options.callers:
        units = max(options.units // 8, 500) if callers == 1 else options.units
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            load = Load(
                Path(folder), options.layout, full=options.full, growing=not options.random_ids
            )
            load.work_seconds = options.work_us / 1e6
            report["runs"].append(asyncio.run(load.run(callers, units)))
    report["subject_keys"] = sealing()
    return report


def table(report: dict[str, Any]) -> str:
    names = list(report["runs"][0])
    lines = ["fdatasync: " + ", ".join(f"{k} {v}" for k, v in report["fdatasync"].items())]
    lines.append(" | ".join(names))
    lines += [" | ".join(str(run[name]) for name in names) for run in report["runs"]]
    lines.append(
        "subject keys: " + ", ".join(f"{k} {v}" for k, v in report["subject_keys"].items())
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=8_000)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--full", action="store_true", help="add an audit and an outbox row")
    parser.add_argument("--random-ids", action="store_true", help="record ids without time order")
    parser.add_argument("--work-us", type=int, default=0, help="Python work before each unit")
    parser.add_argument("--switch-us", type=int, help="set sys.setswitchinterval")
    parser.add_argument("--layout", choices=list(LAYOUTS), default="seq key, id grows")
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--dir", type=Path, help="folder (disk) for the databases")
    options = parser.parse_args()
    if options.switch_us:
        sys.setswitchinterval(options.switch_us / 1e6)
    report = measure(options)
    print(table(report), file=sys.stderr if str(options.json) == "-" else sys.stdout)
    if options.json:
        text = json.dumps(report, indent=2)
        print(text) if str(options.json) == "-" else options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
