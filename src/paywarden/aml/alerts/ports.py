"""What raising and reading alerts needs from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from paywarden.aml.alerts.model import Alert, Entity
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork


class Alerts(Protocol):
    """Where alerts are kept, per tenant and environment."""

    def raise_all(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """Keep those that are new by id, durably, and announce them; how many were new."""
        ...


class AlertJoining(Protocol):
    """Raising alerts in the commit of the act that set them off."""

    def join(self, unit: UnitOfWork, scope: Scope, alerts: Sequence[Alert]) -> None:
        """Keep `alerts` in the transaction of `unit`."""
        ...

    def count(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """How many alerts of a durable unit were kept."""
        ...


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An alert as it is kept. `number` ascends in order of keeping, within an installation."""

    number: int
    alert: Alert
    raised_at_us: int


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Alerts of one entity. `last`: number of its newest alert; `first_at_us`: event times."""

    id: str
    entity: Entity
    alerts: int
    interdicted: int
    highest: float
    first_at_us: int
    last_at_us: int
    last: int


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are wanted; None and False leave nothing out. Times are event times."""

    kind: str | None = None
    subject: str | None = None
    group: str | None = None
    entity_kind: str | None = None
    entity_id: str | None = None
    interdicted: bool = False
    since_us: int | None = None
    until_us: int | None = None


class AlertStore(Protocol):
    """Alerts of every scope. Stores that pass `tests/aml/alerts/test_alert_stores.py` are alike."""

    def add(self, unit: UnitOfWork, scope: Scope, alert: Alert, now_us: int) -> None:
        """Keep and announce as part of `unit`, unless it is known or its quiet days say no."""
        ...

    def find(self, scope: Scope, alert_id: str) -> KeptAlert | None:
        """A durable alert of this scope."""
        ...

    def kept(self, scope: Scope, ids: Sequence[str]) -> frozenset[str]:
        """Which of at most 500 ids are kept."""
        ...

    def figures(
        self, scope: Scope, entity_kind: str, entity_id: str, since_us: int
    ) -> tuple[int, float]:
        """(alerts about an entity since then, highest score of a typology among them or 0)."""
        ...

    def page(
        self, scope: Scope, wanted: AlertFilter, after: str, limit: int
    ) -> Sequence[KeptAlert]:
        """At most `limit` alerts, newest first, behind that with the id `after` ("": the first)."""
        ...

    def group(self, scope: Scope, group_id: str) -> AlertGroup | None:
        """A group of this scope."""
        ...

    def groups(self, scope: Scope, after: str, limit: int) -> Sequence[AlertGroup]:
        """At most `limit` groups by newest alert, behind the group `after` ("": the first)."""
        ...
