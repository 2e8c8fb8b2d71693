"""Scores of typologies: an expression over the weights of the terms that hold. Pure.

    {sum: [many_senders, {max: [little_kept, 10]}]}

Guards: a term that does not hold counts 0; parts are combined in the order of the file, so that
every reader adds the same doubles in the same order and comes to the same score. Bounds are known
before anything runs, so that no score is infinite and no threshold is out of reach. Not done here:
which terms hold.

>>> score_of(Combined("sum", ("a", Combined("max", ("b", 10.0)))), {"a": 50.0, "b": 30.0}, {"a"})
60.0
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import reduce
from itertools import product as pairs
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from paywarden.risk.rules.typology_model import Combined, Expression, Typology

Scores = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]


def _sum(values: Sequence[Any]) -> Any:
    return reduce(lambda a, b: a + b, values)


def _product(values: Sequence[Any]) -> Any:
    return reduce(lambda a, b: a * b, values)


_SINGLE: Final[Mapping[str, Callable[[Sequence[Any]], Any]]] = {
    "sum": _sum,
    "max": max,
    "min": min,
    "product": _product,
}
_ARRAYS: Final[Mapping[str, Callable[[Sequence[Any]], Any]]] = {
    "sum": _sum,
    "max": lambda values: reduce(np.maximum, values),
    "min": lambda values: reduce(np.minimum, values),
    "product": _product,
}


def weights_of(typology: Typology) -> dict[str, float]:
    """Weight of each term by name."""
    return {term.name: term.weight for term in typology.terms}


def score_of(expression: Expression, weights: Mapping[str, float], held: Collection[str]) -> float:
    """The score where the terms `held` hold, in points."""
    if isinstance(expression, str):
        return weights[expression] if expression in held else 0.0
    if isinstance(expression, Combined):
        parts = [score_of(part, weights, held) for part in expression.parts]
        found: float = _SINGLE[expression.operator](parts)
        return found
    return float(expression)


def scores_of(
    expression: Expression, weights: Mapping[str, float], held: Mapping[str, Holds], count: int
) -> Scores:
    """Scores of `count` cases, [count]; `held[term]` [count], absent where it never holds."""
    if isinstance(expression, str):
        holds = held.get(expression)
        return np.zeros(count) if holds is None else np.where(holds, weights[expression], 0.0)
    if isinstance(expression, Combined):
        parts = [scores_of(part, weights, held, count) for part in expression.parts]
        found: Scores = _ARRAYS[expression.operator](parts)
        return found
    return np.full(count, float(expression))


def bounds_of(expression: Expression, weights: Mapping[str, float]) -> tuple[float, float]:
    """Lowest and highest value that the expression can have (terms taken as independent)."""
    if isinstance(expression, str):
        weight = weights[expression]
        return min(0.0, weight), max(0.0, weight)
    if not isinstance(expression, Combined):
        return float(expression), float(expression)
    parts = [bounds_of(part, weights) for part in expression.parts]
    if expression.operator == "product":
        return reduce(_product_bounds, parts)
    combine = _SINGLE[expression.operator]
    return combine([low for low, _ in parts]), combine([high for _, high in parts])


def _product_bounds(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    corners = [a * b for a, b in pairs(one, other)]
    return min(corners), max(corners)


def names_in(expression: Expression) -> Iterator[str]:
    """Names of terms, in order, repeated as they stand."""
    if isinstance(expression, str):
        yield expression
    elif isinstance(expression, Combined):
        for part in expression.parts:
            yield from names_in(part)


def expression_text(expression: Expression) -> str:
    """The expression as people read it.

    >>> expression_text(Combined("sum", ("a", Combined("max", ("b", 10.0)))))
    'a + max(b, 10)'
    """
    if isinstance(expression, str):
        return expression
    if not isinstance(expression, Combined):
        return f"{expression:g}"
    texts = [expression_text(part) for part in expression.parts]
    if expression.operator in ("max", "min"):
        return f"{expression.operator}({', '.join(texts)})"
    sign = " + " if expression.operator == "sum" else " * "
    return sign.join(
        f"({text})" if _needs_brackets(part) else text
        for part, text in zip(expression.parts, texts, strict=True)
    )


def _needs_brackets(part: Expression) -> bool:
    return isinstance(part, Combined) and part.operator in ("sum", "product")
