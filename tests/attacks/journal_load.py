"""A process that loads the log and tells on standard output what was acknowledged.

Run by test_journal_faults.py: `journal_load.py DATABASE kill` writes until it is killed;
`journal_load.py DATABASE limit OCTETS` writes under a file size limit, then lifts it and recovers.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from paywarden.core.errors import Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry
from paywarden.kit.outbox import enqueue
from paywarden.kit.stores.sqlite_journal import SqliteJournal

SCOPE = Scope("acme", Environment.LIVE)


def body_of(seq: int) -> bytes:
    """Bodies of changing size, recomputable by the test."""
    return seq.to_bytes(8, "big") * (1 + seq * 37 % 400)


class Load:
    def __init__(self, path: Path) -> None:
        self.reader = Reader(path)
        self.journal = SqliteJournal(self.reader)
        self.writer = Writer(path, [KIT], [self.journal])
        self.writer.start()

    def unit(self) -> tuple[int, UnitOfWork]:
        seq, unit = self.journal.staged_head + 1, UnitOfWork()
        self.journal.append(unit, [Entry(seq, SCOPE, "decision", 0, body_of(seq))])
        enqueue(unit, SCOPE, "decision.recorded", b"%d" % seq, 0)
        return seq, unit

    async def caller(self, units: int) -> None:
        for _ in range(units):
            seq, unit = self.unit()
            await self.writer.commit(unit)
            os.write(1, b"%d\n" % seq)

    async def run(self, units: int) -> None:
        await asyncio.gather(*(self.caller(units) for _ in range(16)))


def limited(load: Load, octets: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        asyncio.run(load.run(10_000))
    except Unavailable as refusal:
        os.write(1, f"failed {refusal.code}\n".encode())
    try:
        load.writer.submit(load.unit()[1])
    except Unavailable as refusal:
        os.write(1, f"refused {refusal.code}\n".encode())
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    load.writer.recover()
    asyncio.run(load.run(2))
    load.writer.close()
    os.write(1, b"closed\n")


if __name__ == "__main__":
    work = Load(Path(sys.argv[1]))
    if sys.argv[2] == "kill":
        asyncio.run(work.run(1_000_000))
    else:
        limited(work, int(sys.argv[3]))
