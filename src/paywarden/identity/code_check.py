"""One-time codes as proof of presence, outside signing in: for approvals of low risk.

Guards: the code is spent in the commit of what it proves, so it works once, here or at sign-in,
also in parallel and after a restart; wrong codes count towards the account's lock as everywhere
(PCI DSS 4.0.1, 8.3.4 and 8.5.1). Not done here: which acts a code may prove (`approvals`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity.attempts import Attempts
from paywarden.identity.ports import Records
from paywarden.identity.totp import Totp, spend_step
from paywarden.identity.turns import Turns
from paywarden.kit.db.unit import UnitOfWork

T = TypeVar("T")


class CodeCheck:
    """`approvals.ports.CodeCheck` over the records of people."""

    def __init__(self, records: Records, totp: Totp, attempts: Attempts, turns: Turns) -> None:
        self._records = records
        self._totp = totp
        self._attempts = attempts
        self._turns = turns

    async def spending(
        self,
        scope: Scope,
        person: PersonId,
        code: Secret[str],
        act: Callable[[UnitOfWork], Awaitable[T]],
    ) -> T | None:
        """What `act` says, committing the unit that spends the code; None for a wrong code."""
        account = self._records.account(scope, person)
        if account is None:
            return None
        async with self._turns.turn(account.login_digest):
            account = self._records.account(scope, person)
            step = fresh_step(self._records, self._totp, scope, person, code)
            if step is None or not self._attempts.is_open(account):
                await self._attempts.failed(scope, account, "totp")
                return None
            unit = UnitOfWork()
            for change in spend_step(scope, person, step):
                self._records.stage(unit, change)
            return await act(unit)


def fresh_step(
    records: Records, totp: Totp, scope: Scope, person: PersonId, code: Secret[str]
) -> int | None:
    """The step of a person's confirmed device whose code it is, if newer than the last one used."""
    seed = records.totp(scope, person)
    if seed is None or not seed.confirmed:
        return None
    return totp.step_of(scope, seed, code)
