"""What verdicts need: a place to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from paywarden.aml.screening.verdicts.model import Verdict
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork


class VerdictStore(Protocol):
    """Verdicts by scope; writes join a unit of work."""

    def add(self, unit: UnitOfWork, verdict: Verdict) -> None:
        """Write a verdict."""
        ...

    def end(self, unit: UnitOfWork, verdict: Verdict) -> None:
        """Write who ended it and when."""
        ...

    def find(self, scope: Scope, verdict_id: str) -> Verdict | None:
        """One verdict."""
        ...

    def page(self, scope: Scope, *, after: str, limit: int) -> Sequence[Verdict]:
        """At most `limit` verdicts with id > after, in order of id."""
        ...

    def living(self, now_us: int) -> Iterable[Verdict]:
        """Those of every scope that neither expired nor were ended, the oldest first."""
        ...
