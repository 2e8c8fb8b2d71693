"""Commands that the home's server carries out when it runs, and this process when it does not.

Guards: a home has one writer, so the server is asked first (`local_door`); only where none listens
is the home opened here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

import msgspec

from paywarden.cli import output
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.local_door import Told, ask

Asked = TypeVar("Asked", bound=msgspec.Struct)


def carry_out(
    arguments: argparse.Namespace,
    home: Home,
    command: str,
    asked: Asked,
    alone: Callable[[Asked, Home], Told],
) -> int:
    """Have `asked` done and show what is told; the exit code. Errors: those of the command."""
    told = ask(home.local_door, command, asked)
    if told is None:
        told = alone(asked, home)
    output.answer(arguments, told.document, told.words)
    return output.DONE
