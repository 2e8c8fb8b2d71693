"""The roster over stored records: who is active, with which roles and passkeys; staging of grants.

Guards: a grant or its end always ends the person's sessions in the same unit, so that no session
outlives the roles that it was opened with. During the first set-up the roster is not established:
until three active persons with passkeys hold, together, the roles that approvals need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity import changes as c
from paywarden.identity.model import Account, AccountState, Member, Passkey, RoleGrant, established
from paywarden.identity.ports import Records
from paywarden.kit.db.unit import UnitOfWork

FIRST_PERSONS: Final = 3
FIRST_ROLES: Final = ("security_admin", "approver")


class StoredRoster:
    """`Roster` and `Grants`."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def member(self, scope: Scope, person: PersonId) -> Member | None:
        """One person with live grants and passkeys."""
        account = self._records.account(scope, person)
        if account is None:
            return None
        grants = self._records.grants_of(scope, person)
        return self._member(account, grants, self._records.passkeys_of(scope, person))

    def members(self, scope: Scope) -> Sequence[Member]:
        """All persons by person id."""
        grants: dict[PersonId, list[RoleGrant]] = {}
        passkeys: dict[PersonId, list[Passkey]] = {}
        for grant in self._records.grants(scope):
            grants.setdefault(grant.person, []).append(grant)
        for passkey in self._records.passkeys(scope):
            passkeys.setdefault(passkey.person, []).append(passkey)
        return [
            self._member(one, grants.get(one.person, ()), passkeys.get(one.person, ()))
            for one in self._records.accounts(scope)
        ]

    def established(self, scope: Scope) -> bool:
        """Whether the first set-up is over."""
        return established(self.members(scope), FIRST_ROLES, FIRST_PERSONS)

    def stage_passkey_use(
        self, unit: UnitOfWork, scope: Scope, credential_id: bytes, sign_count: int
    ) -> None:
        """Add to `unit` that a passkey signed."""
        now = self._clock.now_us()
        self._records.stage(unit, c.PasskeyUsed(scope, credential_id, sign_count, now))

    def stage_grant(self, unit: UnitOfWork, scope: Scope, grant: RoleGrant) -> None:
        """Add a grant; ends the person's sessions."""
        self._records.stage(unit, c.RoleGranted(scope, grant))
        self._end_sessions(unit, scope, grant.person)

    def stage_withdrawal(self, unit: UnitOfWork, scope: Scope, person: PersonId, role: str) -> None:
        """End a grant; ends the person's sessions."""
        self._records.stage(unit, c.RoleWithdrawn(scope, person, role))
        self._end_sessions(unit, scope, person)

    def _end_sessions(self, unit: UnitOfWork, scope: Scope, person: PersonId) -> None:
        self._records.stage(unit, c.SessionsRevoked(scope, person, self._clock.now_us()))

    def _member(
        self, account: Account, grants: Sequence[RoleGrant], passkeys: Sequence[Passkey]
    ) -> Member:
        now = self._clock.now_us()
        active = account.state_at(now) is AccountState.ACTIVE
        live = tuple(grant for grant in grants if grant.live_at(now))
        return Member(account.person, active, live, tuple(passkeys))
