"""`paywarden cde`: the card data environment's commands, one file for each.

A command is a module `paywarden.cli.cde_<name>` with `HELP` and `add_arguments(parser)`, and a
module `paywarden.entrypoints.cde_<name>` with `run(arguments, home) -> int`. `_` in a module's name
is `-` on the command line; to add one, write the two files and its name into `COMMANDS`.
"""

from __future__ import annotations

import argparse
import importlib

COMMANDS = ("scan", "sightings")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every command of `paywarden cde` with its arguments."""
    parts = parser.add_subparsers(dest="cde_command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module("paywarden.cli.cde_" + name.replace("-", "_"))
        sub = parts.add_parser(name, help=module.HELP, description=module.HELP)
        sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
        module.add_arguments(sub)
