"""Which windows must be whole before a rule may fire.

Guards: where the log is shorter than a window its value is a part of the truth. A rule that fires
on a part must fire on the whole too. That is sure only for windows that cannot shrink as history
grows (count, distinct, max, sums of amounts that are never negative) in the atoms `>=` and `>` that
have to be true: what part of the history exceeds, the whole exceeds. Formulas say "is true" by
`and` and `or` over literals, so that truth of a formula never turns when literals stay true. Every
other use of a window needs it whole. Not done here: which windows are partial (`features.plan`).
"""

from __future__ import annotations

from collections.abc import Iterable

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.program import Graph, paths_of_atom

_GROWING = frozenset({"count", "distinct", "max"})
_NEVER_NEGATIVE = frozenset({"payment.amount_minor", "payment.amount_base_minor"})
_LOWER_BOUNDS = frozenset({"ge", "gt"})


def growing(aggregates: Iterable[Aggregate]) -> frozenset[str]:
    """Paths of windows whose value on a part of the history is at most that on the whole."""
    return frozenset(
        f"agg.{one.name}"
        for one in aggregates
        if one.function in _GROWING or (one.function == "sum" and one.of in _NEVER_NEGATIVE)
    )


def needed_whole(graph: Graph, node: int, grows: frozenset[str]) -> tuple[str, ...]:
    """Names of the aggregates that must be whole for the formula at `node`; see `growing`."""
    needed: set[str] = set()
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        content = graph.nodes[number]
        if content[0] != "lit":
            waiting.extend(content[1])
            continue
        atom = graph.atoms[content[1]]
        if content[2] and atom[0] in _LOWER_BOUNDS and atom[1] in grows:
            continue
        needed.update(path for path in paths_of_atom(atom) if path.startswith("agg."))
    return tuple(sorted(path.removeprefix("agg.") for path in needed))
