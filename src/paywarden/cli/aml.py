"""`paywarden aml`: alerts, customers' risk, exposure, typologies and their runs over tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from paywarden.cli import aml_alerts, aml_customers, aml_models, aml_tables

_PARTS: Final[Sequence[Any]] = (aml_alerts, aml_customers, aml_models, aml_tables)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Parts of `aml`."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    for one in _PARTS:
        one.add_parts(parts)


def run(arguments: argparse.Namespace) -> int:
    """Run the part that was asked for. Errors: PaywardenError, for the caller to tell."""
    chosen = next(one for one in _PARTS if arguments.part in one.PARTS)
    found: int = chosen.run(arguments)
    return found
