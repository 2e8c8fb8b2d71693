"""Roles that one person never holds together, checked at every grant.

Guards: separation of duties. The three administrators exclude each other; whoever audits changes
nothing that is audited; whoever keeps keys does not run the systems that use them; a program's role
is no person's. That nobody approves what they asked for is not here: it is checked by person, at
every approval. Source: GB/T 22239-2019, 8.1.5.1 to 8.1.5.3; PCI DSS 4.0.1, 7.2.2 and 3.7.6;
NIST SP 800-53 AC-5.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from paywarden.identity.permissions.model import Kind, Role
from paywarden.identity.permissions.table import READS, RULES


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Two roles that exclude each other, and why."""

    one: Role
    other: Role
    why: str


_ADMINISTRATORS = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
_OBSERVERS = (Role.AUDITOR, Role.AUDIT_ADMIN)
WRITING: Final = frozenset(
    rule.role for rule in RULES if rule.permission not in READS and Kind.PERSON in rule.kinds
)
"""Roles with which a person changes something."""


def _made() -> tuple[Exclusion, ...]:
    found = [
        Exclusion(one, other, "the three administrators are three people")
        for one, other in combinations(_ADMINISTRATORS, 2)
    ]
    seen = {frozenset((one.one, one.other)) for one in found}
    for observer in _OBSERVERS:
        for role in sorted(WRITING):
            if frozenset((observer, role)) not in seen:
                found.append(Exclusion(observer, role, "who audits changes nothing"))
    custody = "who keeps key parts does not run what uses the keys"
    found += [Exclusion(Role.KEY_CUSTODIAN, one, custody) for one in _ADMINISTRATORS[:2]]
    duty = "who runs the systems does not judge their security"
    found.append(Exclusion(Role.SYSTEM_ADMIN, Role.SECURITY_OFFICER, duty))
    return tuple(found)


EXCLUSIONS: Final = _made()
NEVER_A_PERSONS: Final = frozenset({Role.MERCHANT})


def conflict(roles: Collection[str]) -> Exclusion | None:
    """The first exclusion that a person with all of `roles` would break, or None."""
    held = set(roles)
    return next((one for one in EXCLUSIONS if one.one in held and one.other in held), None)
