"""`paywarden simulate`: a synthetic world into events.parquet and truth.parquet."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from paywarden.cli import output
from paywarden.simulator import bulk
from paywarden.simulator.presets import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `simulate`."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="demo")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument(
        "--without", type=_names, default=(), metavar="TYPE,...", help="attack types to leave out"
    )
    parser.add_argument(
        "--only-attacks", type=_names, metavar="TYPE,...", help="no attack types but these"
    )
    parser.add_argument(
        "--drift", type=float, default=0.0, help="how much the world changes in 30 days, 0 to 1"
    )
    parser.add_argument(
        "--aml", action="store_true", help="laundering too, and innocent life that looks like it"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(arguments: argparse.Namespace) -> int:
    """Write both files and say what they hold."""
    started = time.monotonic()
    summary = bulk.write(
        arguments.preset,
        arguments.seed,
        arguments.days,
        arguments.out,
        without=arguments.without,
        only=arguments.only_attacks,
        drift=arguments.drift,
        aml=arguments.aml,
    )
    document = {**summary, "seconds": round(time.monotonic() - started, 3)}
    words = (
        f"{document['events']} events, {document['payments']} payments, "
        f"{document['fraud_payments']} fraudulent, in {document['seconds']} s: {arguments.out}"
    )
    if arguments.aml:
        words += (
            f"; {document['laundering_patterns']} patterns of laundering among "
            f"{document['look_alike_patterns']} that look alike"
        )
    output.answer(arguments, document, words)
    return output.DONE


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)
