"""Arguments of `paywarden cde sightings`, and its answer in words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

STATES = ("open", "triaged", "removed", "false_positive", "closed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """list, triage, close."""
    parts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    listed = parts.add_parser("list", help="what was seen, and how far it is")
    listed.add_argument("--state", choices=STATES)
    triage = parts.add_parser("triage", help="say what was found out, or what was done")
    triage.add_argument(
        "--finding", choices=("removed", "false_positive"), help="without: somebody looks into it"
    )
    close = parts.add_parser("close", help="agree, as another person")
    for part in (listed, triage, close):
        part.add_argument("--json", action="store_true", help="one JSON document")
    for part in (triage, close):
        part.add_argument("sighting", metavar="SIGHTING", help="its name, `sgt_...`")
        part.add_argument("--by", required=True, metavar="PERSON", help="who says so")
        part.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for ever")


def words(sightings: Sequence[Mapping[str, Any]]) -> str:
    """A line for each sighting."""
    lines = [
        f"{one['fingerprint']}  {one['state']:<14}  {one['masked']}  {one['path']}"
        for one in sightings
    ]
    return "\n".join(lines) or "no sightings"
