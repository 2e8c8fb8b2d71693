"""Restart with a long past after kill -9: seconds until payments can be decided, by part; memory.

    python bench/recovery.py [--payments 1000000] [--json [FILE]]

A home with the fixed policy and so many payments in sealed segments, a checkpoint of their windows
that ends some payments before (`--behind`), and some thousand decisions in the log behind them. The
server is killed (SIGKILL) and started again: `Installation.start()` in a fresh process, in parts,
and `paywarden serve` until `/readyz`. The past is four observations a card.

Ten million payments take longer to write than to measure, so the steps can be run apart, over one
home that is kept:

    python bench/recovery.py --home DIR --step prepare --full    # policy and past: some minutes
    python bench/recovery.py --home DIR --step checkpoint        # what the server's child does
    python bench/recovery.py --home DIR --step measure           # decide a tail, kill -9, start
    python bench/recovery.py --home DIR --step beside            # latency while the child works

`--without` measures with the checkpoints moved aside: a start from segments alone.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _home
import _policy
import _report
import _traffic
from paywarden.decision import start as starting
from paywarden.decision.checkpoints import Checkpoints
from paywarden.entrypoints import installation as rooms
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness

PER_CARD = 4
TAIL_SECONDS = 3.0
TARGET_PAYMENTS, TARGET_SECONDS = 10_000_000, 60.0
STEPS = ("prepare", "checkpoint", "measure")
ALONE = "beside"
NOTES = "bench.json"
CHILD = "paywarden.entrypoints.checkpoint_child"
BESIDE_SECONDS, LAP_SECONDS = 160.0, 6.0
SAID = ("per_second", "p50_ms", "p99_ms", "p999_ms", "max_ms")


def prepare(home: Path, payments: int) -> None:
    """A home with the policy and so many payments in segments."""
    cards = max(1_000, payments // PER_CARD)
    key = _home.initialise(home)
    with _home.serving(home, key) as server:
        published = server.publish(_policy.policy_files())
    _report.say(f"writing a past of {payments} payments")
    past = _home.give_past(home, cards, payments)
    notes = {"key": key, "cards": cards, "payments": payments, "past": past, "publish": published}
    (home / NOTES).write_text(json.dumps(notes))


def checkpoint(home: Path, behind: int) -> dict[str, Any]:
    """A checkpoint that ends at least so many payments before the end of the past."""
    notes = json.loads((home / NOTES).read_text())
    last = int(notes["past"]["head"]) + int(notes["payments"]) - behind
    _report.say(f"writing a checkpoint up to {last} at most")
    made = _home.command(home, "checkpoint", "--to", str(last))["checkpoints"]
    return {"checkpoint": made[0]} if made else {}


def measure(home: Path, repeat: int) -> dict[str, Any]:
    """Decide a tail, kill the server, start again in two ways."""
    notes = json.loads((home / NOTES).read_text())
    report = {"payments": notes["payments"], "past": notes["past"]}
    key = notes["key"]
    with _home.serving(home, key) as server:
        report["first_serve_s"] = round(server.start_seconds, 2)
        report["tail"] = tail(home, server, int(notes["cards"]))
        server.kill()
    for name in range(repeat):
        _report.say(f"start {name + 1} of {repeat}")
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(home)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"the start failed:\n{done.stderr[-3_000:]}")
        report.setdefault("starts", []).append(json.loads(done.stdout.splitlines()[-1]))
    with _home.serving(home, key) as server:
        report["serve_after_kill_s"] = round(server.start_seconds, 2)
        report["serve_resident_MiB"] = server.resident_mib()
    report["target"] = {"payments": TARGET_PAYMENTS, "seconds": TARGET_SECONDS}
    return report


def tail(home: Path, server: _home.Server, cards: int) -> int:
    """Decide payments over HTTP for some seconds; how many."""
    return int(load(home, server, cards, rate=0, seconds=TAIL_SECONDS)["answers"])


def load(
    home: Path, server: _home.Server, cards: int, *, rate: int, seconds: float
) -> dict[str, Any]:
    """Payments over HTTP; what the generator says."""
    bodies = home / "bodies.jsonl"
    if not bodies.exists():
        world = _traffic.World(cards)
        bodies.write_bytes(b"\n".join(_traffic.bodies(world, 2_000)) + b"\n")
    given = {
        "port": server.port, "key": server.key, "bodies": str(bodies), "rate": rate,
        "connections": 32, "seconds": seconds,
    }  # fmt: skip
    script = str(Path(__file__).with_name("_load.py"))
    done = subprocess.run(
        [sys.executable, script, json.dumps(given)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"payments were not decided: {found}")
    return found


def beside(home: Path, rate: int) -> dict[str, Any]:
    """Latency of payments at a steady rate before and while the server's child works."""
    notes = json.loads((home / NOTES).read_text())
    os.environ["PAYWARDEN_CHECKPOINTS__EVERY_PAYMENTS"] = "1"
    runs: list[dict[str, Any]] = []
    with _home.serving(home, notes["key"]) as server:
        ends = time.monotonic() + BESIDE_SECONDS
        while time.monotonic() < ends:
            children = [pid for pid in server.processes() if CHILD in command_line(pid)]
            held = _report.resident_mib(children[0]) if children else 0.0
            found = load(home, server, int(notes["cards"]), rate=rate, seconds=LAP_SECONDS)
            runs.append({"child_MiB": held} | {k: v for k, v in found.items() if k in SAID})
            if not children and any(one["child_MiB"] for one in runs):
                break
        written = server.text("/metrics")
    lines = [one for one in written.splitlines() if one.startswith("paywarden_checkpoint")]
    return {"beside": runs, "metrics": lines}


