"""Alerts as customer risk reads them: how often somebody was alerted, and who was just now.

Guards: alerts name people by keyed hashes, so a customer is asked for by the hash of each part they
can take in a payment; alerts of customer risk itself count for nothing here, or a level would feed
itself. At most ASKED alerts of one part are counted; who was alerted in between is found at the
next look, and everybody is looked at by the calendar anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from paywarden.aml.alerts.model import Entity
from paywarden.aml.alerts.ports import AlertFilter, AlertStore
from paywarden.core.scope import Scope

ASKED: Final = 100
OWN: Final = "customer_risk"
PARTS: Final = ("payer", "customer", "payee", "merchant")
EntityName = Callable[[Scope, str, str], str]
"""(scope, kind, name as payments give it) -> id as alerts hold it."""


class Alerted:
    """`AlertFigures` over a store of alerts."""

    def __init__(self, store: AlertStore, entity_name: EntityName) -> None:
        self._store = store
        self._entity_name = entity_name
        self._seen: dict[Scope, int] = {}

    def about(self, scope: Scope, customer: str, since_us: int) -> tuple[int, int]:
        """(alerts since then, highest score of a typology among them)."""
        names = [(part, self._entity_name(scope, part, customer)) for part in PARTS]
        found = [self._store.figures(scope, *name, since_us) for name in names]
        return sum(count for count, _ in found), int(max(score for _, score in found))

    def fresh(self, scope: Scope) -> Iterator[Entity]:
        """Whom alerts were raised about since the last call; nobody at the first one."""
        newest = self._store.page(scope, AlertFilter(), "", ASKED)
        last = self._seen.get(scope)
        self._seen[scope] = max((one.number for one in newest), default=last or 0)
        if last is None:
            return
        found = {one.alert.entity: None for one in newest
                 if one.number > last and one.alert.kind != OWN}  # fmt: skip
        yield from found
