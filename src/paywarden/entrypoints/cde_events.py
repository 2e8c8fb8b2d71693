"""`paywarden cde events`: check the hash chain of the event log of egress."""

from __future__ import annotations

import argparse

from paywarden.cde.events import verify
from paywarden.cde.places import places_of
from paywarden.cli import output
from paywarden.core.errors import NotFound
from paywarden.entrypoints.home import Home


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Tell the head of the log. Errors: Corrupt `events_corrupt` naming the line."""
    path = places_of(home.root).egress / "events.jsonl"
    if not path.exists():
        raise NotFound("events_missing", "egress has written no events here yet")
    head = verify(path)
    told = {"events": head.seq, "head": head.hash}
    output.answer(arguments, told, f"{head.seq} events, unbroken; the last is {head.hash}")
    return output.DONE
