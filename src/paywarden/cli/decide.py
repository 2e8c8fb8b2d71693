"""`paywarden decide FILE --map MAP.toml`: decides a file of payments without a server.

Guards: standard output carries the summary and nothing else; progress goes to standard error.
Not done here: reading, mapping and deciding (`paywarden.lab.decide_file`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from paywarden.cli import output
from paywarden.cli.mapped_file import KEY_OCTETS, add_file, add_limit, add_policy
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.lab.decide_file import FileRequest, decide_file
from paywarden.lab.summary import FileSummary

LINE_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `decide`."""
    add_file(parser)
    add_policy(parser)
    parser.add_argument("--out", type=Path, metavar="OUT", help="results per payment, by ending")
    add_limit(parser)


def run(
    arguments: argparse.Namespace,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> int:
    """Decide the file and print its summary. Errors: PaywardenError, for the caller to tell."""
    clock = clock or SystemClock()
    key = (randomness or SystemRandomness()).octets(KEY_OCTETS)
    request = FileRequest(
        arguments.file,
        arguments.mapping,
        arguments.policy or policy_folder(),
        Secret(key),
        arguments.out,
        arguments.limit,
    )
    summary = decide_file(request, progress_lines(clock), clock)
    output.answer(arguments, summary.document(), words_of(summary))
    return output.DONE


def words_of(summary: FileSummary) -> str:
    """The summary for people."""
    rate = summary.payments / summary.seconds if summary.seconds else 0.0
    counts = ", ".join(f"{count} {word}" for word, count in summary.outcomes.items())
    lines = [
        f"{summary.payments} payments in {summary.seconds:.1f} s ({rate:,.0f} a second)",
        counts,
    ]
    found = summary.labelled
    if found is not None:
        lines.append(
            f"fraud: {found.caught} of {found.fraud} caught, {found.caught_value_minor} of "
            f"{found.fraud_value_minor} minor units of {found.currency}"
        )
        lines.append(f"genuine: {found.genuine_hurt} of {found.genuine} hurt")
    lines += [f"degraded: {count} {word}" for word, count in summary.degraded.items()]
    return "\n".join(lines)


def progress_lines(
    clock: Clock, rows: str = "payments", stage: str = ""
) -> Callable[[int, int], None]:
    """Progress with an estimate: one line that renews itself, or plain lines now and then."""
    named = f"{stage}: " if stage else ""
    started = clock.monotonic_ns()
    told = started
    live = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        nonlocal told
        now = clock.monotonic_ns()
        if done < total and (now - told) / 1e9 < (0.1 if live else LINE_SECONDS):
            return
        told = now
        left = (now - started) / 1e9 * (total - done) / max(done, 1)
        text = f"{named}{done} of {total} {rows}, about {left:.0f} s left"
        if live:
            sys.stderr.write(f"\r{text}\x1b[K" + ("\n" if done >= total else ""))
            sys.stderr.flush()
        else:
            output.tell(text)

    return progress
