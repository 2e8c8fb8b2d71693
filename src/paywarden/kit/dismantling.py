"""Large things that nobody uses any more, taken apart in small steps.

Guards: the last reference to a large thing may go anywhere, on the event loop too, and freeing some
hundred thousand objects at once would hold every other task. So the contents of a watched thing are
also held in flat heaps; when the thing goes, they are freed a few at a time with turns for others.
Lists are freed from their end: where items refer to items before them, each step frees just what
it drops. After `close` the heaps go at once. Not done here: knowing what is heavy (the thing does).
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from paywarden.kit.turns import Turns

STEP = 50
Heap = list[Any] | dict[Any, Any]


def taken_apart(heaps: Iterable[Heap]) -> Iterator[None]:
    """Empty heaps, lists from their end; yields after each small step."""
    for heap in heaps:
        while heap:
            if isinstance(heap, list):
                del heap[-STEP:]
            else:
                for _ in range(min(STEP, len(heap))):
                    heap.popitem()
            yield


class Dismantler:
    """Takes what is given up apart on one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[list[Heap]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self, thing: object, heaps: list[Heap]) -> None:
        """Free these heaps in steps once the last reference to `thing` is gone.

        Call it on the loop; the heaps must not refer to the thing.
        """
        self._loop = asyncio.get_running_loop()
        finalizer = weakref.finalize(thing, self._given_up, heaps)
        finalizer.atexit = False

    async def close(self) -> None:
        """Stop; what waits, and what is given up later, is freed at once."""
        self._loop = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._waiting.clear()

    @property
    def waiting(self) -> int:
        """Things that are not yet taken apart."""
        return len(self._waiting)

    def _given_up(self, heaps: list[Heap]) -> None:
        # Any thread may have held the last reference: only the loop's own thread goes on.
        loop = self._loop
        if loop is not None and not loop.is_closed():
            self._waiting.append(heaps)
            loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._loop is not None and (self._task is None or self._task.done()):
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        turns = Turns()
        while self._waiting:
            for _ in taken_apart(self._waiting[0]):
                await turns.give()
            self._waiting.popleft()
