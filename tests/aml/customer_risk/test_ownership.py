"""Structures above a company: shares, layers, circles, and graphs made to do harm."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.customer_risk.ownership import (
    HOLDINGS,
    PARTIES,
    Holding,
    Party,
    structure_of,
)
from paywarden.core.errors import InvalidRequest


def test_shares_multiply_along_a_chain_and_25_percent_counts() -> None:
    found = structure_of(
        [Party("h", "company", "NL"), Party("p", "person", "DE"), Party("q", "person", "FR")],
        [Holding("h", "self", 50), Holding("p", "h", 50), Holding("q", "self", 24.9)],
    )
    assert found.shares == {"h": 50.0, "p": 25.0, "q": 24.9}
    assert found.beneficial == ("p",)
    assert (found.layers, found.circles) == (2, ())
    assert found.unresolved_percent == pytest.approx(50.1)
    assert found.countries == ("DE", "FR", "NL")


def test_control_without_shares_makes_a_beneficial_owner() -> None:
    found = structure_of(
        [Party("p", "person"), Party("q", "person")],
        [Holding("p", "self", 100), Holding("q", "self", 0, control=True)],
    )
    assert found.beneficial == ("p", "q")


def test_a_circle_is_found_named_and_its_shares_are_the_limit() -> None:
    found = structure_of(
        [Party("a", "company"), Party("b", "company"), Party("p", "person")],
        [Holding("a", "self", 100), Holding("b", "a", 60), Holding("a", "b", 50),
         Holding("p", "a", 40), Holding("p", "b", 50)],
    )  # fmt: skip
    assert found.circles == (("a", "b"),)
    # p = 40 % of a, and half of b, whose 60 % of a come back by half to a itself
    assert found.shares["p"] == pytest.approx(100.0)
    assert found.shares["b"] == pytest.approx(60 / 0.7)
    assert found.unresolved_percent == pytest.approx(0, abs=1e-4)


def test_companies_that_own_each_other_whole_lead_to_nobody() -> None:
    found = structure_of(
        [Party("a", "company"), Party("b", "company")],
        [Holding("a", "self", 100), Holding("b", "a", 100), Holding("a", "b", 100)],
    )
    assert found.circles == (("a", "b"),)
    assert found.unresolved_percent == 100.0
    assert found.beneficial == ()
    own = structure_of([Party("a", "company")], [Holding("a", "self", 60), Holding("a", "a", 40)])
    assert own.circles == (("a",),)


def test_a_public_company_ends_a_chain_and_nobody_beside_counts() -> None:
    found = structure_of(
        [Party("state", "public"), Party("x", "trust", "KY", nominee=True)],
        [Holding("state", "self", 80)],
    )
    assert found.unresolved_percent == 20
    assert (found.trust, found.nominee, found.countries) == (False, False, ())


@pytest.mark.parametrize(
    ("parties", "holdings", "code"),
    [
        ([Party("a", "company")], [Holding("b", "self", 1)], "ownership_unknown_party"),
        ([Party("a", "company")], [Holding("a", "b", 1)], "ownership_unknown_party"),
        ([Party("a", "company")] * 2, [], "ownership_name_taken"),
        ([Party("self", "company")], [], "ownership_name_taken"),
        ([Party("a", "company")], [Holding("a", "self", 1)] * 2, "ownership_name_taken"),
        ([Party("a", "person"), Party("b", "person")],
         [Holding("a", "self", 60), Holding("b", "self", 41)], "ownership_over_100"),
        ([Party("a", "person"), Party("b", "person")],
         [Holding("a", "self", 60), Holding("b", "a", 41)], "ownership_person_owned"),
        ([Party(f"p{n}", "person") for n in range(PARTIES + 1)], [], "ownership_too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    parties: list[Party], holdings: list[Holding], code: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        structure_of(parties, holdings)
    assert refused.value.code == code
    assert refused.value.pointer == "/company/ownership"


def test_a_chain_as_long_as_can_be_needs_no_recursion() -> None:
    parties = [Party(f"c{n}", "company") for n in range(PARTIES - 1)] + [Party("p", "person")]
    names = ["self", *(one.id for one in parties)]
    holdings = [Holding(above, below, 100) for below, above in pairwise(names)]
    found = structure_of(parties, holdings)
    assert found.layers == PARTIES
    assert found.unresolved_percent == 0
    assert found.beneficial == ("p",)


@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 120))
@settings(max_examples=150, deadline=None)
def test_any_graph_ends_and_its_figures_are_sound(seed: int, size: int, edges: int) -> None:
    dice = random.Random(seed)
    kinds = ["company", "company", "trust", "person", "public", "unknown"]
    parties = [Party(f"n{n}", dice.choice(kinds), dice.choice(["DE", "PA", None]))
               for n in range(size)]  # fmt: skip
    owned = ["self", *(one.id for one in parties if one.kind != "person")]
    pairs = {(dice.choice(parties).id, dice.choice(owned)) for _ in range(min(edges, HOLDINGS))}
    held: dict[str, int] = {}
    for _, below in pairs:
        held[below] = held.get(below, 0) + 1
    holdings = [Holding(above, below, 100.0 / held[below]) for above, below in sorted(pairs)]
    found = structure_of(parties, holdings)
    shuffled = list(holdings)
    dice.shuffle(shuffled)
    again = structure_of(list(reversed(parties)), shuffled)
    assert again.circles == found.circles or sorted(again.circles) == sorted(found.circles)
    assert (again.layers, again.beneficial) == (found.layers, found.beneficial)
    assert 0 <= found.unresolved_percent <= 100
    assert all(0 <= share <= 100 for share in found.shares.values())
    assert 0 <= found.layers <= size
