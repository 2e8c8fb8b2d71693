"""Bulk: a simulated span as two Parquet files, the same bytes for the same arguments.

`events.parquet` is what the platform may see; `truth.parquet` is what only the judge may see.
Reports and refunds arrive after the span's end and are kept: cut by `occurred_at` to look at any
instant. The whole span is held in memory, about 1.5 kilobytes per event (0.9 GB for 30 realistic
days).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from paywarden.simulator.flows import flows
from paywarden.simulator.frames import events_frame, truth_frame
from paywarden.simulator.history import History, simulate
from paywarden.simulator.presets import DEFAULT_START_US
from paywarden.simulator.timeline import timeline
from paywarden.simulator.words import Type

EVENTS_FILE = "events.parquet"
TRUTH_FILE = "truth.parquet"
TRANSFERS_FILE = "transfers.parquet"
PATTERNS_FILE = "truth/patterns.csv"
PARTS_FILE = "truth/transfers.csv"


def write(
    preset: str,
    seed: int,
    days: int,
    out_dir: str | Path,
    *,
    start_us: int = DEFAULT_START_US,
    without: Collection[str] = (),
    only: Collection[str] | None = None,
    drift: float = 0.0,
    aml: bool = False,
) -> dict[str, Any]:
    """Simulate and write both files into `out_dir` (made if absent); answers a summary.

    With `aml`, also the movements between accounts (`simulator.flows`): transfers.parquet,
    truth/patterns.csv and truth/transfers.csv.

    Summary: preset, seed, days, events, payments, card_payments, fraud_payments, fraud_rate (of
    card payments), campaigns (a list), files. Raises InvalidRequest for arguments out of range."""
    history = simulate(
        preset, seed, days, start_us=start_us, without=without, only=only, drift=drift, aml=aml
    )
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    line = timeline(history)
    events = events_frame(history, line.rows)
    _write(events, folder / EVENTS_FILE)
    _write(truth_frame(history, line), folder / TRUTH_FILE)
    files = [EVENTS_FILE, TRUTH_FILE]
    if aml:
        files += _write_flows(history, folder)
    return {**summary(history), "events": len(events), "files": files}


def summary(history: History) -> dict[str, Any]:
    """Counts of a history and its campaigns, as plain values."""
    payments = history.payments
    cards = payments["type"] == Type.CARD_PAYMENT
    fraud = payments["fraud"] == 1
    card_count = int(np.count_nonzero(cards))
    return {
        "preset": history.preset.name,
        "seed": history.seed,
        "days": history.horizon.days,
        "payments": len(payments),
        "card_payments": card_count,
        "fraud_payments": int(np.count_nonzero(fraud)),
        "fraud_rate": int(np.count_nonzero(fraud & cards)) / card_count,
        "campaigns": [strike.summary() for strike in history.strikes],
        **_laundering(history),
    }


def _laundering(history: History) -> dict[str, Any]:
    """Counts of the second engine's truth, where there is any."""
    patterns = [strike for strike in history.strikes if strike.engine == "aml"]
    if not patterns:
        return {}
    marked = history.payments["laundering"]
    return {
        "laundering_patterns": sum(not strike.innocent for strike in patterns),
        "look_alike_patterns": sum(strike.innocent for strike in patterns),
        "laundering_payments": int(np.count_nonzero(marked == 1)),
        "look_alike_payments": int(np.count_nonzero(marked == 0)),
    }


def _write_flows(history: History, folder: Path) -> list[str]:
    made = flows(history)
    (folder / "truth").mkdir(exist_ok=True)
    _write(made.transfers, folder / TRANSFERS_FILE)
    made.patterns.write_csv(folder / PATTERNS_FILE)
    made.parts.write_csv(folder / PARTS_FILE)
    return [TRANSFERS_FILE, PATTERNS_FILE, PARTS_FILE]


def _write(frame: pl.DataFrame, path: Path) -> None:
    # fixed codec, level and row groups: the bytes must not depend on the machine's core count
    frame.write_parquet(
        path, compression="zstd", compression_level=3, statistics=True, row_group_size=65_536
    )
