"""The roles that an installation needs before any other: enough to invite the first persons.

Guards: default deny; a role that is not listed holds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

PEOPLE_READ: Final = "people:read"
PEOPLE_MANAGE: Final = "people:manage"
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "security_admin": frozenset({PEOPLE_READ, PEOPLE_MANAGE}),
    "approver": frozenset(),
}


class FirstRoles:
    """`RoleTable` of the first set-up."""

    def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """Union of the permissions of known roles."""
        return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))

    def knows(self, role: str) -> bool:
        """Whether such a role exists."""
        return role in ROLES
