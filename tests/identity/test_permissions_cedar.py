"""The permissions table and its Cedar text answer every question alike, by the Cedar engine itself.

Every role (and an unknown one) x permission x kind x environment x age of the last proof, each with
a resource of the own and of another tenant, environment and merchant.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest

pytest.importorskip("cedarpy")

from cedarpy import Decision, PolicySet, is_authorized_batch

from paywarden.core.scope import Environment
from paywarden.identity.permissions.access import verdict
from paywarden.identity.permissions.model import Caller, Kind, Role, Verdict
from paywarden.identity.permissions.table import PERMISSIONS, RULES
from paywarden.identity.permissions.text import cedar

NOW_US = 1_000_000_000_000
AGES = (None, -1, 0, 299, 300, 301)
Resource = tuple[str, Environment, str]


@cache
def policies() -> Any:
    return PolicySet.from_str(cedar())


def entity(kind: str, name: str, attrs: dict[str, Any], *parents: tuple[str, str]) -> Any:
    above = [{"type": one, "id": of} for one, of in parents]
    return {"uid": {"type": kind, "id": name}, "attrs": attrs, "parents": above}


def engine(
    caller: Caller, age: int | None, merchant: str | None, resources: list[Resource]
) -> dict[tuple[str, Resource], bool]:
    """What Cedar says of every permission on every resource."""
    about = {"tenant": "acme", "environment": caller.environment.value, "kind": caller.kind.value}
    if merchant is not None:
        about["merchant"] = merchant
    roles = [("Role", role) for role in caller.roles]
    entities = [entity("Caller", "one", about, *roles)]
    for number, (tenant, environment, owner) in enumerate(resources):
        held = {"tenant": tenant, "environment": environment.value, "merchant": owner}
        entities.append(entity("Thing", str(number), held))
    context = {} if age is None else {"verified_seconds_ago": age}
    asked = list(product(PERMISSIONS, range(len(resources))))
    requests = [
        {"principal": 'Caller::"one"', "action": f'Action::"{permission}"',
         "resource": f'Thing::"{number}"', "context": context}
        for permission, number in asked
    ]  # fmt: skip
    said = is_authorized_batch(requests, policies(), entities)
    return {
        (permission, resources[number]): one.decision is Decision.Allow
        for (permission, number), one in zip(asked, said, strict=True)
    }


def table(caller: Caller, permission: str, merchant: str | None, resource: Resource) -> bool:
    """The same by the table, by the stores' scope, and by the operation's look at the merchant."""
    tenant, environment, owner = resource
    if (tenant, environment) != ("acme", caller.environment):
        return False
    if verdict(caller, permission, NOW_US) is not Verdict.ALLOWED:
        return False
    bound = {rule.own_merchant for rule in RULES
             if rule.permission == permission and rule.role.value in caller.roles}  # fmt: skip
    return merchant in (None, owner) or bound != {True}


@pytest.mark.parametrize("role", [*Role, "unknown"])
def test_the_engine_and_the_table_agree_on_every_question(role: str) -> None:
    questions = differences = 0
    for kind, environment, age in product(Kind, Environment, AGES):
        proved = None if age is None else NOW_US - age * 1_000_000
        caller = Caller(kind, frozenset({str(role)}), environment, proved)
        other = next(one for one in Environment if one is not environment)
        resources: list[Resource] = [
            ("acme", environment, "m_1"), ("acme", environment, "m_2"),
            ("other", environment, "m_1"), ("acme", other, "m_1"),
        ]  # fmt: skip
        for merchant in (None, "m_1"):
            for (permission, resource), allowed in engine(caller, age, merchant, resources).items():
                questions += 1
                differences += allowed is not table(caller, permission, merchant, resource)
    assert questions == len(Kind) * len(Environment) * len(AGES) * 8 * len(PERMISSIONS)
    assert differences == 0


def test_the_comparison_can_fail() -> None:
    caller = Caller(Kind.SERVICE, frozenset({"auditor"}), Environment.LIVE)
    resource = ("acme", Environment.LIVE, "m_1")
    said = engine(caller, None, None, [resource])
    assert {said[one, resource] for one in PERMISSIONS} == {True, False}
