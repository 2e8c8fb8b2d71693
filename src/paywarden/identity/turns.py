"""One attempt at a time per account, so that parallel guesses are counted like serial ones.

Guards: between reading the count of failures and writing it no other attempt on the same account
runs. At most `WAITING_LIMIT` wait for one account; more are told to come back. Holds for one
process, which is the only writer of its home.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from paywarden.core.errors import LimitExceeded

WAITING_LIMIT: Final = 16


class Turns:
    """Locks by name that vanish when nobody waits."""

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, name: bytes) -> AsyncIterator[None]:
        """Wait for one's turn. Errors: LimitExceeded `sign_in_busy`."""
        lock, waiting = self._held.get(name, (asyncio.Lock(), 0))
        if waiting >= WAITING_LIMIT:
            raise LimitExceeded("sign_in_busy", "too many attempts at once; come back soon")
        self._held[name] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._held[name]
            if waiting == 1:
                del self._held[name]
            else:
                self._held[name] = (lock, waiting - 1)
