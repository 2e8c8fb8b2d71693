"""What a server tidies now and then: answers kept for repeats, once they have run out.

Guards: each unit is small, so that payments wait for none of them; a round is bounded, and what is
left over waits for the next. Nothing here changes what anybody is told: an expired answer counts no
more, swept or not.
"""

from __future__ import annotations

from typing import Final

from paywarden.identity.ports import Committer
from paywarden.kit.idempotency import Idempotency

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
