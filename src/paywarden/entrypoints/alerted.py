"""Alerts and customers' risk, joined: whoever was alerted is assessed anew, and how often.

Guards: customers are noted by name only in memory and only until they are assessed, at most LIMIT
of them; what is lost with the process is found at the customer's next review, since the figures are
read from the alerts that are kept. Entities of people are looked up by their keyed hash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from paywarden.aml.alerts.ports import AlertStore
from paywarden.core.scope import Scope

LIMIT: Final = 10_000
AT_ONCE: Final = 200
KINDS: Final = ("payer", "payee", "merchant")
ROUND_SECONDS: Final = 5.0
Touch = Callable[[Scope, str], Awaitable[bool]]
EntityIds = Callable[[Scope, str, str], str]


class Alerted:
    """`AlertFigures` over the store, and the customers that wait for a new assessment."""

    def __init__(self, store: AlertStore, entity_ids: EntityIds) -> None:
        self._store = store
        self._entity_ids = entity_ids
        self._waiting: dict[tuple[Scope, str], None] = {}

    def about(self, scope: Scope, customer: str, since_us: int) -> tuple[int, int]:
        """(alerts since then, highest score of a typology among them)."""
        entities = [(kind, self._entity_ids(scope, kind, customer)) for kind in KINDS]
        found = [self._store.figures(scope, *entity, since_us) for entity in entities]
        return sum(count for count, _ in found), int(max(score for _, score in found))

    def note(self, scope: Scope, customers: Iterable[str | None]) -> None:
        """Somebody was alerted; at most LIMIT wait."""
        for name in customers:
            if name is not None and len(self._waiting) < LIMIT:
                self._waiting[scope, name] = None

    async def look(self, touch: Touch) -> None:
        """Have some of those who wait assessed anew; one that fails is left to its review."""
        for scope, name in list(self._waiting)[:AT_ONCE]:
            del self._waiting[scope, name]
            await touch(scope, name)