def command_line(pid: int) -> str:
    """Words of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


class Parts:
    """Seconds of named calls, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, owner: Any, name: str, word: str) -> None:
        """Count the time of a function or method of `owner` under `word`."""
        wrapped: Callable[..., Any] = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return wrapped(*given, **named)
            finally:
                self.add(word, time.perf_counter() - started)

        setattr(owner, name, call)

    def add(self, word: str, seconds: float) -> None:
        self.seconds[word] = round(self.seconds.get(word, 0.0) + seconds, 2)


async def start(root: Path) -> dict[str, Any]:
    """Start an installation in this process; seconds of each part, memory."""
    home, parts = Home(root), Parts()
    made = Installation(home, home.settings({}), SystemClock(), SystemRandomness())
    parts.time(rooms, "warm_up", "machine_code_s")
    parts.time(made, "_restore", "state_s")
    parts.time(Checkpoints, "resume", "checkpoint_s")
    parts.time(starting.Windows, "observe_columns", "windows_s")
    parts.time(starting.ScopeState, "fold", "fold_s")
    cpu, started = time.process_time(), time.perf_counter()
    await made.start()
    took, spent = time.perf_counter() - started, time.process_time() - cpu
    state, seconds = made.ledger.states[_home.SCOPE], parts.seconds
    memory = state.windows.memory() if state.windows is not None else {}
    found = {
        "start_s": round(took, 2),
        "machine_code_s": seconds["machine_code_s"],
        "policy_s": round(took - seconds["machine_code_s"] - seconds["state_s"], 2),
        "checkpoint_s": seconds.get("checkpoint_s", 0.0),
        "tail_windows_s": seconds.get("windows_s", 0.0),
        "tail_identities_s": round(seconds.get("fold_s", 0.0) - seconds.get("windows_s", 0.0), 2),
        "cpu_s": round(spent, 2),
        "resident_MiB": _report.resident_mib(),
        "identities_MiB": round(state.identities.memory_bytes() / (1 << 20)),
        "windows": memory,
        "head": made.journal.head(),
    }
    known = ("machine_code_s", "policy_s", "checkpoint_s", "tail_windows_s", "tail_identities_s")
    found["reading_s"] = round(took - sum(found[name] for name in known), 2)
    await made.stop()
    return found


@contextmanager
def aside(folder: Path) -> Iterator[None]:
    """A folder out of sight."""
    hidden = folder.with_name(folder.name + ".aside")
    folder.rename(hidden)
    try:
        yield
    finally:
        for left in sorted(folder.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() else left.unlink()
        if folder.exists():
            folder.rmdir()
        hidden.rename(folder)


def steps(options: Any, home: Path) -> dict[str, Any]:
    """Run the steps that were asked for."""
    report: dict[str, Any] = {"machine": _report.machine()}
    wanted = [options.step] if options.step else STEPS
    if "prepare" in wanted:
        prepare(home, options.payments)
    if "checkpoint" in wanted and not options.without:
        report |= checkpoint(home, options.behind)
    if "measure" in wanted and options.without:
        with aside(Home(home).checkpoints):
            report |= measure(home, options.repeat)
    elif "measure" in wanted:
        report |= measure(home, options.repeat)
    if options.step == ALONE:
        report |= beside(home, options.rate)
    report["machine"]["load_average_after"] = _report.machine()["load_average"]
    return report


def shown(report: dict[str, Any]) -> str:
    """The table for people."""
    starts = report.get("starts", [])
    rows = [{k: v for k, v in one.items() if k != "windows"} for one in starts]
    rest = "\n".join(f"{k}: {v}" for k, v in report.items() if k != "starts")
    windows = f"\nwindows: {starts[-1]['windows']}" if starts else ""
    return f"{_report.table(rows)}\n{rest}{windows}"


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int)
    parser.add_argument("--full", action="store_true", help="ten million payments")
    parser.add_argument("--behind", type=int, help="payments behind the checkpoint (a tenth)")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--home", type=Path, help="a home that is kept, for steps run apart")
    parser.add_argument(
        "--step", choices=(*STEPS, ALONE), help="one step over --home (default: all)"
    )
    parser.add_argument("--rate", type=int, default=100, help="payments a second, for `beside`")
    parser.add_argument("--without", action="store_true", help="from segments alone")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        os.environ.setdefault("PAYWARDEN_INSTALLATION__LOG_LEVEL", "error")
        print(json.dumps(asyncio.run(start(options.child))))
        return
    sizes = 10_000_000 if options.full else 100_000 if options.quick else 1_000_000
    options.payments = options.payments or sizes
    if options.behind is None:
        options.behind = options.payments // 10
    if options.step and options.home is None:
        parser.error("--step needs --home")
    if options.home is not None:
        report = steps(options, options.home)
    else:
        with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
            report = steps(options, Path(folder) / "home")
    _report.finish(report, shown(report), options.json)


if __name__ == "__main__":
    main()
