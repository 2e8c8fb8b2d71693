"""Scope: what a tenant may be called, and text that separates tenants for certain."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paywarden.core.scope import Environment, Scope

TENANTS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
ENVIRONMENTS = st.sampled_from(Environment)


@given(TENANTS, ENVIRONMENTS)
def test_text_round_trips(tenant: str, environment: Environment) -> None:
    scope = Scope(tenant, environment)
    assert scope.text == f"{tenant}/{environment.value}"
    assert Scope.parse(scope.text) == scope


@given(TENANTS, ENVIRONMENTS, TENANTS, ENVIRONMENTS)
def test_two_scopes_never_share_a_text(
    one: str, first: Environment, two: str, second: Environment
) -> None:
    assume((one, first) != (two, second))
    assert Scope(one, first).text != Scope(two, second).text
    assert Scope(one, first) != Scope(two, second)


@pytest.mark.parametrize(
    "tenant", ["", "-a", "_a", "A", "a/b", "a b", "a\n", "é", "a" * 64, "..", "a%", "٣"]
)
def test_hostile_tenants_are_refused(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant must be"):
        Scope(tenant, Environment.TEST)


@pytest.mark.parametrize(
    "text", ["", "acme", "acme/", "acme/prod", "acme/TEST", "a/b/test", "/test"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Scope.parse(text)


def test_test_and_live_differ() -> None:
    assert Scope("acme", Environment.TEST) != Scope("acme", Environment.LIVE)
