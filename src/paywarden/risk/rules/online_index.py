"""Which question a rule is filed under: its access predicate, and what is left to ask after it.

Guards: a cover of a formula is a set of literals of which at least one holds whenever the formula
holds; a rule filed under every literal of a cover is never missed. The cover of a literal is
itself, of a conjunction the cheapest cover of a child, of a disjunction the union of its
children's. The residual of a rule filed under a literal is its conjunction without that literal.
Literals that a table or a sorted chain answers for all rules at once are cheap; others are tested
one by one. The idea is that of publish/subscribe matching (access predicates; Fabret et al.,
"Filtering algorithms for very fast publish/subscribe systems", SIGMOD 2001).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from paywarden.risk.rules.program import FALSE, TRUE, Atom, Graph
from paywarden.risk.rules.selectivity import TEST_COST, Selectivity

MAX_COVER = 24
MAX_TABLE_SET = 512
_CANDIDATE_COST = 3.0  # in tests of one atom: what it costs to look at a rule's residual

Cover = tuple[float, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Filed:
    """A rule under one access literal; `residual`: nodes that must hold as well."""

    rule: int
    residual: tuple[int, ...]


def access_kind(atom: Atom, positive: bool, kinds: dict[str, str]) -> str:
    """How a literal is found: table, chain up, chain down, list, or a test of its own."""
    kind = atom[0]
    if kind == "eq" or (kind == "in" and 0 < len(atom[2]) <= MAX_TABLE_SET):
        return "table" if positive else "test"
    if kind == "true":
        return "table"
    if kind == "list":
        return "list" if positive else "test"
    numeric = isinstance(atom[2] if len(atom) > 2 else None, int | float)
    if kind in ("ge", "gt") and numeric:
        if positive:
            return "up"
        return "down" if kind == "ge" and kinds.get(atom[1]) != "double" else "test"
    return "down" if kind in ("le", "lt") and numeric and positive else "test"


class AccessIndex:
    """Files rules; `filed` maps an access literal's node to its rules, `always` has the rest."""

    def __init__(self, graph: Graph, selectivity: Selectivity) -> None:
        self._graph = graph
        self._selectivity = selectivity
        self._shared: Counter[int] = Counter()
        self._covers: dict[int, Cover | None] = {}
        self.filed: dict[int, list[Filed]] = {}
        self.always: list[Filed] = []

    def file(self, roots: Sequence[tuple[int, int]]) -> None:
        """File (rule, formula) pairs; a formula that is never true is left out."""
        for _, root in roots:
            self._shared.update(self._graph.conjuncts(root))
        for rule, root in roots:
            if root != FALSE:
                self._file(rule, root)

    def _file(self, rule: int, root: int) -> None:
        conjuncts = () if root == TRUE else self._graph.conjuncts(root)
        cover = self.cover(root)
        if cover is None:
            self.always.append(Filed(rule, conjuncts))
            return
        for literal in cover[1]:
            residual = tuple(node for node in conjuncts if node != literal)
            self.filed.setdefault(literal, []).append(Filed(rule, residual))

    def cover(self, node: int) -> Cover | None:
        """Cheapest cover with its cost, or None when there is none of a fair size."""
        if node not in self._covers:
            self._covers[node] = self._cover(node)
        return self._covers[node]

    def _cover(self, node: int) -> Cover | None:
        content = self._graph.nodes[node]
        if content[0] == "lit":
            return self._cost(node), (node,)
        covers = [self.cover(child) for child in content[1]]
        if content[0] == "and":
            found = [cover for cover in covers if cover is not None]
            return min(found) if found else None
        if not covers:
            return 0.0, ()
        whole = [cover for cover in covers if cover is not None]
        literals = tuple(dict.fromkeys(literal for _, part in whole for literal in part))
        if len(whole) < len(covers) or len(literals) > MAX_COVER:
            return None
        return sum(cost for cost, _ in whole), literals

    def _cost(self, literal: int) -> float:
        _, number, positive = node = self._graph.nodes[literal]
        atom = self._graph.atoms[number]
        share = self._selectivity.of_literal(node)
        kind = access_kind(atom, positive, self._graph.kinds)
        if kind in ("table", "up", "down"):
            return share * _CANDIDATE_COST
        test = TEST_COST.get(atom[0], 1.0) / max(1, self._shared[literal])
        return share * _CANDIDATE_COST + test
