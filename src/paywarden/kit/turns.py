"""Turns: long work on the event loop in small pieces, with others served in between.

Guards: work that cannot leave the loop (it makes objects that the loop will use) never holds it for
much longer than `WORK_SECONDS`, and others then get a pause of the same order, so that it takes at
most half of the thread. Not done here: cutting the work into pieces; that is the worker's.

    turns = Turns()
    for piece in pieces:
        work(piece)
        await turns.give()
"""

from __future__ import annotations

import asyncio

WORK_SECONDS = 0.001
PAUSE_SECONDS = 0.001


class Turns:
    """Paces one piece of long work; `give` between its pieces."""

    def __init__(self) -> None:
        self._since = asyncio.get_running_loop().time()

    async def give(self) -> None:
        """Let others run if this work has had its time since they last did."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._since >= WORK_SECONDS:
            await asyncio.sleep(PAUSE_SECONDS)
            self._since = loop.time()
