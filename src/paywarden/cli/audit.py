"""`paywarden audit`: export, pin keys, verify, prove. Wired by `entrypoints.audit`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `audit` and its sub-commands."""
    json = {"action": "store_true", "help": "one JSON document on standard output"}
    parts = parser.add_subparsers(dest="task", required=True, metavar="TASK")

    def task(name: str, text: str) -> argparse.ArgumentParser:
        made = parts.add_parser(name, help=text, description=text)
        made.add_argument("--json", **json)  # type: ignore[arg-type]
        return made

    export = task("export", "write records, tiles, checkpoints and verify.py into a new folder")
    export.add_argument("folder", type=Path, metavar="DIR")
    export.add_argument("--decisions", action="store_true", help="with what decisions stated")
    task("trust", "the public keys to pin; keep them apart from exports")
    verify = task("verify", "check an export: exit 0 holds, 1 does not, 2 origin unproven")
    verify.add_argument("folder", type=Path, metavar="DIR")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="pinned keys")
    verify.add_argument("--known", type=Path, action="append", default=[], metavar="NOTE")
    proof = task("proof", "prove that the event INDEX stands in the log")
    proof.add_argument("index", type=int, metavar="INDEX")
    consistency = task("consistency", "prove that the log of size B extends that of size A")
    consistency.add_argument("first", type=int, metavar="A")
    consistency.add_argument("second", type=int, metavar="B")
    restored = task("acknowledge-restore", "go on signing after a backup was put back")
    restored.add_argument("--reason", required=True, help="stands in the log for ever")
