"""`paywarden aml`: customers, models of their risk, merchants' exposure."""

from __future__ import annotations

import argparse

from paywarden.cli import aml_customers, aml_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Parts of `aml`."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    aml_customers.add_parts(parts)
    aml_models.add_parts(parts)


def run(arguments: argparse.Namespace) -> int:
    """Run the part that was asked for."""
    if arguments.part in aml_models.PARTS:
        return aml_models.run(arguments)
    return aml_customers.run(arguments)
