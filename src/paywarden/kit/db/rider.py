"""A few writes that travel with the next unit of work, whoever queues it.

Guards: what rides is in the same transaction as the unit that carries it, ahead of that unit's own
writes; `durable` returns only when it is on disk. For small facts that must not be less durable
than the act that follows (an accepted signature): a unit of their own would wake the writer before
the act is ready and cost a commit. Where no unit follows, `durable` queues one. Belongs to one
event loop. A carrier that fails for a fault of its own (Conflict) takes nothing down: the writes go
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from paywarden.core.errors import Conflict
from paywarden.kit.db.unit import UnitOfWork

Carrier = asyncio.Future[None] | Future[None]
Enqueue = Callable[[UnitOfWork], "asyncio.Future[None]"]


class Rider:
    """Writes waiting for a unit that takes them along; `carrier` is that unit's future."""

    __slots__ = ("_enqueue", "carrier", "unit")

    def __init__(self, unit: UnitOfWork, enqueue: Enqueue) -> None:
        self.unit = unit
        self.carrier: Carrier | None = None
        self._enqueue = enqueue

    async def durable(self) -> None:
        """Return when the writes are on disk. Errors: Unavailable, LimitExceeded."""
        if self.carrier is None:
            self._enqueue(UnitOfWork())  # an empty unit takes along whatever waits
        assert self.carrier is not None
        try:
            await _outcome(self.carrier)
        except Conflict:
            alone = UnitOfWork()
            alone.writes += self.unit.writes
            await self._enqueue(alone)


async def _outcome(carrier: Carrier) -> None:
    """Wait for a future that is another's as well: cancelling this wait must not cancel it."""
    if carrier.done():
        carrier.result()
    elif isinstance(carrier, Future):
        await asyncio.shield(asyncio.wrap_future(carrier))
    else:
        await asyncio.shield(carrier)
