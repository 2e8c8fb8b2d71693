"""Laws of typology scores: one at a time equals many at once, bounds hold, order is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from paywarden.risk.rules.typology_model import OPERATORS, Combined, Expression
from paywarden.risk.rules.typology_scores import (
    bounds_of,
    expression_text,
    names_in,
    score_of,
    scores_of,
)

NAMES = ("a", "b", "c", "d")
NUMBERS = st.integers(-100, 100).map(lambda n: n / 4)


def expressions(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Expression]:
    leaves: st.SearchStrategy[Any] = st.sampled_from(NAMES) | numbers

    def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(inner, min_size=1, max_size=4).map(tuple)
        return st.builds(Combined, st.sampled_from(OPERATORS), parts)  # type: ignore[arg-type]

    return st.recursive(leaves, wider, max_leaves=12)


WEIGHTS = st.fixed_dictionaries(dict.fromkeys(NAMES, NUMBERS))
HELD = st.sets(st.sampled_from(NAMES))


@given(expressions(NUMBERS), WEIGHTS, st.lists(HELD, min_size=1, max_size=8))
def test_many_at_once_give_the_same_doubles(
    expression: Expression, weights: dict[str, float], cases: list[set[str]]
) -> None:
    one_by_one = [score_of(expression, weights, held) for held in cases]
    columns = {name: np.array([name in held for held in cases]) for name in NAMES}
    assert scores_of(expression, weights, columns, len(cases)).tolist() == one_by_one


@given(expressions(NUMBERS), WEIGHTS, HELD)
def test_scores_lie_within_their_bounds(
    expression: Expression, weights: dict[str, float], held: set[str]
) -> None:
    low, high = bounds_of(expression, weights)
    score = score_of(expression, weights, held)
    assert low - 1e-6 * abs(low) <= score <= high + 1e-6 * abs(high)


POSITIVE = NUMBERS.map(abs)


@given(
    expressions(POSITIVE),
    st.fixed_dictionaries(dict.fromkeys(NAMES, POSITIVE)),
    HELD,
    st.sampled_from(NAMES),
)
def test_a_further_term_of_positive_weight_never_lowers_the_score(
    expression: Expression, weights: dict[str, float], held: set[str], more: str
) -> None:
    assert score_of(expression, weights, held | {more}) >= score_of(expression, weights, held)


@given(expressions(NUMBERS), WEIGHTS, HELD)
def test_only_named_terms_matter(
    expression: Expression, weights: dict[str, float], held: set[str]
) -> None:
    named = held & set(names_in(expression))
    assert score_of(expression, weights, named) == score_of(expression, weights, held)


def test_expressions_read_as_people_write_them() -> None:
    inner = Combined("sum", ("a", Combined("product", ("b", 0.5))))
    assert expression_text(Combined("max", (inner, 10.0))) == "max(a + (b * 0.5), 10)"


def test_a_term_that_never_held_counts_nothing() -> None:
    assert scores_of(Combined("sum", ("a", "b")), {"a": 1.0, "b": 2.0}, {}, 3).tolist() == [0, 0, 0]
