"""Where a rule applies, as ordinary atoms: its phases, segments and merchant groups.

Guards: the compiler and the proofs of lint mean the same by "applies".
"""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.risk.rules.model import Rule
from paywarden.risk.rules.program import MERCHANT_GROUP, PHASE, SEGMENT, TRUE, Graph


def applies_to(graph: Graph, rule: Rule) -> int:
    """Node of "the payment is one that the rule is limited to"."""
    return graph.join(
        "and",
        (
            one_of(graph, PHASE, rule.phases),
            one_of(graph, SEGMENT, rule.segments),
            one_of(graph, MERCHANT_GROUP, rule.merchant_groups),
        ),
    )


def one_of(graph: Graph, path: str, words: Sequence[str]) -> int:
    """Node of "the path has one of the words"; true where there are none."""
    if not words:
        return TRUE
    graph.kinds[path] = "string"
    wanted = tuple(sorted(set(words)))
    atom = ("eq", path, wanted[0]) if len(wanted) == 1 else ("in", path, wanted)
    return graph.literal(atom, True)
