"""Showing: the live view on a terminal, plain lines elsewhere; both until cancelled.

Guards: drawing happens in a thread and with short turns of the interpreter lock, because what the
client measures must be the server and not our own painting. A reader that went away (closed pipe)
ends the run; it is no error.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.live import Live

from paywarden.cli.demo.lines import line, told
from paywarden.cli.demo.snapshot import Snapshot
from paywarden.cli.demo.view import view

Look = Callable[[], Snapshot]
DRAW_SECONDS = 0.4
LINE_SECONDS = 1.0
_TURN_SECONDS = 0.0005


async def show_live(look: Look, console: Console, hint: str) -> None:
    """Draw again and again on the alternate screen; the screen is put back at the end."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                picture = view(look(), console, hint)
                await asyncio.to_thread(live.update, picture, refresh=True)
                await asyncio.sleep(DRAW_SECONDS)
    finally:
        sys.setswitchinterval(before)


async def show_lines(look: Look, stream: TextIO) -> None:
    """A line each second, and the newest stopped payment where there is a new one."""
    last = ""
    while True:
        await asyncio.sleep(LINE_SECONDS)
        snapshot = look()
        say(stream, line(snapshot))
        if snapshot.notable and snapshot.notable[0].payment_id != last:
            last = snapshot.notable[0].payment_id
            say(stream, f"       {told(snapshot.notable[0])}")


def say(stream: TextIO, text: str) -> None:
    """One line, at once. Errors: BrokenPipeError when nobody reads any more."""
    stream.write(text + "\n")
    stream.flush()


def let_go(stream: TextIO) -> None:
    """Point a stream whose reader went away at nothing, so that the exit is quiet."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
