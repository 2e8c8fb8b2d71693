"""The signed audit log: appends, inclusion proofs among many leaves, verification, cost a decision.

    python bench/audit_log.py [--leaves 10000000] [--records 1000000] [--quick] [--json [FILE]]

`appends` are units with one event each through the writer (group commit, synchronous FULL) by 64
tasks, with the integrator beside them. `proofs` are made from tiles on disk, cold (first touch) and
warm. `verify` runs the exported verify.py as a process of its own. `cost` is processor time of what
a decision pays more: statement hash and leaf row, and the promise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.export import Export
from paywarden.evidence.log import LogStores, SignedLog
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.stores.last_signed_file import LastSignedFile
from paywarden.evidence.stores.sqlite_checkpoints import SCHEMA, SqliteCheckpoints
from paywarden.evidence.stores.tile_files import TileFiles
from paywarden.evidence.tiles import TileTree
from paywarden.evidence.tree import includes, inclusion_proof, leaf_hash
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.clock import SystemClock
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

SCOPE, PARTS = Scope("bench", Environment.LIVE), (KIT, SCHEMA)
HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
TASKS = 64


class Log:
    """A signed log in a folder."""

    def __init__(self, folder: Path) -> None:
        migrate(folder / "log.sqlite", PARTS)
        self.reader = Reader(folder / "log.sqlite")
        self.audit = SqliteAuditLog(self.reader)
        self.writer = Writer(folder / "log.sqlite", PARTS, [self.audit])
        self.checkpoints, self.tiles = SqliteCheckpoints(self.reader), TileFiles(folder / "tiles")
        last = LastSignedFile(folder / "last")
        stores = LogStores(
            self.audit, self.audit, self.writer, self.checkpoints, TileTree(self.tiles), last
        )
        key = LogKey("bench.example/log", Secret(os.urandom(32)))
        self.log = SignedLog(key, stores, SystemClock(), SCOPE)
        self.writer.start()
        self.log.open()

    def event(self, number: int) -> AuditEvent:
        detail = {"seq": number, "outcome": "allow", "decision": HASH}
        at_us = time.time_ns() // 1_000
        action, done = "decision:payment:decide", AuditOutcome.DONE
        return AuditEvent(SCOPE, action, "process:api", done, at_us, detail)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


async def appends(log: Log, count: int) -> dict[str, float]:
    """Durable appends a second by `TASKS` tasks, integrated and signed meanwhile."""
    numbers = iter(range(count))
    stop = asyncio.Event()

    async def caller() -> None:
        for number in numbers:
            unit = UnitOfWork()
            log.audit.record(unit, log.event(number))
            await log.writer.commit(unit)

    async def integrate() -> None:
        while not stop.is_set():
            while await asyncio.to_thread(log.log.integrate, 128) == 128:
                await asyncio.sleep(0)
            await asyncio.to_thread(log.log.checkpoint)
            await asyncio.sleep(0.25)

    beside = asyncio.create_task(integrate())
    started, batches = time.perf_counter(), log.writer.batches
    await asyncio.gather(*(caller() for _ in range(TASKS)))
    seconds = time.perf_counter() - started
    stop.set()
    await beside
    return {"per_second": count / seconds, "group": count / (log.writer.batches - batches)}


def proofs(folder: Path, leaves: int, samples: int = 2_000) -> dict[str, float]:
    """Milliseconds of an inclusion proof among `leaves` leaves, read from tiles on disk."""
    tree = TileTree(TileFiles(folder))
    started = time.perf_counter()
    for first in range(0, leaves, 65_536):
        last = min(first + 65_536, leaves)
        tree.append(leaf_hash(number.to_bytes(8, "big")) for number in range(first, last))
    tree.flush()
    built, root = time.perf_counter() - started, tree.root()
    again = TileTree(TileFiles(folder))
    assert again.load(leaves)
    chance = random.Random(7)
    indexes = [chance.randrange(leaves) for _ in range(samples)]
    cold = [timed(again, index, leaves, root) for index in indexes]
    near = [chance.randrange(leaves - 20_000, leaves) for _ in range(samples)]
    for index in near:
        timed(again, index, leaves, root)
    warm = [timed(again, index, leaves, root) for index in near]
    return {
        "leaves": leaves, "build_us_a_leaf": built / leaves * 1e6,
        "scattered_p50_ms": statistics.median(cold),
        "scattered_p99_ms": statistics.quantiles(cold, n=100)[98],
        "warm_p50_ms": statistics.median(warm),
        "warm_p99_ms": statistics.quantiles(warm, n=100)[98],
    }  # fmt: skip


def timed(tree: TileTree, index: int, size: int, root: bytes) -> float:
    started = time.perf_counter()
    path = inclusion_proof(index, size, tree.node)
    took = time.perf_counter() - started
    assert includes(leaf_hash(index.to_bytes(8, "big")), index, size, path, root)
    return took * 1e3


def fill(log: Log, count: int) -> None:
    """Append `count` events in large units, a checkpoint each thousand."""
    for first in range(0, count, 1_000):
        unit = UnitOfWork()
        for number in range(first, min(first + 1_000, count)):
            log.audit.record(unit, log.event(number))
        log.writer.submit(unit).result()
        log.log.integrate(1_000)
        log.log.checkpoint()


def verify(log: Log, folder: Path) -> dict[str, float]:
    """Seconds of export and of offline verification with two processes."""
    started = time.perf_counter()
    made = Export(log.log, log.audit, log.checkpoints, log.tiles).write(folder / "export")
    exported = time.perf_counter() - started
    trust = folder / "trust"
    trust.write_text("".join(f"log {key.text}\n" for key in log.log.verifiers()))
    words = [sys.executable, "-I", str(folder / "export" / "verify.py"), str(folder / "export")]
    started = time.perf_counter()
    done = subprocess.run(
        [*words, "--trust", str(trust), "--processes", "2", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout + done.stderr
    records = made["records"]
    return {
        "records": records, "checkpoints": made["checkpoints"], "export_seconds": exported,
        "verify_seconds": seconds, "ten_million_by_proportion_seconds": seconds / records * 1e7,
    }  # fmt: skip


def cost(log: Log, count: int = 20_000) -> dict[str, float]:
    """Microseconds of processor time of an audit row and of a signature."""
    started = time.process_time()
    for number in range(count):
        log.audit.record(UnitOfWork(), log.event(number))
    row = (time.process_time() - started) / count * 1e6
    signer, text = log.log.signer, Checkpoint("bench", 1, bytes(32), 1).text.encode()
    started = time.process_time()
    for _ in range(count):
        signer.sign(text)
    return {"row_us": row, "sign_us": (time.process_time() - started) / count * 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=10_000_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--appends", type=int, default=40_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE")
    given = parser.parse_args()
    if given.quick:
        given.leaves, given.records, given.appends = 200_000, 50_000, 5_000
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = Log(folder)
        found["cost"] = cost(log)
        found["appends"] = asyncio.run(appends(log, given.appends))
        fill(log, given.records - given.appends)
        while log.log.integrate(1_000):
            pass
        log.log.checkpoint()
        found["verify"] = verify(log, folder)
        log.close()
        found["proofs"] = proofs(folder / "many", given.leaves)
    text = json.dumps(found, indent=2)
    if given.json and given.json != "-":
        Path(given.json).write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
