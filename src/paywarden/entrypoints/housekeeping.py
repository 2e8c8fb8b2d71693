"""What a server does again and again: rounds of work, and the sweeping of what has run out.

Guards: a round that fails is told and tried again, and stops no other; while the state is rebuilt
all stand still. Each unit is small, so that payments wait for none of them; a round is bounded, and
what is left over waits for the next. Sweeping changes nothing that anybody is told: an expired
answer counts no more, swept or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError
from paywarden.identity.ports import Committer
from paywarden.kit.idempotency import Idempotency
from paywarden.kit.log import logger
from paywarden.kit.outbox import Outbox

SWEPT_AT_ONCE: Final = 1_000
SWEEPS_LIMIT: Final = 100
"""Units of one round: each minute 100,000 answers can go, more than a server gives."""


async def forget_answers(idempotency: Idempotency, committer: Committer) -> int:
    """Remove expired answers; the number of units that it took. Errors: those of a commit."""
    for number in range(SWEEPS_LIMIT):
        unit = idempotency.sweep(SWEPT_AT_ONCE)
        if unit is None:
            return number
        await committer.commit(unit)
    return SWEEPS_LIMIT


async def forget_messages(outbox: Outbox, committer: Committer, clock: Clock) -> None:
    """Drop some outdated messages. Errors: those of a commit."""
    unit = outbox.prune(clock.now_us())
    if unit is not None:
        await committer.commit(unit)


@dataclass(frozen=True, slots=True)
class Round:
    """Work that is done anew every so many seconds."""

    name: str
    every_seconds: float
    work: Callable[[], Awaitable[object]]


async def go_round(one: Round, may_work: Callable[[], bool]) -> None:
    """Do the work of a round as long as the process lives."""
    while True:
        if may_work():
            try:
                await one.work()
            except Exception as fault:  # one that ended unseen would watch no more
                code = fault.code if isinstance(fault, PaywardenError) else type(fault).__name__
                logger().error("round_failed", stage=one.name, code=code)
        await asyncio.sleep(one.every_seconds)
