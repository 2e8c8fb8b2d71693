"""What screening costs a decision: known and unknown parties, throughput, a switch of lists.

    python bench/screening_path.py [--folder DIR] [--payments N] [--quick] [--json [FILE]]

One installation in this process, durable, with the default policy; the lists lie in a process of
their own, as in the server. `--folder` takes real list files; without it a list of 10,000 invented
names is made. Rows: no lists; unknown parties (every name new, payer and payee); known parties (the
same names again); each alone and 32 at once; `cpu_us`: processor time of this process for a
decision, whatever else the machine does. `switch`: the same load of known parties while another
list is read, indexed and switched to, with the longest that the loop stood still.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import _report
from paywarden.core.instants import to_datetime
from paywarden.core.scope import Scope
from paywarden.decision.messages import Payment
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.init import initialise
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.screening_lists import list_desk
from paywarden.kit.clock import SystemClock, SystemRandomness

TOGETHER = 32
SYLLABLES = (
    "ka", "lo", "mi", "ren", "sa", "tor", "vel", "wyn", "zu", "bra", "dex", "fi", "gol", "har",
    "ju", "nim", "pos", "qua", "rix",
)  # fmt: skip


def word(rnd: random.Random) -> str:
    return "".join(rnd.choice(SYLLABLES) for _ in range(rnd.randint(2, 4))).title()


def invented(folder: Path, count: int, seed: int) -> Path:
    rnd = random.Random(seed)
    rows = [f"e{n},{word(rnd)} {word(rnd)},Person" for n in range(count)]
    folder.mkdir(exist_ok=True)
    (folder / "own.csv").write_text("id,name,type\n" + "\n".join(rows) + "\n")
    return folder


class Load:
    """Payments of one installation, each with names of two parties."""

    def __init__(self, own: Installation, scope: Scope, run: str) -> None:
        self._own = own
        self._scope = scope
        self._run = run
        self.skipped = 0

    def payments(self, count: int, seed: int) -> Iterator[Payment]:
        rnd = random.Random(seed)
        for number in range(count):
            given = {
                "id": f"{self._run}-{number}", "type": "transfer",
                "occurred_at": to_datetime(self._own.clock.now_us()),
                "amount_minor": 1_000, "currency": "EUR",
                "payer": {"id": f"p{number}", "name": f"{word(rnd)} {word(rnd)}"},
                "payee": {"id": f"q{number}", "name": f"{word(rnd)} {word(rnd)}"},
            }  # fmt: skip
            yield msgspec.convert(given, Payment)

    async def one(self, payment: Payment) -> int:
        started = time.perf_counter_ns()
        intake = self._own.payment_reader.payment(self._scope, payment, may_assert=True)
        decided = await self._own.payments.decide(self._scope, intake, payment)
        self.skipped += "screening_skipped" in decided.entry.degraded
        return time.perf_counter_ns() - started

    async def alone(self, payments: list[Payment]) -> list[int]:
        return [await self.one(payment) for payment in payments]

    async def together(self, payments: list[Payment]) -> tuple[list[int], float]:
        waiting, took = iter(payments), list[int]()

        async def go() -> None:
            for payment in waiting:
                took.append(await self.one(payment))

        started = time.perf_counter()
        await asyncio.gather(*(go() for _ in range(TOGETHER)))
        return took, time.perf_counter() - started


async def stalls(until: Callable[[], bool]) -> float:
    """The longest that the loop kept a sleeper waiting, in ms."""
    longest = 0.0
    while not until():
        started = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - started - 0.001)
    return round(longest * 1e3, 2)


async def measure(folder: Path | None, count: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as root:
        home = Home(Path(root) / "home")
        await initialise(home)
        own = Installation(home, home.settings({}), SystemClock(), SystemRandomness())
        await own.start()
        scope, rows = own.scopes[1], list[dict[str, Any]]()

        async def row(name: str, seed: int) -> None:
            load = Load(own, scope, name)
            payments = list(load.payments(2 * count, seed))
            before = time.process_time()
            alone = await load.alone(payments[:count])
            cpu_us = round((time.process_time() - before) / count * 1e6)
            took, seconds = await load.together(payments[count:])
            rows.append({
                "parties": name, "cpu_us": cpu_us,
                **{f"{k}_us": v for k, v in _report.percentiles(alone).items()},
                "together_p99_us": _report.percentiles(took)["p99"],
                "per_second": round(count / seconds), "skipped": load.skipped,
            })  # fmt: skip

        await row("no lists", 1)
        given = folder or invented(Path(root) / "lists", 10_000, 3)
        desk = list_desk(home, SystemRandomness())
        desk.take_in(given, "first", "ann")
        await own.aml.screening_desk.look()
        process = own.aml.screening.process
        assert process is not None
        await row("unknown", 2)
        await row("known", 2)
        desk.take_in(invented(Path(root) / "other", 10_000, 4), "second", "ann")
        looking = asyncio.ensure_future(own.aml.screening_desk.look())
        stalled = asyncio.ensure_future(stalls(looking.done))
        load, took = Load(own, scope, "switch"), list[int]()
        for payment in load.payments(1_000_000, 2):
            if looking.done():
                break
            took.append(await load.one(payment))
        rows.append({
            "parties": "switch", **{f"{k}_us": v for k, v in _report.percentiles(took).items()},
            "skipped": load.skipped, "loop_stall_ms": await stalled,
            "names": process.started.names, "index_s": process.started.seconds,
            "child_mib": round(process.octets / (1 << 20)),
        })  # fmt: skip
        await own.stop()
        return rows


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--payments", type=int, default=2_000)
    given = parser.parse_args()
    rows = asyncio.run(measure(given.folder, 300 if given.quick else given.payments))
    report = {"machine": _report.machine(), "screening_path": rows}
    _report.finish(report, _report.table(rows), given.json)


if __name__ == "__main__":
    main()
