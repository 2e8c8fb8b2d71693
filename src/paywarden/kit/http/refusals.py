"""Refused requests as events of the audit log, in a number that nobody can blow up.

Guards: every refusal that tells of an attack, a mistake in rights or a broken rule of security is
an event: who was not authenticated (401) or not permitted (403), whoever named a thing that is not
there for them (404: a probe of another tenant looks like that, and must), and all codes in
`watched`. The first of a kind (action, code, operation, actor, scope) within a minute is written at
once; its repeats are counted and written as one row when the minute is over. One actor has at most
`ACTOR_LIMIT` kinds a minute, all actors `KINDS_LIMIT`; beyond that only totals are kept. So there
are at most 2 * `KINDS_LIMIT` + 1 = 129 rows a minute, some 50 MB a day, whatever is sent. Counts
not yet written are lost with the process, at most a minute of them. Writing is queued, never
awaited: the refusal leaves as fast as before, also when nothing can be written. Nothing that the
caller sent is logged; the key's id stands there only when the key was proven. What wrote an event
of its own with the refusal (`PaywardenError.noted`) is not written twice.
Source: PCI DSS 4.0.1, 10.2.1.4 (invalid logical access attempts) and 10.2.2.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Final, NamedTuple, Protocol

from paywarden.core.clock import Clock
from paywarden.core.errors import NotAuthenticated, NotFound, NotPermitted, PaywardenError
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.codes import CODES as SIGNATURE_CODES
from paywarden.kit.log import logger

KINDS_LIMIT: Final = 64
ACTOR_LIMIT: Final = 16
QUIET_NS: Final = 60 * 1_000_000_000
KEY, PERMISSION = "identity:key:refuse", "identity:permission:refuse"
SIGNATURE, OBJECT = "http:signature:verify", "access:object:miss"
REQUEST: Final = "http:request:refuse"
UNPROVEN: Final = "anonymous:unproven"


class Submitting(Protocol):
    """Takes units of work without waiting; `Writer` is one."""

    def submit(self, unit: UnitOfWork) -> Future[None]:
        """Queue the unit. Errors: LimitExceeded, Unavailable, at once or through the future."""
        ...


class Kind(NamedTuple):
    """Refusals that are counted together; `scope` is text."""

    action: str
    code: str
    operation: str
    actor: str
    scope: str


class Refusals:
    """Counts refusals and writes them; `own` is the scope of those whose scope is not known."""

    def __init__(
        self,
        audit: AuditLog,
        writer: Submitting,
        clock: Clock,
        own: Scope,
        watched: frozenset[str] = frozenset(),
    ) -> None:
        self._audit = audit
        self._writer = writer
        self._clock = clock
        self._own = own
        self._watched = watched
        self._others = Kind(REQUEST, "others", "", "anonymous:various", own.text)
        self._seen: set[Kind] = set()
        self._of_actor: Counter[tuple[str, str]] = Counter()
        self._repeats: Counter[Kind] = Counter()
        self._began_ns: int | None = None

    def note(self, error: PaywardenError, operation: str, principal: Principal | None) -> None:
        """Take one refusal down; never raises for a store that cannot take it."""
        action = None if error.noted else self._action(error, principal)
        if action is not None:
            self._count(self._kind(action, error.code, operation, principal))

    def note_item(self, code: str, operation: str, principal: Principal) -> None:
        """The same for one refused item within an answer that is none (batches, events)."""
        if code in self._watched:
            self._count(self._kind(REQUEST, code, operation, principal))

    def flush(self, *, last: bool = False) -> None:
        """Write the counts when the minute is over (or with `last`, at the end)."""
        now_ns = self._clock.monotonic_ns()
        if self._began_ns is None:
            self._began_ns = now_ns
        if now_ns - self._began_ns < QUIET_NS and not last:
            return
        self._began_ns = now_ns
        counts, self._repeats = self._repeats, Counter()
        self._seen.clear()
        self._of_actor.clear()
        if counts and not self._write(counts):
            # Told with the next minute's; a writer that stays away costs no memory.
            few = len(counts) <= KINDS_LIMIT + 1
            self._repeats = counts if few else Counter({self._others: counts.total()})

    def _action(self, error: PaywardenError, principal: Principal | None) -> str | None:
        if error.code in SIGNATURE_CODES:
            return SIGNATURE
        if isinstance(error, NotAuthenticated):
            return KEY
        if isinstance(error, NotPermitted):
            return PERMISSION
        if isinstance(error, NotFound):
            return OBJECT if principal is not None else None
        return REQUEST if error.code in self._watched else None

    def _kind(self, action: str, code: str, operation: str, principal: Principal | None) -> Kind:
        actor = principal.actor if principal else UNPROVEN
        scope = principal.scope.text if principal else self._own.text
        return Kind(action, code, operation, actor, scope)

    def _count(self, kind: Kind) -> None:
        self.flush()
        whose = (kind.actor, kind.scope)
        if kind not in self._seen and self._of_actor[whose] >= ACTOR_LIMIT:
            kind = Kind(REQUEST, "several", "", *whose)
        if kind not in self._seen and len(self._seen) >= KINDS_LIMIT:
            kind = self._others
        elif kind not in self._seen:
            self._seen.add(kind)
            self._of_actor[whose] += 1
            if self._write(Counter({kind: 1})):
                return
        self._repeats[kind] += 1

    def _write(self, counts: Counter[Kind]) -> bool:
        """Queue one row for each kind; whether the writer took them."""
        unit = UnitOfWork()
        for kind, count in counts.items():
            self._audit.record(unit, self._event(kind, count))
        try:
            self._writer.submit(unit).add_done_callback(_tell_failure)
        except PaywardenError as fault:
            logger().warning("refusals_unlogged", code=fault.code, count=counts.total())
            return False
        return True

    def _event(self, kind: Kind, count: int) -> AuditEvent:
        detail: dict[str, Scalar] = {
            "code": kind.code, "operation": kind.operation, "count": count,
        }  # fmt: skip
        scope, now = Scope.parse(kind.scope), self._clock.now_us()
        return AuditEvent(scope, kind.action, kind.actor, AuditOutcome.REFUSED, now, detail)


def _tell_failure(done: Future[None]) -> None:
    fault = None if done.cancelled() else done.exception()
    if fault is not None:
        logger().error("refusals_unlogged", code=getattr(fault, "code", type(fault).__name__))
