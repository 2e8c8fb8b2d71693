"""Security events that anybody can cause: failed authentication and refused permission.

Guards: an attacker cannot fill the disk with them. Events are counted per (code, operation, actor);
the first after a quiet minute is written at once, what follows is written as counts once a minute,
at most `KINDS_LIMIT` kinds of them and one row for all others: 65 small rows a minute at the worst
(some 25 MB a day). Counts not yet written are lost with the process, at most a minute of them.
Writing never delays or changes the refusal. Nothing that the caller sent is logged: the key's id
stands there only when the key was proven.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated, PaywardenError
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.log import logger

KINDS_LIMIT: Final = 64
QUIET_NS: Final = 60 * 1_000_000_000
OTHERS: Final = ("others", "", "", "")
_Kind = tuple[str, str, str, str]


class Refusals:
    """Counts refusals and writes them; `own` is the scope of those whose scope is not known."""

    def __init__(self, audit: AuditLog, writer: Writer, clock: Clock, own: Scope) -> None:
        self._audit = audit
        self._writer = writer
        self._clock = clock
        self._own = own
        self._counts: Counter[_Kind] = Counter()
        self._written_ns: int | None = None

    def note(self, error: PaywardenError, operation: str, principal: Principal | None) -> None:
        """Count one refusal; write what is due. Never raises for a store that cannot take it."""
        action = "identity:key:refuse" if isinstance(error, NotAuthenticated) else _PERMISSION
        actor = principal.actor if principal else "anonymous:unproven"
        scope = principal.scope.text if principal else self._own.text
        kind = (action, f"{error.code} {operation}", actor, scope)
        if kind not in self._counts and len(self._counts) >= KINDS_LIMIT:
            kind = OTHERS
        self._counts[kind] += 1
        self.flush()

    def flush(self, *, last: bool = False) -> None:
        """Write the counts when the minute is over (or with `last`, at the end)."""
        now_ns = self._clock.monotonic_ns()
        recent = self._written_ns is not None and now_ns - self._written_ns < QUIET_NS
        if not self._counts or (recent and not last):
            return
        self._written_ns = now_ns
        unit, counts = UnitOfWork(), self._counts
        self._counts = Counter()
        for kind, count in counts.items():
            self._audit.record(unit, self._event(kind, count))
        try:
            self._writer.submit(unit)
        except PaywardenError as fault:
            logger().warning("refusals_unlogged", code=fault.code, count=counts.total())

    def _event(self, kind: _Kind, count: int) -> AuditEvent:
        action, what, actor, scope = kind
        code, _, operation = what.partition(" ")
        if kind == OTHERS:
            action, actor, scope = _PERMISSION, "anonymous:various", self._own.text
        detail: dict[str, Scalar] = {"code": code, "operation": operation, "count": count}
        at_us = self._clock.now_us()
        refused = AuditOutcome.REFUSED
        return AuditEvent(Scope.parse(scope), action, actor, refused, at_us, detail)


_PERMISSION = "identity:permission:refuse"
