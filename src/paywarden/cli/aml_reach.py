"""How commands of `aml` reach the server, and read small files."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import httpx

from paywarden.cli import person, server
from paywarden.core.errors import InvalidRequest, Unavailable

FILE_LIMIT: Final = 1 << 20


def reach(part: argparse.ArgumentParser) -> None:
    """Which server, and as whom."""
    server.add_arguments(part)
    part.add_argument("--login", help="act as this person, not with a key")
    part.add_argument("--environment", choices=("test", "live"), default="live")
    part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def connected(arguments: argparse.Namespace) -> AbstractContextManager[httpx.Client]:
    """A client of the server, signed in as a person or with a key."""
    return person.signed_in(arguments) if arguments.login else server.connected(arguments)


def text_of(file: Path) -> str:
    """The text of a file of at most 1 MiB. Errors: InvalidRequest, Unavailable."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_LIMIT).decode("utf-8")
    except OSError as fault:
        raise Unavailable("file_unreadable", str(fault.strerror), pointer=str(file)) from None
    except UnicodeDecodeError:
        raise InvalidRequest("not_utf8", "save the file as UTF-8", pointer=str(file)) from None
