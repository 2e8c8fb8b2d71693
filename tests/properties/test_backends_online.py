"""The online back end against the reference interpreter: true, false and error, one by one."""

from __future__ import annotations

from typing import Any

from backends_material import Online, conditions, oracle, tree_of, vectors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paywarden.risk.rules.cel.errors import CompileError

RELAXED = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def trees_of(texts: list[str]) -> list[Any]:
    trees = []
    for text in texts:
        try:
            trees.append(tree_of(text))
        except CompileError as error:
            assert error.code in ("bad_pattern", "number_out_of_range"), text
    return trees


@RELAXED
@given(st.lists(conditions(), min_size=1, max_size=12), st.lists(vectors, min_size=1, max_size=6))
def test_generated_code_agrees_with_the_interpreter(
    texts: list[str], rows: list[tuple[Any, ...]]
) -> None:
    trees = trees_of(texts)
    online = Online(trees)
    for row in rows:
        expected = [oracle(tree, row) for tree in trees]
        assert online.answers(row) == expected
