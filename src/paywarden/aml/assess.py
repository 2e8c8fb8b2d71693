"""The opinion of the engine against money laundering: its rules that fired, verdicts of typologies.

Guards: an opinion is a value; it decides nothing (`paywarden.decision.combine` does) and holds rows
of this engine only, which nothing lowers and no merchant sees. Rows without effect are terms: they
took part in the score of a typology, whose verdict is a row of its own.
Order: rows of other engines are refused, then points are the maximum within each scenario.

>>> from paywarden.risk.rules.firing import AML, FiredRule
>>> dict(assess([FiredRule("a", "structuring", 20, engine=AML)]).points)
{'structuring': 20}
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from paywarden.risk.rules.firing import AML, FiredRule, Opinion, points_of


def assess(fired: Iterable[FiredRule]) -> Opinion:
    """The opinion over the rows that fired. Errors: ValueError for a row of another engine."""
    rows = tuple(fired)
    for row in rows:
        if row.engine != AML:
            raise ValueError(f"the rule {row.id} belongs to the engine {row.engine}")
    return Opinion(AML, rows, MappingProxyType(points_of(rows)))
