"""What approvals need from outside: their store, a check of one-time codes, and those who act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from paywarden.core.identifiers import ApprovalId, PersonId
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity.approvals.model import Asked, Request, Step
from paywarden.kit.db.unit import UnitOfWork

T = TypeVar("T")


class Store(Protocol):
    """Requests and their steps; both are only ever added. Every method takes a Scope."""

    def add(self, unit: UnitOfWork, asked: Asked, payload: bytes) -> None:
        """Add a request; the payload is kept sealed until the request ends."""
        ...

    def add_step(self, unit: UnitOfWork, scope: Scope, approval_id: ApprovalId, step: Step) -> None:
        """Add a step. A Conflict shows at the commit: the number is taken, or the request ended."""
        ...

    def find(self, scope: Scope, approval_id: ApprovalId) -> Request | None:
        """A request with its steps."""
        ...

    def payload(self, scope: Scope, approval_id: ApprovalId) -> bytes | None:
        """The payload, while the request is open."""
        ...

    def page(self, scope: Scope, after: str, limit: int, *, only_open: bool) -> Sequence[Request]:
        """Requests older than `after` ('' for all), newest first."""
        ...


class CodeCheck(Protocol):
    """One-time codes of people."""

    async def spending(
        self,
        scope: Scope,
        person: PersonId,
        code: Secret[str],
        act: Callable[[UnitOfWork], Awaitable[T]],
    ) -> T | None:
        """What `act` says, committing the unit that spends the code; None for a wrong code."""
        ...
