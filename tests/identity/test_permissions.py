"""The table of permissions: exhaustive against a slow reading, and what it must say."""

from __future__ import annotations

import os
from itertools import combinations, product
from pathlib import Path

import pytest

from paywarden.core.scope import Environment
from paywarden.identity.permissions.access import (
    Table,
    permissions_of_key,
    permissions_of_person,
    verdict,
)
from paywarden.identity.permissions.exclusions import EXCLUSIONS, WRITING, conflict
from paywarden.identity.permissions.model import Caller, Kind, Role, Verdict
from paywarden.identity.permissions.table import PERMISSIONS, READS, RULES
from paywarden.identity.permissions.text import cedar, markdown

NOW = 1_000_000_000
MERCHANT = {"cards:describe", "cards:forward", "cards:tokenise", "decisions:create",
            "decisions:read", "events:create", "webhooks:read", "webhooks:write"}  # fmt: skip
AGES = (None, -1, 0, 300, 301)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "permissions.md"


def slow(caller: Caller, permission: str) -> Verdict:
    """Every rule read one after another."""
    best = Verdict.DENIED
    for rule in RULES:
        applies = (
            rule.role in caller.roles
            and rule.permission == permission
            and caller.kind in rule.kinds
            and caller.environment in rule.environments
        )
        if not applies:
            continue
        proved = caller.verified_at_us
        age = None if proved is None else (NOW - proved) / 1_000_000
        asks = rule.fresh_seconds is not None and caller.kind is Kind.PERSON
        if not asks or (age is not None and 0 <= age <= (rule.fresh_seconds or 0)):
            return Verdict.ALLOWED
        best = Verdict.STEP_UP
    return best


def callers(*roles: str) -> list[Caller]:
    return [
        Caller(kind, frozenset(roles), environment,
               None if age is None else NOW - age * 1_000_000)
        for kind, environment, age in product(Kind, Environment, AGES)
    ]  # fmt: skip


@pytest.mark.parametrize("role", [*Role, "unknown"])
def test_every_question_is_answered_as_the_rules_read(role: str) -> None:
    for caller, permission in product(callers(role), [*PERMISSIONS, "made:up", ""]):
        assert verdict(caller, permission, NOW) is slow(caller, permission)


def test_two_roles_add_up() -> None:
    for one, other in combinations(Role, 2):
        for caller, permission in product(callers(one, other), PERMISSIONS):
            assert verdict(caller, permission, NOW) is slow(caller, permission)


def test_nobody_without_a_role_may_anything() -> None:
    for caller, permission in product(callers(), PERMISSIONS):
        assert verdict(caller, permission, NOW) is Verdict.DENIED


def test_a_merchants_key_never_learns_internal_reasons() -> None:
    for environment in Environment:
        held = permissions_of_key(Role.MERCHANT, environment)
        assert held == MERCHANT
    assert all(rule.own_merchant for rule in RULES if rule.role is Role.MERCHANT)
    assert verdict(Caller(Kind.PERSON, frozenset({"merchant"}), Environment.LIVE, NOW),
                   "decisions:read", NOW) is Verdict.DENIED  # fmt: skip


def test_people_prove_themselves_before_they_change_what_binds_others() -> None:
    heavy = {"lists:write", "rulesets:publish", "webhooks:write", "api_keys:create",
             "access_reviews:run"}  # fmt: skip
    for rule in RULES:
        if rule.permission in heavy and Kind.PERSON in rule.kinds and not rule.own_merchant:
            assert rule.fresh_seconds is not None, rule


def test_what_a_person_holds_and_what_needs_a_proof_are_told_apart() -> None:
    author = Caller(Kind.PERSON, frozenset({"rule_author"}), Environment.LIVE, NOW - 301_000_000)
    held, step_up = permissions_of_person(author, NOW)
    assert step_up == {"rulesets:publish"}
    assert "rulesets:write" in held
    proved = NOW - 301_000_000
    live = Environment.LIVE
    assert Table().permissions_of(["rule_author"], live, proved, NOW) == (held, step_up)
    assert Table().permissions_of(["nobody"], live, NOW, NOW) == (frozenset(), frozenset())


def test_which_roles_people_can_hold() -> None:
    assert {one for one in Role if not Table().knows(one)} == {Role.MERCHANT}
    assert not Table().knows("root")


def test_who_only_reads_only_reads() -> None:
    for role in (Role.AUDITOR, Role.AUDIT_ADMIN):
        assert {rule.permission for rule in RULES if rule.role is role} <= READS
        assert role not in WRITING


def test_the_three_administrators_exclude_each_other() -> None:
    for one, other in combinations(("system_admin", "security_admin", "audit_admin"), 2):
        found = conflict([one, other])
        assert found is not None and "three" in found.why


@pytest.mark.parametrize("one", EXCLUSIONS)
def test_each_exclusion_is_found_whatever_else_is_held(one: object) -> None:
    pair = next(found for found in EXCLUSIONS if found is one)
    assert conflict([pair.one, pair.other]) is not None
    assert conflict(["senior_analyst", pair.other, pair.one]) is not None
    assert conflict([pair.one]) is None
    assert conflict([pair.other]) is None


def test_an_auditor_holds_no_role_that_writes() -> None:
    for role in WRITING:
        assert conflict([Role.AUDITOR, role]) is not None, role
    assert conflict([Role.AUDITOR, Role.AUDIT_ADMIN]) is None
    assert conflict([Role.RULE_AUTHOR, Role.APPROVER]) is None, "excluded by person, not by role"


def test_every_permission_has_a_holder_and_a_description() -> None:
    assert {rule.permission for rule in RULES} == set(PERMISSIONS)
    assert list(PERMISSIONS) == sorted(PERMISSIONS)
    assert {rule.role for rule in RULES} == set(Role)
    assert len({(r.role, r.permission, r.kinds, r.environments) for r in RULES}) == len(RULES)


def test_the_page_is_the_table() -> None:
    text = markdown()
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run ./run docs and look at the difference"


def test_cedar_says_each_rule_once() -> None:
    policies = cedar().split("permit (")[1:]
    assert len(policies) == len(RULES)
    assert len(set(policies)) == len(policies)
    assert all("resource.tenant == principal.tenant" in one for one in policies)
