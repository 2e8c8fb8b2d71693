"""`paywarden cde scan PATH|DSN`: card numbers in files, folders and PostgreSQL databases.

Guards: reads only; prints masked numbers only; exit code 0 when nothing was found, 1 when something
was, the others as everywhere. Needs no home folder unless sightings are kept (`--record`).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paywarden.cde.discovery.block import prepare
from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.walking import scan_tree
from paywarden.cli import output
from paywarden.cli.cde_scan import add_arguments, words
from paywarden.core.clock import Clock, Randomness
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock, SystemRandomness

_SCHEMES = ("postgresql://", "postgres://")
_TOLD_EVERY_NS = 500_000_000

__all__ = ["add_arguments", "run", "scan"]


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Scan, keep sightings when asked, answer."""
    clock, randomness = SystemClock(), SystemRandomness()
    prepare()  # is no part of the seconds that are told: it happens once on a machine
    began = clock.monotonic_ns()
    findings = scan(arguments.target, clock, randomness)
    seconds = round((clock.monotonic_ns() - began) / 1e9, 3)
    document = answer_of(findings, seconds)
    if arguments.record:
        from paywarden.entrypoints.cde_sightings import record

        document["sightings"] = record(home, arguments.target, findings, clock, randomness)
    output.answer(arguments, document, words(document))
    return output.NOT_SO if findings.found else output.DONE


def scan(target: str, clock: Clock, randomness: Randomness) -> Findings:
    """What is found at a path or in a database. Errors: NotFound, InvalidRequest, Unavailable."""
    findings = Findings(randomness.octets(32))
    if target.startswith(_SCHEMES):
        from paywarden.cde.discovery.postgres import scan_database

        scan_database(target, findings)
    else:
        scan_tree(Path(target), findings, _Progress(clock))
    return findings


def answer_of(findings: Findings, seconds: float) -> dict[str, Any]:
    """The document of `--json`."""
    found = [asdict(one) for one in findings.found]
    for one in found:
        del one["mark"]
    return {
        "findings": found,
        "skipped": [asdict(one) for one in findings.skipped],
        "bytes": findings.octets,
        "seconds": seconds,
    }


class _Progress:
    """Names a file now and then on a terminal's standard error."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_ns = clock.monotonic_ns() + _TOLD_EVERY_NS

    def __call__(self, name: str) -> None:
        if sys.stderr.isatty() and self._clock.monotonic_ns() >= self._next_ns:
            from paywarden.cde.discovery.findings import shown

            self._next_ns = self._clock.monotonic_ns() + _TOLD_EVERY_NS
            output.tell(f"reading {shown(name)}")
