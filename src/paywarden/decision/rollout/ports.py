"""What roll-outs need from outside: where they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paywarden.core.scope import Scope
from paywarden.decision.rollout.model import Rollout
from paywarden.kit.db.unit import UnitOfWork


class Rollouts(Protocol):
    """Roll-outs by tenant and environment; writes join the unit of work of the act."""

    def put(self, unit: UnitOfWork, scope: Scope, rollout: Rollout) -> None:
        """Store a roll-out, new or moved."""
        ...

    def find(self, scope: Scope, rollout_id: str) -> Rollout | None:
        """A roll-out of this scope."""
        ...

    def page(self, scope: Scope, *, after: str, limit: int) -> Sequence[Rollout]:
        """Roll-outs, newest first, behind the one named `after` ("" for the first page)."""
        ...

    def active(self) -> Sequence[tuple[Scope, Rollout]]:
        """Every roll-out that still moves; at most one per scope."""
        ...
