"""Terminal: whether there is one to draw on, and keys read from it one by one.

Guards: the terminal's settings are put back whatever happens; where standard input is no terminal,
nothing is read from it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def drawable() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return _is_terminal(1) and os.environ.get("TERM", "") not in ("", "dumb")


def has_keys() -> bool:
    """Whether a key can be pressed."""
    return _is_terminal(0)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


@contextmanager
def keys(pressed: Callable[[], None]) -> Iterator[None]:
    """Call `pressed` for any key while inside; does nothing without a terminal."""
    if not has_keys():
        yield
        return
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        os.read(descriptor, 64)
        pressed()

    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        loop.add_reader(descriptor, read)
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
