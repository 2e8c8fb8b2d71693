"""The key agent over its real socket: wrapping, opening, indexing, signing, anchoring; memory.

    python bench/key_agent.py [--seconds 4] [--quick] [--json [FILE]]

The agent runs as the process that it is in production, with budgets on and durable; this process
asks it, in batches of 1 and of 32, with one request after the other (`lanes` 1) and with 32 under
way. Both share the machine's cores, so `agent_cpu_us` (the agent's processor time for one item) is
the figure to compare; items a second are what both together reach. `anchor` waits for the disk.
Asked for: 300 openings a second one by one, at most 150 MiB of memory.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import _report
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.core.instants import format_rfc3339
from paywarden.kit.clock import SystemClock

SCOPE = "bench/test"
PROGRAM = [sys.executable, "-m", "paywarden.entrypoints.main", "--home"]
ASKED_MIB = 150
ASKED_OPENINGS = 300


def start(home: Path) -> subprocess.Popen[bytes]:
    """An agent with roomy budgets, which are written as durably as any."""
    subprocess.run([*PROGRAM, str(home), "cde", "init"], check=True, capture_output=True)
    keys_toml = places_of(home).keys / "keys.toml"
    lines = keys_toml.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("egress_", "vault_"))]
    windows = [f"{who}_{w} = 900000000" for who in ("egress", "global") for w in WINDOWS]
    keys_toml.write_text("\n".join([*kept, *windows, ""]))
    return subprocess.Popen([*PROGRAM, str(home), "cde", "key-agent"], stderr=subprocess.DEVNULL)


WINDOWS = ("minute", "hour", "day")


def agent_of(places: Places, caller: str) -> KeyAgent:
    """The agent as a caller sees it."""
    proof = load_proof(places.run, caller)
    return KeyAgent(FrameClient(places.keys_socket, caller, proof, timeout_seconds=30))


async def ready(places: Places) -> None:
    """Wait until it answers."""
    for _ in range(200):
        if places.keys_socket.exists():
            return
        await asyncio.sleep(0.05)
    raise SystemExit("the key agent did not start")


Call = Callable[[int], Awaitable[Any]]


async def measured(
    name: str, batch: int, lanes: int, call: Call, seconds: float, pid: int
) -> dict[str, Any]:
    """Call from `lanes` tasks for some seconds; times in microseconds."""
    took: list[int] = []
    counter = 0
    end = time.monotonic() + seconds

    async def lane() -> None:
        nonlocal counter
        while time.monotonic() < end:
            counter += 1
            began = time.perf_counter_ns()
            answer = await call(counter)
            took.append(time.perf_counter_ns() - began)
            if isinstance(answer, Refused):
                raise SystemExit(f"{name}: {answer}")

    cpu, began = _report.cpu_seconds(pid), time.monotonic()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    wall, used = time.monotonic() - began, _report.cpu_seconds(pid) - cpu
    items = len(took) * batch
    return {
        "operation": name,
        "batch": batch,
        "lanes": lanes,
        "items_per_second": round(items / wall),
        "agent_cpu_us": round(used / items * 1e6, 1),
        **{f"{key}_us": value for key, value in _report.percentiles(took).items()},
    }


async def calls(vault: KeyAgent, egress: KeyAgent, batch: int) -> dict[str, Call]:
    """What is asked, by name."""
    month = format_rfc3339(SystemClock().now_us())[:7]
    ids = [b"record-%016d" % number for number in range(batch)]
    keys = await vault.new_data_keys(SCOPE, "pan", month, ids)
    if isinstance(keys, Refused):
        raise SystemExit(str(keys))
    pairs = list(zip(ids, keys, strict=True))
    items = [wire.WrappedItem(one, key.wrapped, 1) for one, key in pairs]
    again = [wire.RewrapItem(month, one, key.wrapped, 1) for one, key in pairs]
    pans = [b"%016d" % (4_000_000_000_000_000 + number) for number in range(batch)]
    facts = [b"{" + b"x" * 250 + b"}"] * batch
    return {
        "wrap": lambda _n: vault.new_data_keys(SCOPE, "pan", month, ids),
        "open": lambda _n: egress.open_data_keys(SCOPE, "pan", month, items, "forward"),
        "rewrap": lambda _n: vault.rewrap(SCOPE, "pan", again),
        "index": lambda _n: vault.index_cards(SCOPE, pans),
        "sign": lambda _n: vault.sign_facts(facts),
        "anchor": lambda n: vault.anchor("bench", n, n.to_bytes(32, "big")),
    }


async def run(places: Places, seconds: float, pid: int) -> list[dict[str, Any]]:
    """All operations, batches and lanes."""
    await ready(places)
    vault, egress = agent_of(places, "vault"), agent_of(places, "egress")
    try:
        return await loads(vault, egress, seconds, pid)
    finally:
        await vault.close()
        await egress.close()


async def loads(
    vault: KeyAgent, egress: KeyAgent, seconds: float, pid: int
) -> list[dict[str, Any]]:
    """A row for each."""
    rows, anchored = [], 0
    for batch in (1, 32):
        for name, call in (await calls(vault, egress, batch)).items():
            for lanes in (1, 32):
                if name == "anchor":
                    if batch > 1:
                        continue
                    rows.append(await anchors(call, lanes, seconds, pid, anchored))
                    anchored += 10_000_000
                    continue
                _report.say(f"{name}, batch {batch}, lanes {lanes}")
                rows.append(await measured(name, batch, lanes, call, seconds, pid))
    return rows


async def anchors(call: Call, lanes: int, seconds: float, pid: int, base: int) -> dict[str, Any]:
    """Anchors with rising revisions."""
    _report.say(f"anchor, lanes {lanes}")
    return await measured("anchor", 1, lanes, lambda n: call(base + n), seconds, pid)


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="paywarden-bench-"))
    agent = start(home)
    try:
        seconds = 0.5 if given.quick else given.seconds
        rows = asyncio.run(run(places_of(home), seconds, agent.pid))
        memory_mib = _report.resident_mib(agent.pid)
    finally:
        agent.terminate()
        agent.wait()
        shutil.rmtree(home)
    one_by_one = [row for row in rows if (row["operation"], row["batch"]) == ("open", 1)]
    openings = one_by_one[0]["items_per_second"]
    report = {
        "machine": _report.machine(),
        "loads": rows,
        "memory_mib": memory_mib,
        "asked": {"openings_per_second": ASKED_OPENINGS, "memory_mib": ASKED_MIB},
    }
    shown = (
        f"{_report.table(rows)}\n\n"
        f"openings one by one: {openings} a second (asked: {ASKED_OPENINGS})"
        f"\nmemory: {memory_mib} MiB (asked: {ASKED_MIB})"
    )
    _report.finish(report, shown, given.json)


if __name__ == "__main__":
    main()
