"""What other rooms may ask of identity, and what identity asks of others.

`Roster` is the view for approvals and permissions: who is active, which roles were granted by whom
and when, which passkeys can sign. Roles are opaque words here: the table of roles and permissions
belongs to those who implement `RoleTable`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity.model import Member, RoleGrant
from paywarden.kit.db.unit import UnitOfWork


class Roster(Protocol):
    """Persons of a tenant and environment; every answer is as of now."""

    def member(self, scope: Scope, person: PersonId) -> Member | None:
        """One person with live grants (grantor and time) and passkeys (COSE key, sign count)."""
        ...

    def members(self, scope: Scope) -> Sequence[Member]:
        """All persons, also inactive ones, by person id."""
        ...

    def established(self, scope: Scope) -> bool:
        """Whether three active persons with passkeys hold the roles that approvals need."""
        ...

    def stage_passkey_use(
        self, unit: UnitOfWork, scope: Scope, credential_id: bytes, sign_count: int
    ) -> None:
        """Add to `unit` that a passkey signed with this count; for assertions checked elsewhere."""
        ...


class Grants(Protocol):
    """Changing roles, in the unit of work of the approval that allowed it."""

    def stage_grant(self, unit: UnitOfWork, scope: Scope, grant: RoleGrant) -> None:
        """Add a grant (or a new term of one); ends the person's sessions."""
        ...

    def stage_withdrawal(self, unit: UnitOfWork, scope: Scope, person: PersonId, role: str) -> None:
        """End a grant now; ends the person's sessions."""
        ...


class RoleTable(Protocol):
    """What roles may do."""

    def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """Union of the permissions of known roles; unknown roles hold none."""
        ...

    def knows(self, role: str) -> bool:
        """Whether such a role exists."""
        ...
