"""Restart with a long past: seconds until payments can be decided, and memory.

    python bench/recovery.py [--payments 1000000] [--full] [--json [FILE]]

A home with the fixed policy, so many payments in sealed segments (`--full`: ten million) and a tail
of some thousand decisions in the log behind them. Then `Installation.start()` in a fresh process,
in parts (machine code, compiling the policy, windows), and `paywarden serve` until `/readyz`. The
past is four observations a card. Anything beyond what was run is marked as extrapolated.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _home
import _policy
import _report
import _traffic
from paywarden.entrypoints import installation as rooms
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness

PER_CARD = 4
TAIL_SECONDS = 3.0
TARGET_PAYMENTS, TARGET_SECONDS = 10_000_000, 60.0


async def start(root: Path) -> dict[str, Any]:
    """Start an installation in this process; seconds of each part, memory."""
    home = Home(root)
    parts: dict[str, float] = {}

    def timed(owner: Any, name: str, word: str) -> None:
        wrapped = getattr(owner, name)

        def call(*given: Any) -> Any:
            started = time.perf_counter()
            try:
                return wrapped(*given)
            finally:
                parts[word] = round(time.perf_counter() - started, 2)

        setattr(owner, name, call)

    made = Installation(home, home.settings({}), SystemClock(), SystemRandomness())
    timed(rooms, "warm_up", "machine_code_s")
    timed(made, "_restore", "windows_s")
    cpu, started = time.process_time(), time.perf_counter()
    await made.start()
    took = time.perf_counter() - started
    spent = time.process_time() - cpu
    windows = made.ledger.states[_home.SCOPE].windows
    memory = windows.memory() if windows is not None else {}
    found = {
        "start_s": round(took, 2),
        **parts,
        "compile_s": round(took - sum(parts.values()), 2),
        "cpu_s": round(spent, 2),
        "resident_MiB": _report.resident_mib(),
        "identities_MiB": round(
            made.ledger.states[_home.SCOPE].identities.memory_bytes() / (1 << 20)
        ),
        "windows": memory,
        "head": made.journal.head(),
    }
    await made.stop()
    return found


def tail(root: Path, server: _home.Server, cards: int) -> int:
    """Decide payments over HTTP for some seconds; how many."""
    bodies = root / "bodies.jsonl"
    world = _traffic.World(cards)
    bodies.write_bytes(b"\n".join(_traffic.bodies(world, 2_000)) + b"\n")
    given = {
        "port": server.port, "key": server.key, "bodies": str(bodies), "rate": 0,
        "connections": 32, "seconds": TAIL_SECONDS,
    }  # fmt: skip
    script = str(Path(__file__).with_name("_load.py"))
    done = subprocess.run(
        [sys.executable, script, json.dumps(given)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"the tail was not decided: {found}")
    return int(found["answers"])


def measure(options: Any, root: Path) -> dict[str, Any]:
    """A home, its past, its tail, and two ways to start."""
    home = root / "home"
    cards = max(1_000, options.payments // PER_CARD)
    report: dict[str, Any] = {"machine": _report.machine(), "payments": options.payments}
    key = _home.initialise(home)
    with _home.serving(home, key) as server:
        report["publish_on_nothing"] = server.publish(_policy.policy_files())
    _report.say(f"writing a past of {options.payments} payments")
    report["past"] = _home.give_past(home, cards, options.payments)
    _report.say("starting, deciding a tail")
    with _home.serving(home, key) as server:
        report["first_serve_s"] = round(server.start_seconds, 2)
        report["tail"] = tail(root, server, cards)
    for name in range(options.repeat):
        _report.say(f"start {name + 1} of {options.repeat}")
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(home)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"the start failed:\n{done.stderr[-3_000:]}")
        report.setdefault("starts", []).append(json.loads(done.stdout.splitlines()[-1]))
    with _home.serving(home, key) as server:
        report["serve_s"] = round(server.start_seconds, 2)
        report["serve_resident_MiB"] = server.resident_mib()
    report["machine"]["load_average_after"] = _report.machine()["load_average"]
    report["target"] = {"payments": TARGET_PAYMENTS, "seconds": TARGET_SECONDS}
    best = min(report["starts"], key=lambda one: float(one["start_s"]))
    if options.payments < TARGET_PAYMENTS:
        report["extrapolated"] = _extrapolated(best, options.payments)
    return report


def _extrapolated(best: dict[str, Any], payments: int) -> dict[str, Any]:
    """Ten million by simple proportion of the windows' part; not measured."""
    factor = TARGET_PAYMENTS / payments
    fixed = best["start_s"] - best["windows_s"]
    return {
        "payments": TARGET_PAYMENTS,
        "start_s": round(fixed + best["windows_s"] * factor, 1),
        "windows_MiB": round(best["windows"]["bytes_used"] * factor / (1 << 20)),
        "not_measured": True,
    }


def shown(report: dict[str, Any]) -> str:
    """The table for people."""
    rows = [{k: v for k, v in one.items() if k != "windows"} for one in report["starts"]]
    rest = "\n".join(f"{k}: {v}" for k, v in report.items() if k != "starts")
    return f"{_report.table(rows)}\n{rest}\nwindows: {report['starts'][-1]['windows']}"


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int)
    parser.add_argument("--full", action="store_true", help="ten million payments")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--dir", type=Path, help="folder (disk) for the home")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        os.environ.setdefault("PAYWARDEN_INSTALLATION__LOG_LEVEL", "error")
        print(json.dumps(asyncio.run(start(options.child))))
        return
    sizes = 10_000_000 if options.full else 100_000 if options.quick else 1_000_000
    options.payments = options.payments or sizes
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-", dir=options.dir) as folder:
        report = measure(options, Path(folder))
    _report.finish(report, shown(report), options.json)


if __name__ == "__main__":
    main()
