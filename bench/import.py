"""A past through the log: rows a second of `paywarden import`, and the start that follows it.

    python bench/import.py [--payments 200000] [--json [FILE]]

Thirteen months of payments, a result for each and labels for one in a hundred, as CSV, into a fresh
home with the starter policy, by the command itself in a process of its own. `peak_mib` is the
command's largest resident memory; `start_s` is the time from there to a server that is ready.
"""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import _home
import _report

TARGET_PER_SECOND = 10_000
MAP = """\
[columns]
"payment.id" = "order"
"card.fingerprint" = "card"
"card.bin" = "bin"
"payer.id" = "payer"
"payer.name" = "name"
"payer.email" = "mail"
"payer.phone" = "phone"
"device.id" = "device"
"device.ip" = "ip"
"merchant.id" = "shop"
"merchant.mcc" = "mcc"
"merchant.country" = "country"
"payment.channel" = "channel"
[constants]
"payment.instrument_kind" = "card"
[time]
column = "at"
unit = "datetime"
[amount]
column = "amount"
exponent = 2
currency = "EUR"
[result_files]
payment_id = "order"
status = "state"
code = "code"
time = { column = "at", unit = "datetime" }
[label_files]
payment_id = "order"
reason = "reason"
time = { column = "received", unit = "datetime" }
"""
PAYMENTS = (
    "order", "at", "amount", "card", "bin", "payer", "name", "mail", "phone", "device", "ip",
    "shop", "mcc", "country", "channel",
)  # fmt: skip


def write(folder: Path, count: int) -> list[str]:
    """Files of a past; the words of the command."""
    rnd, end = random.Random(5), datetime.now(UTC) - timedelta(days=1)
    start, cards = end - timedelta(days=395), max(10, count // 12)
    names = {name: folder / f"{name}.csv" for name in ("payments", "results", "labels")}
    files = {name: path.open("w", newline="") for name, path in names.items()}
    writers = {name: csv.writer(file) for name, file in files.items()}
    writers["payments"].writerow(PAYMENTS)
    writers["results"].writerow(("order", "at", "state", "code"))
    writers["labels"].writerow(("order", "received", "reason"))
    for number in range(count):
        at, card = start + number * (end - start) / count, rnd.randrange(cards)
        writers["payments"].writerow([
            f"order-{number}", at.isoformat(), f"{rnd.randrange(100, 90_000) / 100:.2f}",
            f"card-{card}", "411111", f"payer-{card}", f"Ann Nr {card}", f"u{card}@example.org",
            f"+4930{card:08d}", f"device-{card}", f"203.0.{card % 200}.{card % 250}",
            f"shop-{rnd.randrange(500)}", "5732", "DE", "ecommerce",
        ])  # fmt: skip
        state = "authorised" if rnd.random() < 0.93 else "declined"
        late = (at + timedelta(seconds=2)).isoformat()
        writers["results"].writerow([f"order-{number}", late, state, "00"])
        received = at + timedelta(days=rnd.randrange(3, 60))
        if rnd.random() < 0.01 and received < end:
            writers["labels"].writerow([f"order-{number}", received.isoformat(), "10.4"])
    for file in files.values():
        file.close()
    (folder / "map.toml").write_text(MAP)
    shown = {name: str(path) for name, path in names.items()}
    return [
        shown["payments"], "--map", str(folder / "map.toml"), "--results", shown["results"],
        "--labels", shown["labels"], "--environment", "live",
    ]  # fmt: skip


def measure(root: Path, count: int) -> dict[str, object]:
    """One import into a fresh home."""
    home = root / "home"
    _home.command(home, "init")
    words = write(root, count)
    octets = sum(path.stat().st_size for path in root.glob("*.csv"))
    began = time.monotonic()
    told = _home.command(home, "import", *words)
    whole = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = int(told["rows_this_run"])
    return {
        "payments": told["payments"],
        "events": told["events"],
        "csv_mib": round(octets / (1 << 20), 1),
        "rows_per_s": told["rows_per_second"],
        "with_checks_per_s": round(rows / whole),
        "home_bytes_per_row": round(_size(home) / rows),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "start_s": round(_start_seconds(home), 2),
    }


def _size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def _start_seconds(home: Path) -> float:
    """Seconds that the state takes after an import, in a fresh process."""
    text = (
        "import asyncio, os, sys, time; from pathlib import Path;"
        "from paywarden.entrypoints.home import Home;"
        "from paywarden.entrypoints.installation import Installation;"
        "from paywarden.kit.clock import SystemClock, SystemRandomness;"
        "from paywarden.kit.log import configure; configure(level='error');"
        "home = Home(Path(sys.argv[1]));"
        "own = Installation(home, home.settings({}), SystemClock(), SystemRandomness());"
        "began = time.monotonic(); asyncio.run(own.start()); print(time.monotonic() - began);"
        "sys.stdout.flush(); os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, str(home)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder), 20_000 if given.quick else given.payments)
    reached = int(str(row["rows_per_s"])) >= TARGET_PER_SECOND
    report = {"machine": _report.machine(), "target_per_s": TARGET_PER_SECOND, "reached": reached,
              "import": row}  # fmt: skip
    shown = _report.table([row]) + f"\ntarget {TARGET_PER_SECOND} rows a second: "
    _report.finish(report, shown + ("reached" if reached else "missed"), given.json)


if __name__ == "__main__":
    main()
