"""Telling those who wait that their units are settled.

Guards: all tasks of one event loop that wait for one batch are woken by one call across threads
(each such call writes to the loop's wake-up pipe). A cancelled task or a closed loop is passed
over: its unit is settled all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from paywarden.kit.db.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Ticket:
    """One queued unit and the future that waits for it; `loop` is None for a thread's future."""

    unit: UnitOfWork
    loop: asyncio.AbstractEventLoop | None
    future: Future[None] | asyncio.Future[None]


Settled = tuple[Ticket, Exception | None]


def settle(settled: Sequence[Settled]) -> None:
    """Resolve the futures of one batch: done where the error is None, else with a copy of it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Settled]] = {}
    for item in settled:
        loop = item[0].loop
        if loop is None:
            _resolve([item])
        else:
            by_loop.setdefault(loop, []).append(item)
    for loop, items in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, items)
        except RuntimeError:
            continue  # the loop is closed: nobody waits any more


def _resolve(items: Sequence[Settled]) -> None:
    for ticket, error in items:
        if ticket.future.done():
            continue
        if error is None:
            ticket.future.set_result(None)
        else:
            ticket.future.set_exception(_copy(error))


def _copy(error: Exception) -> Exception:
    """Each waiter gets its own exception, else tracebacks of many tasks grow on one object."""
    fresh = type(error).__new__(type(error), *error.args)
    fresh.args = error.args
    fresh.__dict__.update(error.__dict__)
    fresh.__cause__ = error.__cause__
    return fresh
