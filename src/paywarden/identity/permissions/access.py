"""Looking the table up: may this caller use this permission now?

Guards: default deny, also for unknown roles and permissions. One dictionary look-up per role held;
what a key may do is computed once per combination and remembered. Not done here: tenants (stores)
and merchants (the operation compares; `Principal.merchant`).
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Final

from paywarden.core.scope import Environment
from paywarden.identity.permissions.exclusions import NEVER_A_PERSONS
from paywarden.identity.permissions.model import Caller, Kind, Role, Rule, Verdict
from paywarden.identity.permissions.table import PERMISSIONS, RULES


def _by_pair() -> dict[tuple[str, str], tuple[Rule, ...]]:
    found: dict[tuple[str, str], tuple[Rule, ...]] = {}
    for rule in RULES:
        if rule.permission not in PERMISSIONS:
            raise ValueError(f"{rule.permission} has no description")
        pair = (rule.role.value, rule.permission)
        found[pair] = (*found.get(pair, ()), rule)
    return found


_TABLE: Final = _by_pair()
_NOTHING: Final[tuple[Rule, ...]] = ()
_OF_PEOPLE: Final = frozenset(Role) - NEVER_A_PERSONS
_MEMORY = 1_024


def verdict(caller: Caller, permission: str, now_us: int) -> Verdict:
    """What the table says of one question."""
    found = Verdict.DENIED
    for role in caller.roles:
        for rule in _TABLE.get((role, permission), _NOTHING):
            if caller.kind not in rule.kinds or caller.environment not in rule.environments:
                continue
            if rule.fresh_seconds is None or caller.kind is Kind.SERVICE:
                return Verdict.ALLOWED
            if caller.fresh_at(now_us, rule.fresh_seconds):
                return Verdict.ALLOWED
            found = Verdict.STEP_UP
    return found


@functools.lru_cache(_MEMORY)
def permissions_of_key(role: str, environment: Environment) -> frozenset[str]:
    """Everything that a key of `role` may use; nothing for an unknown role."""
    caller = Caller(Kind.SERVICE, frozenset({role}), environment)
    return frozenset(name for name in PERMISSIONS if verdict(caller, name, 0) is Verdict.ALLOWED)


def permissions_of_person(caller: Caller, now_us: int) -> tuple[frozenset[str], frozenset[str]]:
    """(what a person may use now, what needs a fresh proof first)."""
    said = {name: verdict(caller, name, now_us) for name in PERMISSIONS}
    return (
        frozenset(name for name, one in said.items() if one is Verdict.ALLOWED),
        frozenset(name for name, one in said.items() if one is Verdict.STEP_UP),
    )


class Table:
    """`RoleTable` of the identity room: the permissions of people."""

    def permissions_of(
        self, roles: Collection[str], environment: Environment, verified_at_us: int, now_us: int
    ) -> tuple[frozenset[str], frozenset[str]]:
        """(what a person may use now, what needs a fresh proof first)."""
        caller = Caller(Kind.PERSON, frozenset(roles), environment, verified_at_us)
        return permissions_of_person(caller, now_us)

    def knows(self, role: str) -> bool:
        """Whether people can hold such a role."""
        return role in _OF_PEOPLE
