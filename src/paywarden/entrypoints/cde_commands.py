"""Commands `paywarden cde ...`: one module each, loaded when it is named.

Guards: a process of the card data environment loads its own rooms and nothing of the others.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from paywarden.entrypoints.home import Home

COMMANDS: Final = {
    "ceremony": ("cde_ceremony", "hold key ceremonies"),
    "inventory": ("cde_inventory", "keys, and the cryptography in use"),
    "init": ("cde_init", "make folders and keys for development"),
    "serve": ("cde_serve", "key agent, vault, edge and egress as children"),
    "key-agent": ("key_agent", "the process that holds the keys"),
    "vault": ("cde_vault", "the process that keeps cards and tokens"),
    "edge": ("cde_edge", "the process that takes cards in, over HTTP"),
    "egress": ("cde_egress", "the process that sends cards to approved destinations"),
    "events": ("cde_events", "check the event log of egress"),
    "cards": ("cde_cards", "ask a running vault: status, audit, rotate, purge"),
    "page-check": ("cde_page_check", "tell what changed on a payment page"),
    "scan": ("cde_scan", "find card numbers in files, folders and databases"),
    "sightings": ("cde_sightings", "follow found card numbers to their closure"),
    "approvers": ("cde_approvers", "write who may approve acts on cards, to be carried over"),
    "callers": ("cde_callers", "hand edge and egress their roster of API keys"),
    "keys": ("cde_keys", "list, rotate and end keys of a running key agent"),
}
"""Name -> (module of `paywarden.entrypoints` with add_arguments and run, help)."""


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Sub-commands; only the modules of those in `words` are loaded."""
    parts = parser.add_subparsers(dest="cde_command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        sub = parts.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
        if name in words:
            _loaded(module).add_arguments(sub)


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Run the one that was named."""
    module, _ = COMMANDS[arguments.cde_command]
    code: int = _loaded(module).run(arguments, home)
    return code


def _loaded(module: str) -> ModuleType:
    return importlib.import_module(f"paywarden.entrypoints.{module}")
