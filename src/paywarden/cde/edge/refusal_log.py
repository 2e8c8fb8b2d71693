"""Refusals of the edge in its log: who was turned away, without anything that was sent.

Guards: every refusal that tells of an attack is logged: no or no live key, no right, another
merchant, another site, limits against card testing, a number in an address. The first of a kind
(code, operation, key) in a minute is a line at once, its repeats one line with their count when the
minute is over; kinds are bounded, beyond them only a total is kept. Counts of the minute under way
are lost with the process. Standard: PCI DSS 4.0.1, 10.2.1.4. Not done here: keeping the log.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated, NotPermitted, PaywardenError
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.log import logger

WATCHED: Final = frozenset(
    {"card_number_in_address", "cards_too_many", "field_session_unknown", "tries_too_many"}
)
KINDS_LIMIT: Final = 256
QUIET_NS: Final = 60 * 1_000_000_000
Kind = tuple[str, str, str]
OTHERS: Final[Kind] = ("others", "", "")


class RefusalLog:
    """`on_refused` of the edge's operations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ns = clock.monotonic_ns()
        self._repeats: Counter[Kind] = Counter()
        self._seen: set[Kind] = set()

    def note(self, error: PaywardenError, operation: str, principal: Principal | None) -> None:
        """Take one refusal down."""
        if not isinstance(error, NotAuthenticated | NotPermitted) and error.code not in WATCHED:
            return
        self.flush()
        kind = (error.code, operation, principal.key_id if principal else "")
        if kind in self._seen:
            self._repeats[kind] += 1
        elif len(self._seen) >= KINDS_LIMIT:
            self._repeats[OTHERS] += 1
        else:
            self._seen.add(kind)
            _tell(kind, 1)

    def flush(self, *, last: bool = False) -> None:
        """Tell the counts when the minute is over, or with `last` now."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._began_ns < QUIET_NS and not last:
            return
        repeats, self._repeats = self._repeats, Counter()
        self._began_ns = now_ns
        self._seen.clear()
        for kind, count in repeats.items():
            _tell(kind, count)


def _tell(kind: Kind, count: int) -> None:
    code, operation, key_id = kind
    logger().warning("request_refused", code=code, route=operation, key_id=key_id, count=count)
