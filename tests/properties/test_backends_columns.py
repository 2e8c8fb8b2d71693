"""The column back end against the reference interpreter: true, false, error and their counts."""

from __future__ import annotations

from typing import Any

from backends_material import Online, column_answers, conditions, oracle, vectors
from hypothesis import given, settings
from hypothesis import strategies as st
from test_backends_online import RELAXED, trees_of


@settings(RELAXED, max_examples=50)
@given(st.lists(conditions(), min_size=1, max_size=8), st.lists(vectors, min_size=1, max_size=9))
def test_columns_agree_with_the_interpreter(texts: list[str], rows: list[tuple[Any, ...]]) -> None:
    trees = trees_of(texts)
    answers = column_answers(Online(trees), rows)
    assert answers == [[oracle(tree, row) for tree in trees] for row in rows]
