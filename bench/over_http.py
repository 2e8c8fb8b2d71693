"""Decisions over HTTP, durable: throughput, latency, hot swap, restart, with the disk beside it.

    python bench/over_http.py [--cards 1000000] [--seconds 15] [--quick] [--json [FILE]]

A real server (`paywarden serve`, one worker) over a home in a temporary folder with a past on disk;
the fixed policy is published through the API. The load generator is a process of its own on the
same machine, so it takes processor time from the server: its share is printed. Closed loop: each
of N connections sends the next request when its answer is there. Open loop: requests are due at a
constant rate and time counts from the due instant. During open loops 100 changed rules, then 5,000,
are created and published; the slowest request meanwhile is printed. Sizes of commits are not told
by the server; bytes written a decision stand in.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from pathlib import Path
from typing import Any

import _home
import _policy
import _report
import _traffic

LOAD = [sys.executable, str(Path(__file__).with_name("_load.py"))]
BODIES = 20_000
WARM_SECONDS = 3.0
SWAP_SECONDS = 40.0


class Bench:
    """One server and the loads that it gets."""

    def __init__(self, root: Path, server: _home.Server, bodies: Path) -> None:
        self.root, self.server, self.bodies = root, server, bodies

    def start(self, rate: float, connections: int, seconds: float) -> subprocess.Popen[str]:
        """A load in a process of its own."""
        given = {
            "port": self.server.port,
            "key": self.server.key,
            "bodies": str(self.bodies),
            "rate": rate,
            "connections": connections,
            "seconds": seconds,
            "laps": str(self.root / "laps.bin"),
        }
        return subprocess.Popen([*LOAD, json.dumps(given)], stdout=subprocess.PIPE, text=True)

    def finish(self, load: subprocess.Popen[str]) -> dict[str, Any]:
        """Its report. Errors: RuntimeError when answers were refused or missing."""
        text, _ = load.communicate()
        if load.returncode != 0:
            raise RuntimeError("the load generator failed")
        found: dict[str, Any] = json.loads(text)
        return found

    def load(self, rate: float, connections: int, seconds: float) -> dict[str, Any]:
        """One load with what it cost the server."""
        cpu, written = self.server.cpu_seconds(), self.server.written_bytes()
        busy, started = _report.busy_seconds(), time.perf_counter()
        found = self.finish(self.start(rate, connections, seconds))
        took, busy = time.perf_counter() - started, _report.busy_seconds() - busy
        answers = max(1, found["answers"])
        spent = self.server.cpu_seconds() - cpu
        ours = spent + found["generator_cpu_s"]
        found["others_cores"] = round(max(0.0, busy - ours) / took, 2)
        found["server_cpu_us"] = round(spent / answers * 1e6)
        found["server_cores"] = round(spent / found["seconds"], 2)
        found["written_B"] = round((self.server.written_bytes() - written) / answers)
        found["load_average"] = _report.machine()["load_average"][0]
        return found

    def laps(self) -> list[tuple[int, int]]:
        """(due, took) in microseconds of the last load."""
        held = array("q")
        held.frombytes((self.root / "laps.bin").read_bytes())
        return list(zip(held[::2], held[1::2], strict=True))

    def swap(self, name: str, files: dict[str, str], rate: float) -> dict[str, Any]:
        """Create and publish a policy under load; the slowest requests before and meanwhile."""
        done: dict[str, Any] = {}
        times: list[float] = []

        def act() -> None:
            times.append(time.time())
            done.update(self.server.publish(files))
            times.append(time.time())

        before_s, after_s = 5.0, 3.0
        load = self.start(rate, 64, SWAP_SECONDS)
        thread = threading.Thread(target=act)
        time.sleep(before_s + 1.0)
        thread.start()
        thread.join(400)
        time.sleep(after_s)
        found = self.finish(load)
        if len(times) != 2:
            raise RuntimeError("publishing did not end; see serve.log in the home")
        first, last = ((at - found["wall_start"]) * 1e6 for at in times)
        if last > SWAP_SECONDS * 1e6:
            done["load_ended_before"] = True
        laps = self.laps()
        calm = [took for due, took in laps if due < first or due > last + 1e6]
        held = [took for due, took in laps if first <= due <= last]
        return {
            "swap": name,
            **done,
            "rate": rate,
            "requests_meanwhile": len(held),
            "longest_meanwhile_ms": round(max(held, default=0) / 1e3, 1),
            "over_20_ms_meanwhile": sum(took > 20_000 for took in held),
            "p99_meanwhile_ms": _share(held, 0.99),
            "longest_otherwise_ms": round(max(calm, default=0) / 1e3, 1),
            "over_20_ms_otherwise": sum(took > 20_000 for took in calm),
            "p99_otherwise_ms": _share(calm, 0.99),
            "otherwise": len(calm),
            "statuses": found["statuses"],
        }


def _share(laps: list[int], share: float) -> float:
    ordered = sorted(laps)
    if not ordered:
        return math.nan
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e3, 2)


def measure(options: Any, root: Path) -> dict[str, Any]:
    """Everything, in order."""
    home = root / "home"
    report: dict[str, Any] = {"machine": _report.machine(), "cards": options.cards}
    _report.say("making a home and its past")
    key = _home.initialise(home)
    past = 2 * options.cards
    report["past"] = {"payments": past, **_home.give_past(home, options.cards, past)}
    bodies = root / "bodies.jsonl"
    world = _traffic.World(options.cards)
    bodies.write_bytes(b"\n".join(_traffic.bodies(world, BODIES)) + b"\n")
    report["fdatasync_before_ms"] = _home.disk(root)
    with _home.serving(home, key) as server:
        bench = Bench(root, server, bodies)
        report["first_start_s"] = round(server.start_seconds, 1)
        _report.say("publishing the policy")
        report["first_publish"] = server.publish(_policy.policy_files())
        report["loads"] = loads(bench, options)
        report["resident_MiB"] = server.resident_mib()
        report["fdatasync_after_ms"] = _home.disk(root)
        report["swaps"] = swaps(bench, options)
        report["server_metrics"] = metrics(server)
    _report.say("restarting")
    with _home.serving(home, key) as server:
        report["restart_s"] = round(server.start_seconds, 1)
        report["restart_resident_MiB"] = server.resident_mib()
    report["machine"]["load_average_after"] = _report.machine()["load_average"]
    report["targets"] = targets(report)
    return report


def loads(bench: Bench, options: Any) -> list[dict[str, Any]]:
    """Closed loops, then open loops."""
    bench.load(0, 32, WARM_SECONDS)
    found = []
    for rate, connections in ((0, 1), (0, 16), (0, 64), (500, 128), (1_000, 256)):
        for _ in range(options.repeat):
            _report.say(f"load: rate {rate or 'as fast as it goes'}, {connections} connections")
            found.append(bench.load(rate, connections, options.seconds))
    return found


def swaps(bench: Bench, options: Any) -> list[dict[str, Any]]:
    """Changed rules, then rules that nothing has compiled before."""
    found = []
    cases = (("100 changed rules", {"changed": 100}), ("5,000 other rules", {"seed": 77}))
    for name, given in cases:
        _report.say(f"hot swap under {options.swap_rate}/s: {name}")
        found.append(bench.swap(name, _policy.policy_files(**given), options.swap_rate))
    return found


def metrics(server: _home.Server) -> dict[str, float]:
    """Mean milliseconds of the stages, as the server tells them."""
    import urllib.request

    with urllib.request.urlopen(server.url("/metrics"), timeout=30) as answer:
        lines = [line.split(" ") for line in answer.read().decode().splitlines()]
    values = {words[0]: float(words[1]) for words in lines if words[0] != "#"}
    found = {}
    for name, value in values.items():
        if "_seconds_sum" in name:
            count = values[name.replace("_seconds_sum", "_seconds_count")]
            found[name.replace("_seconds_sum", "")] = round(value / max(1.0, count) * 1e3, 3)
    return found


def targets(report: dict[str, Any]) -> dict[str, Any]:
    """What was wanted and what came out."""
    disk_p99 = max(report["fdatasync_before_ms"]["p99"], report["fdatasync_after_ms"]["p99"])
    closed = [one["per_second"] for one in report["loads"] if one["rate"] == 0]
    at_500 = [one["p99_ms"] for one in report["loads"] if one["rate"] == 500]
    changed, cold = report["swaps"]
    return {
        "sustained_per_s": {"best": max(closed), "target": 1_000, "stretch": 1_500},
        "p99_at_500_ms": {"best": min(at_500), "target": round(10 + 3 * disk_p99, 2)},
        "changed_live_s": {"got": changed["live_after_s"], "target": 2},
        "cold_live_s": {"got": cold["live_after_s"], "target": 10},
        "longest_in_swap_ms": {
            "got": max(changed["longest_meanwhile_ms"], cold["longest_meanwhile_ms"]),
            "target": 20,
        },
    }


def shown(report: dict[str, Any]) -> str:
    """The tables for people."""
    loads = [
        {k: v for k, v in one.items() if k not in ("wall_start", "first_fault", "made_late")}
        for one in report["loads"]
    ]
    rest = {k: v for k, v in report.items() if k not in ("loads", "swaps")}
    return "\n".join(
        [_report.table(loads), _report.table(report["swaps"])]
        + [f"{name}: {value}" for name, value in rest.items()]
    )


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--cards", type=int)
    parser.add_argument("--seconds", type=float, help="of each load")
    parser.add_argument("--repeat", type=int, default=1, help="of each load")
    parser.add_argument("--swap-rate", type=float, default=300.0)
    parser.add_argument("--dir", type=Path, help="folder (disk) for the home")
    options = parser.parse_args()
    options.cards = options.cards or (50_000 if options.quick else 1_000_000)
    options.seconds = options.seconds or (5.0 if options.quick else 15.0)
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-", dir=options.dir) as folder:
        report = measure(options, Path(folder))
    _report.finish(report, shown(report), options.json)


if __name__ == "__main__":
    main()
