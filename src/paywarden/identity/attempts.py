"""Failures of signing in: counted, recorded, and after the tenth the account waits for 30 minutes.

Guards: passwords, one-time codes and recovery codes count together (PCI DSS 4.0.1, 8.3.4). A
failure on an unknown name is recorded like one on a known name, with one commit each, so that
neither answer nor work tells which it was. A lock ends the person's sessions; a passkey, which
cannot be guessed and confirms the identity, still opens a locked account and ends the lock.
"""

from __future__ import annotations

from paywarden.core.clock import Clock
from paywarden.core.scope import Scope
from paywarden.identity import changes as c
from paywarden.identity.model import FAILURES_LIMIT, LOCK_US, Account, AccountState
from paywarden.identity.ports import Committer, Records
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

ANYBODY = "anonymous:sign_in"


class Attempts:
    """Counts and records failures."""

    def __init__(
        self, records: Records, committer: Committer, audit: AuditLog, clock: Clock
    ) -> None:
        self._records = records
        self._committer = committer
        self._audit = audit
        self._clock = clock

    def is_open(self, account: Account | None) -> bool:
        """Whether the account may be signed in to now."""
        now = self._clock.now_us()
        return account is not None and account.state_at(now) is AccountState.ACTIVE

    async def failed(self, scope: Scope, account: Account | None, method: str) -> None:
        """Count and record one failure durably; call it within the account's turn."""
        unit = UnitOfWork()
        now = self._clock.now_us()
        if account is not None and account.state_at(now) is AccountState.ACTIVE:
            self._count(unit, account, now)
        await self._record(unit, scope, account, method)

    async def refused(self, scope: Scope, account: Account | None, method: str) -> None:
        """Record durably what failed without being a guess: a passkey, a link."""
        await self._record(UnitOfWork(), scope, account, method)

    async def _record(
        self, unit: UnitOfWork, scope: Scope, account: Account | None, method: str
    ) -> None:
        actor = ANYBODY if account is None else f"person:{account.person.text}"
        event = AuditEvent(
            scope,
            "identity:session:sign_in",
            actor,
            AuditOutcome.REFUSED,
            self._clock.now_us(),
            {"method": method, "known": account is not None},
        )
        self._audit.record(unit, event)
        await self._committer.commit(unit)

    def _count(self, unit: UnitOfWork, account: Account, now: int) -> None:
        # A lock that has run out begins a new count.
        failures = 1 if account.locked_until_us else account.failures + 1
        locked_until = now + LOCK_US if failures >= FAILURES_LIMIT else 0
        whose = (account.scope, account.person)
        self._records.stage(unit, c.FailuresSet(*whose, failures, locked_until))
        if locked_until:
            self._records.stage(unit, c.SessionsRevoked(*whose, now))
            self._audit.record(
                unit,
                AuditEvent(
                    account.scope,
                    "identity:account:lock",
                    f"person:{account.person.text}",
                    AuditOutcome.DONE,
                    now,
                    {"failures": failures},
                ),
            )
