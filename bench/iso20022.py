"""ISO 20022 intake: CPU a message by its size, and how long the event loop stands still meanwhile.

    python bench/iso20022.py [--json [FILE]]

`read`: octets to payments, with the schema, in this process. `loop`: the longest and the usual gap
between two turns of an event loop, while a child reads messages of 500 transactions. Needs the
extra `iso20022`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from iso20022_kit import pacs008, transfer
from paywarden.decision.iso20022.reading_process import ReadingProcess
from paywarden.decision.iso20022.taking_in import take_in

SIZES = (1, 10, 100, 500)


def message(size: int) -> bytes:
    return pacs008(*(transfer(n, uetr=None) for n in range(size)))


def reading(size: int, rounds: int) -> dict[str, Any]:
    octets, took = message(size), []
    for _ in range(rounds):
        began = time.process_time()
        taken = take_in(octets, size)
        took.append((time.process_time() - began) * 1_000)
        assert all(one.payment is not None for one in taken.transactions)
    return {
        "transactions": size, "kib": len(octets) >> 10,
        "p50_ms": round(statistics.median(took), 2), "worst_ms": round(max(took), 2),
        "a_second": round(size / statistics.median(took) * 1_000),
    }  # fmt: skip


async def gaps(process: ReadingProcess, messages: int) -> list[float]:
    """Milliseconds between turns of the loop while the child reads."""
    octets, found = message(500), []
    task = asyncio.create_task(_several(process, octets, messages))
    while not task.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append((time.perf_counter() - began) * 1_000 - 1)
    await task
    return sorted(found)


async def _several(process: ReadingProcess, octets: bytes, messages: int) -> None:
    for _ in range(messages):
        await process.take_in(octets, 500)


async def loop() -> dict[str, Any]:
    process = ReadingProcess()
    await process.take_in(message(1), 1)  # starting and building the schema are not the question
    found = await gaps(process, 5)
    await process.close()
    return {
        "turns": len(found), "p50_ms": round(found[len(found) // 2], 4),
        "p999_ms": round(found[int(len(found) * 0.999)], 3), "worst_ms": round(found[-1], 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE")
    arguments = parser.parse_args()
    take_in(message(1), 1)
    document = {
        "read": [reading(size, max(3, 60 // size)) for size in SIZES],
        "loop": asyncio.run(loop()),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    text = json.dumps(document, indent=2)
    if arguments.json and arguments.json != "-":
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
