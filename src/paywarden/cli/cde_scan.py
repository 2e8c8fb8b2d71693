"""Arguments of `paywarden cde scan`, and its answer in words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

_SHOWN = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is scanned, and whether sightings are kept."""
    parser.add_argument("target", metavar="PATH|DSN", help="file, folder, or postgresql://...")
    parser.add_argument(
        "--record", action="store_true", help="keep each finding as a sighting to be closed"
    )


def words(document: Mapping[str, Any]) -> str:
    """The answer for people: a line for each finding, and a last one that sums up."""
    findings = document["findings"]
    lines = [
        f"{one['path']}:{one['offset']}  {one['kind']}  {one['masked']}  ({one['form']})"
        for one in findings[:_SHOWN]
    ]
    if len(findings) > _SHOWN:
        lines.append(f"... and {len(findings) - _SHOWN} more; --json shows all")
    lines += [f"skipped {one['path']}: {one['reason']}" for one in document["skipped"][:_SHOWN]]
    lines.append(
        f"{len(findings)} findings in {document['bytes']:,} octets, {document['seconds']} s"
    )
    return "\n".join(lines)
