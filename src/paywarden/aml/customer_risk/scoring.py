"""A model over facts: points by factor, weights of groups, level, all of it explained. Pure.

Guards: the same facts and model give the same assessment in any order of the facts; lines add up to
the score; a factor that cannot be told since a fact lacks gets the points that the model declares
for that, and says which fact. A condition that fails for another reason (a number too large) counts
as one that cannot be told. Not done here: where facts come from (`flattening`), overrides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from paywarden.aml.customer_risk.model import (
    FULL,
    GROUPS,
    Assessment,
    Contribution,
    Factor,
    Level,
    RiskModel,
)
from paywarden.risk.rules.cel.errors import EvaluationError

_BRACES: Final = re.compile(r"\{([a-z_]+(?:\.[a-z0-9_]+)+)\}")
SHOWN_VALUES: Final = 12
SHOWN_CHARACTERS: Final = 120


def assess(model: RiskModel, facts: Mapping[str, Any]) -> Assessment:
    """What the model says of these facts (absent or None: not known)."""
    known = {path: value for path, value in facts.items() if value is not None}
    bindings = {**known, **{f"tables.{name}": one.values for name, one in model.tables.items()}}
    lines: list[Contribution] = []
    kind = known.get("customer.kind")
    for factor in model.factors:
        if kind is None or kind in factor.kinds:
            line = _line(factor, known, bindings)
            if line is not None:
                lines.append(line)
    lines = _capped(model, lines)
    score = sum(line.points for line in lines)
    floor = max((line.at_least for line in lines), default=Level.LOW)
    missing = sorted({path for line in lines for path in line.missing})
    level = max(model.level_of(score), floor)
    return Assessment(model.id, score, level, floor, tuple(lines), tuple(missing))


def _line(
    factor: Factor, known: Mapping[str, Any], bindings: Mapping[str, Any]
) -> Contribution | None:
    try:
        holds = factor.program.evaluate(bindings)
    except EvaluationError:
        return _unknown(factor, known)
    if not holds:
        return None
    return Contribution(
        factor.id, factor.group, "present", factor.points, said(factor.says, known),
        at_least=factor.at_least, sources=factor.sources,
    )  # fmt: skip


def _unknown(factor: Factor, known: Mapping[str, Any]) -> Contribution:
    missing = tuple(path for path in factor.reads if path not in known)
    words = ", ".join(missing) or "a value out of bounds"
    return Contribution(
        factor.id, factor.group, "unknown", factor.missing, f"Not known: {words}", missing,
        factor.missing_at_least, factor.sources,
    )  # fmt: skip


def _capped(model: RiskModel, lines: Sequence[Contribution]) -> list[Contribution]:
    """Lines in order of groups, with what the weight of a group cuts."""
    found: list[Contribution] = []
    for group in GROUPS:
        own = sorted((line for line in lines if line.group == group), key=lambda one: one.factor)
        found += own
        weight = model.weights.get(group, 0)
        over = sum(line.points for line in own) - weight
        if over > 0:
            text = f"All factors of {group} together count {weight} of {FULL} at most"
            found.append(Contribution(f"{group}_weight", group, "cap", -over, text))
    return found


def said(text: str, known: Mapping[str, Any]) -> str:
    """A sentence with the facts that it names in braces."""
    return _BRACES.sub(lambda found: _shown(known.get(found[1])), text)


def _shown(value: Any) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        more = " ..." if len(value) > SHOWN_VALUES else ""
        return ", ".join(map(str, value[:SHOWN_VALUES]))[:SHOWN_CHARACTERS] + more
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:SHOWN_CHARACTERS]
