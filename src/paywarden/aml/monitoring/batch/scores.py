"""The score of a typology as an Ibis expression, and which of its terms hold.

Guards: the same order of additions as in the plain way, left to right from zero, so that doubles
come out equal; a condition that errs adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from paywarden.risk.rules.typology_model import Combined, Expression, Term


def term_column(place: int) -> str:
    """Column that says whether the term at a place of the file holds."""
    return f"term_{place}"


def score_of(expression: Expression, terms: tuple[Term, ...], held: Mapping[str, Any]) -> Any:
    """The score; `held`: a boolean expression for each term by name."""
    weights = {term.name: term.weight for term in terms}
    return _value(expression, weights, held)


def _value(expression: Expression, weights: Mapping[str, float], held: Mapping[str, Any]) -> Any:
    if isinstance(expression, str):
        weight = ibis.literal(float(weights[expression]), "float64")
        return ibis.ifelse(held[expression], weight, ibis.literal(0.0, "float64"))
    if not isinstance(expression, Combined):
        return ibis.literal(float(expression), "float64")
    parts = [_value(part, weights, held) for part in expression.parts]
    if len(parts) == 1:
        return parts[0]
    if expression.operator == "max":
        return ibis.greatest(*parts)
    if expression.operator == "min":
        return ibis.least(*parts)
    found = parts[0]
    for part in parts[1:]:
        found = found + part if expression.operator == "sum" else found * part
    return found
