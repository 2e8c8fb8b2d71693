"""Connections of one destination, kept for reuse: each serves one request at a time.

Guards: a bounded number at once (who waits is bounded by the request's own time limit); a kept
connection that the other side closed, or that is too old, is not used again; one whose request did
not end in order is closed, never kept. Looking for a free one costs the same however many are in
use, which a general pool's sweep over all connections does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpcore


class KeptConnections:
    """Idle connections, last used first."""

    def __init__(self, make: Callable[[], httpcore.AsyncHTTPConnection], limit: int) -> None:
        self._make = make
        self._places = asyncio.Semaphore(limit)
        self._idle: list[httpcore.AsyncHTTPConnection] = []
        self._closed = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection for one request; kept when the request ended in order."""
        async with self._places:
            held = await self._fresh()
            try:
                yield held
            except BaseException:
                await held.aclose()
                raise
            if held.is_idle() and not self._closed:
                self._idle.append(held)
            else:
                await held.aclose()

    async def aclose(self) -> None:
        """Close those that are idle; the others are closed when their request ends."""
        self._closed = True
        idle, self._idle = self._idle, []
        for held in idle:
            await held.aclose()

    async def _fresh(self) -> httpcore.AsyncHTTPConnection:
        while self._idle:
            held = self._idle.pop()
            if not held.has_expired() and held.is_idle():
                return held
            await held.aclose()
        return self._make()
