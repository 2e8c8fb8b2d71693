"""What every benchmark says alike: percentiles, machine and load, a table, JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def percentiles(nanoseconds: Sequence[int], unit: float = 1e3) -> dict[str, float]:
    """p50, p99, p99.9 and the greatest; nanoseconds divided by `unit` (1e3: microseconds)."""
    ordered = sorted(nanoseconds)
    last = len(ordered) - 1
    places = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {
        name: round(ordered[min(last, int(len(ordered) * share))] / unit, 3)
        for name, share in places.items()
    }


def machine() -> dict[str, Any]:
    """Where and when, and how busy the machine was: figures mean little without."""
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpus": os.cpu_count(),
        "cpu": model,
        "python": platform.python_version(),
        "load_average": [round(one, 2) for one in os.getloadavg()],
    }


def resident_mib(pid: int | str = "self") -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)


def cpu_seconds(pid: int) -> float:
    """Processor seconds that a process has used, its threads included."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor seconds that the machine spent on anything since it started."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    used = sum(map(int, words)) - int(words[3]) - int(words[4])
    return used / os.sysconf("SC_CLK_TCK")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of equal keys as a text table."""
    if not rows:
        return "(nothing measured)"
    names = list(rows[0])
    cells = [[_shown(row.get(name)) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in [names, *cells]
    ]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def arguments(text: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="JSON to FILE, or to standard output"
    )
    return parser


def finish_runs(found: dict[str, Any], columns: Sequence[str], to: str | None) -> None:
    """The report of named `runs` (a table of `columns`) and of what was found beside them."""
    runs = found.pop("runs")
    rows = [
        {"": name, **{column: run.get(column, "") for column in columns}}
        for name, run in runs.items()
    ]
    report = {"machine": machine(), "runs": runs, **found}
    shown = f"{table(rows)}\n\nlatencies in ms; {found}; load {os.getloadavg()[0]:.1f}"
    finish(report, shown, to)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def finish(report: dict[str, Any], shown: str, to: str | None) -> None:
    """The table for people, and the JSON where it is wanted."""
    if to == "-":
        print(json.dumps(report, indent=1))
        return
    print(shown)
    if to is not None:
        Path(to).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
