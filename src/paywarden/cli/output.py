"""What commands print and how they end: one JSON document with --json, words otherwise.

Guards: standard output carries the answer and nothing else; progress, warnings and errors go to
standard error. Exit codes: 0 done, 1 the thing asked about is not so, 2 bad usage, 3 bad input,
4 unavailable.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest, NotFound, PaywardenError

DONE = 0
NOT_SO = 1
BAD_USAGE = 2
BAD_INPUT = 3
UNAVAILABLE = 4


def answer(arguments: argparse.Namespace, document: Mapping[str, Any], words: str) -> None:
    """Print the document (--json) or the words."""
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    else:
        sys.stdout.write(words.rstrip("\n") + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """A message for the person at the terminal, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def guarded(arguments: argparse.Namespace, command: Callable[[], int]) -> int:
    """Run a command; deliberate errors become one clear line and an exit code."""
    try:
        return command()
    except PaywardenError as error:
        return complain(arguments, error)
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt:
        tell("interrupted")
        return 130


def complain(arguments: argparse.Namespace, error: PaywardenError) -> int:
    """Say what is wrong, where, and (with --json) as a document; the exit code."""
    place = f"{error.pointer}: " if error.pointer else ""
    tell(f"paywarden: {place}{error.detail} [{error.code}]")
    if arguments.json:
        problem = {"error": {"code": error.code, "detail": error.detail, "pointer": error.pointer}}
        sys.stdout.write(msgspec.json.encode(problem).decode() + "\n")
    return code_of(error)


def code_of(error: PaywardenError) -> int:
    """Exit code of an error: whose fault it is."""
    if isinstance(error, InvalidRequest | NotFound):
        return BAD_INPUT
    if isinstance(error, Corrupt):
        return NOT_SO
    return UNAVAILABLE
