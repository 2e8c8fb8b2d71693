"""What every command that reads a mapped file of payments asks for, said once."""

from __future__ import annotations

import argparse
from pathlib import Path

KEY_OCTETS = 32
"""Length of the key under which a command makes its own keyed hashes."""


def add_file(parser: argparse.ArgumentParser) -> None:
    """The file and its mapping."""
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, CSV.gz, Parquet, JSON lines")
    parser.add_argument("--map", type=Path, required=True, metavar="MAP.toml", dest="mapping")


def add_policy(parser: argparse.ArgumentParser, default: str = "the rule library") -> None:
    """The folder of a policy."""
    parser.add_argument("--policy", type=Path, metavar="DIR", help=f"default: {default}")


def add_limit(parser: argparse.ArgumentParser) -> None:
    """How much of the file is read."""
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N payments")


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if number < 1:
        raise argparse.ArgumentTypeError("is a whole number from 1")
    return number
