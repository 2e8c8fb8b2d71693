"""A file for `paywarden evaluate` in which some kinds of attack were never met before.

    python examples/held_out.py world [--known 7] [--judged 8] [--without a,b] [--preset dense]

75 days of one simulated world (seed `--known`) without the kinds that are held out, then 21 judged
days of another one (seed `--judged`: other people, shops and attackers) with all kinds. The second
world's 24 days before are there without labels, so that its people are known and nothing is learnt
from its frauds. Writes `payments.parquet` into the folder; `examples/simulator.toml` maps it.
"""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from paywarden.core.instants import parse_rfc3339
from paywarden.simulator.bulk import write

HELD_OUT = "adaptive_carder,push_scam,slow_takeover"
START = parse_rfc3339("2026-04-20T00:00:00Z")
OTHERS = parse_rfc3339("2026-06-10T00:00:00Z")
JUDGED, JUDGED_DAYS = datetime.fromisoformat("2026-07-04T00:00:00Z"), 21


def main() -> None:
    """Simulate, join and write."""
    given = arguments()
    folder, without = given.folder, tuple(word for word in given.without.split(",") if word)
    write(given.preset, given.known, 75, folder / "known", start_us=START, without=without)
    write(given.preset, given.judged, 45, folder / "past", start_us=OTHERS, without=without)
    write(given.preset, given.judged, 45, folder / "judged", start_us=OTHERS)
    at = pl.col("occurred_at")
    past = payments(folder / "past").with_columns(fraud=pl.lit(None, pl.Boolean))
    judged = payments(folder / "judged").filter(at < JUDGED + timedelta(days=JUDGED_DAYS))
    parts = [
        payments(folder / "known").filter(at < JUDGED),
        past.filter(at < JUDGED),
        judged.filter(at >= JUDGED),
    ]
    whole = pl.concat(parts, how="vertical_relaxed").sort("occurred_at", maintain_order=True)
    whole.write_parquet(folder / "payments.parquet")


def arguments() -> argparse.Namespace:
    """Folder, seeds, kinds that are held out, preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--known", type=int, default=7, help="seed of the world to learn from")
    parser.add_argument("--judged", type=int, default=8, help="seed of the world to judge in")
    parser.add_argument("--without", default=HELD_OUT, help="kinds that are held out, by commas")
    parser.add_argument("--preset", default="dense")
    return parser.parse_args()


def payments(folder: Path) -> pl.DataFrame:
    """Payments of a written world beside their truth."""
    events = pl.read_parquet(folder / "events.parquet").filter(pl.col("kind") == "payment")
    truth = pl.read_parquet(folder / "truth.parquet").drop("exposed")
    return events.join(truth, on=["kind", "id", "attempt"])


if __name__ == "__main__":
    main()
