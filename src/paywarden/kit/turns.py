"""Turns: long work on the event loop in small pieces, with others served in between.

Guards: work that cannot leave the loop (it makes objects that the loop will use) never holds it for
much longer than `WORK_SECONDS`. Then others get a pause, and another one as long as the loop comes
late out of it, for it is busy then; at most `MOST_PAUSES`, so that the work comes to an end under
any load. Not done here: cutting the work into pieces; that is the worker's.

    turns = Turns()
    for piece in pieces:
        work(piece)
        await turns.give()
"""

from __future__ import annotations

import asyncio

WORK_SECONDS = 0.001
PAUSE_SECONDS = 0.001
LATE_SECONDS = 0.0025
"""A pause that took this long: timers are good to a millisecond, the rest was others' work."""
MOST_PAUSES = 4


class Turns:
    """Paces one piece of long work; `give` between its pieces."""

    def __init__(self) -> None:
        self._since = asyncio.get_running_loop().time()

    async def give(self) -> None:
        """Let others run if this work has had its time since they last did."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._since < WORK_SECONDS:
            return
        for _ in range(MOST_PAUSES):
            await asyncio.sleep(PAUSE_SECONDS)
            paused, now = loop.time() - now, loop.time()
            if paused < LATE_SECONDS:
                break
        self._since = now
