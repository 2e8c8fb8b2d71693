"""The fraud engine's opinion: the rules that fired, and the points of each scenario.

Guards: an opinion is a value; it decides nothing (`paywarden.decision.combine` does) and holds rows
of the fraud engine only, so that nothing of AML can slip into what a merchant sees.
Order: rows of other engines are refused, then points are the maximum within each scenario.

>>> from paywarden.risk.rules.firing import FiredRule
>>> dict(assess([FiredRule("a", "velocity", 20), FiredRule("b", "velocity", 30)]).points)
{'velocity': 30}
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from paywarden.risk.rules.firing import FRAUD, FiredRule, Opinion, points_of


def assess(fired: Iterable[FiredRule]) -> Opinion:
    """The opinion over the rows that fired. Errors: ValueError for a row of another engine."""
    rows = tuple(fired)
    for row in rows:
        if row.engine != FRAUD:
            raise ValueError(f"the rule {row.id} belongs to the engine {row.engine}")
    return Opinion(FRAUD, rows, MappingProxyType(points_of(rows)))
