"""Granting roles and opening the sealed one: carried out once others approved.

Guards: exclusions between roles are checked at every grant, against the roles held then. Who holds
what from when on stands in the audit log, in the commit that changes it. The sealed
role is a grant that ends by itself after 60 minutes; every request of whoever holds it leaves an
audit event (`RECORDED_ROLES`), and its review opens in the same commit (`access_review.glass`).
Source: PCI DSS 4.0.1, 7.2.3; GB/T 22239-2019, 8.1.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import BREAK_GLASS_OPEN, ROLE_GRANT
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.model import RoleGrant
from paywarden.identity.permissions.access import Table
from paywarden.identity.permissions.exclusions import conflict
from paywarden.identity.permissions.model import Role
from paywarden.identity.ports import Committer, Grants, Roster
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

OPEN_SECONDS: Final = 3_600
OnSealed = Callable[[UnitOfWork, Scope, str, tuple[str, ...], int], None]
"""Adds to the unit that opens the sealed role: scope, who holds it, who approved, when it ends."""


class RoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of `role.grant`."""

    person: str
    role: str
    withdraw: bool = False


class RoleActs:
    """Executors over the roster and its grants."""

    def __init__(
        self,
        roster: Roster,
        grants: Grants,
        committer: Committer,
        audit: AuditLog,
        clock: Clock,
        on_sealed: OnSealed,
    ) -> None:
        self._roster = roster
        self._grants = grants
        self._committer = committer
        self._audit = audit
        self._clock = clock
        self._on_sealed = on_sealed

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries these acts out."""
        approvals.register(ROLE_GRANT, self.change)
        approvals.register(BREAK_GLASS_OPEN, self.open_sealed)

    async def change(self, approved: Approved, payload: bytes) -> dict[str, str]:
        """Grant or withdraw a role. Errors: InvalidRequest, NotFound."""
        try:
            wanted = msgspec.json.decode(payload, type=RoleChange)
            person = PersonId.parse(wanted.person)
        except ValueError:
            raise InvalidRequest("approval_request_invalid", "name person and role") from None
        if wanted.role == Role.BREAK_GLASS or not Table().knows(wanted.role):
            raise InvalidRequest("approval_request_invalid", "people hold no such role")
        unit = UnitOfWork()
        approved.require(approved.scope, ROLE_GRANT, payload)
        approved.settle(unit)
        if wanted.withdraw:
            self._grants.stage_withdrawal(unit, approved.scope, person, wanted.role)
            self._note(unit, approved, "withdraw", person, wanted.role)
        else:
            self._stage(unit, approved, person, wanted.role, None)
        await self._committer.commit(unit)
        return {"person": wanted.person, "role": wanted.role}

    async def open_sealed(self, approved: Approved, payload: bytes) -> dict[str, int]:
        """Let the maker hold the sealed role for 60 minutes."""
        approved.require(approved.scope, BREAK_GLASS_OPEN, payload)
        try:
            person = PersonId.parse(approved.actor)
        except ValueError:
            raise InvalidRequest(
                "approval_request_invalid", "the sealed role is a person's"
            ) from None
        unit = UnitOfWork()
        approved.settle(unit)
        ends = self._clock.now_us() + OPEN_SECONDS * MICROSECONDS
        self._stage(unit, approved, person, Role.BREAK_GLASS.value, ends)
        self._on_sealed(unit, approved.scope, approved.actor, approved.approvers, ends)
        await self._committer.commit(unit)
        return {"ends_at_us": ends}

    def _stage(
        self, unit: UnitOfWork, approved: Approved, person: PersonId, role: str, ends_us: int | None
    ) -> None:
        held = self._held(approved.scope, person)
        broken = conflict(held | {role})
        if broken is not None:
            raise InvalidRequest("role_exclusive", f"{broken.one} excludes {broken.other}")
        try:
            by = PersonId.parse(approved.actor)
        except ValueError:
            raise InvalidRequest("approval_request_invalid", "a person asks for roles") from None
        grant = RoleGrant(person, role, by, self._clock.now_us(), ends_us)
        self._grants.stage_grant(unit, approved.scope, grant)
        self._note(unit, approved, "grant", person, role)

    def _note(
        self, unit: UnitOfWork, approved: Approved, act: str, person: PersonId, role: str
    ) -> None:
        event = AuditEvent(
            approved.scope, f"identity:role:{act}", approved.audit_actor, AuditOutcome.DONE,
            self._clock.now_us(), {"person": person.text, "role": role},
        )  # fmt: skip
        self._audit.record(unit, event)

    def _held(self, scope: Scope, person: PersonId) -> frozenset[str]:
        member = self._roster.member(scope, person)
        if member is None:
            raise NotFound("person_unknown", "no such person in this tenant and environment")
        return member.roles
