"""What webhooks need from outside: stores, and leave to send events to another address.

Endpoints lie with the state owner, deliveries with the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.webhooks.model import Attempt, Delivery, DeliveryState, Endpoint


class Endpoints(Protocol):
    """Endpoints of every scope; written by the state owner, read by both."""

    def add(self, unit: UnitOfWork, endpoint: Endpoint) -> None:
        """Store a new endpoint with the unit."""
        ...

    def change(self, unit: UnitOfWork, endpoint: Endpoint) -> None:
        """Replace what is stored of an endpoint."""
        ...

    def remove(self, unit: UnitOfWork, scope: Scope, endpoint: str) -> None:
        """Forget an endpoint and its secrets."""
        ...

    def find(self, scope: Scope, endpoint: str) -> Endpoint | None:
        """One endpoint of a scope."""
        ...

    def of_scope(self, scope: Scope, after: str, limit: int) -> Sequence[Endpoint]:
        """Endpoints of a scope with an id above `after`, ascending."""
        ...

    def count(self, scope: Scope) -> int:
        """How many endpoints a scope has."""
        ...


class Deliveries(Protocol):
    """The worker's records. Writing methods block until durable."""

    def cursor(self) -> int:
        """Id of the last message that was taken over."""
        ...

    def take_over(self, cursor: int, made: Sequence[Delivery]) -> None:
        """Store deliveries and the cursor behind the messages that they were made of, as one."""
        ...

    def due(self, now_us: int, limit: int, busy: frozenset[int]) -> Sequence[Delivery]:
        """Pending deliveries that are due and not `busy`, the longest due first."""
        ...

    def record(
        self, delivery: Delivery, attempt: Attempt, state: DeliveryState, due_at_us: int | None
    ) -> None:
        """Store an attempt and where the delivery stands after it."""
        ...

    def disable(self, endpoint: str, reason: str, now_us: int) -> None:
        """Stop an endpoint and discard what waits for it."""
        ...

    def enable(self, endpoint: str) -> None:
        """Take deliveries for the endpoint again."""
        ...

    def disabled(self) -> Mapping[str, str]:
        """Reason by id of each endpoint that the worker stopped."""
        ...

    def find(self, scope: Scope, endpoint: str, delivery: int) -> Delivery | None:
        """One delivery."""
        ...

    def page(
        self, scope: Scope, endpoint: str, before: int, state: DeliveryState | None, limit: int
    ) -> Sequence[Delivery]:
        """Deliveries of an endpoint with an id below `before`, newest first."""
        ...

    def attempts(self, delivery: int) -> Sequence[Attempt]:
        """Attempts of a delivery in order."""
        ...

    def prune(self, before_us: int) -> None:
        """Drop deliveries that ended and were made before an instant, with their attempts."""
        ...


class Leave(Protocol):
    """Leave to do one act once: scope, action and payload as others agreed to them."""

    @property
    def scope(self) -> Scope:
        """Where."""
        ...

    @property
    def actor(self) -> str:
        """Who asked: the id of a person or a key."""
        ...

    @property
    def audit_actor(self) -> str:
        """Who asked, as `kind:identifier`."""
        ...

    def require(self, scope: Scope, action: str, payload: bytes) -> None:
        """Pass when this act was agreed to. Errors: NotPermitted."""
        ...

    def settle(self, unit: UnitOfWork) -> None:
        """Add the end of the request to the unit of the effect, once. Errors: Conflict."""
        ...
