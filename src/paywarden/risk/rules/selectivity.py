"""How often a literal holds: static guesses, replaced by measured shares where there are some.

Guards: only speed depends on it, never an answer. The guesses: being on a named list is rare;
equality is as rare as the policy names different constants for the path; windows are mostly small,
so a high threshold on an aggregate is rare; amounts above a high bound are rare; negations are
common. Measured shares come from the column back end on a sample of payments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import log2

from paywarden.risk.rules.program import MERCHANT_GROUP, PHASE, SEGMENT, Atom, Graph, Node

LISTED = 0.01
COMMON_PHASE = 0.8
OPAQUE = 0.3
TEST_COST = {"list": 2.0, "expr": 10.0, "eqp": 1.3, "gep": 1.3, "gtp": 1.3}
_WORLD = {SEGMENT: 4, MERCHANT_GROUP: 8}


class Selectivity:
    """Estimated share of payments for which a node holds, between 0 and 1."""

    def __init__(self, graph: Graph, measured: Mapping[int, tuple[float, float]] | None = None):
        """`measured`: atom -> (share true, share false)."""
        self._measured = measured or {}
        self._domain = _domains(graph)
        self._of_atom = [self._guess(atom) for atom in graph.atoms]
        self._graph = graph
        self._known: dict[int, float] = {}

    def of_literal(self, node: Node) -> float:
        """Share for which ("lit", atom, positive) holds."""
        _, atom, positive = node
        measured = self._measured.get(atom)
        if measured is not None:
            return measured[0] if positive else measured[1]
        share = self._of_atom[atom]
        return share if positive else 1.0 - share

    def of_node(self, node: int) -> float:
        """Share for which a node holds, as if its literals were independent."""
        found = self._known.get(node)
        if found is None:
            found = self._known[node] = self._combine(self._graph.nodes[node])
        return found

    def _combine(self, node: Node) -> float:
        if node[0] == "lit":
            return self.of_literal(node)
        share = 1.0
        for child in node[1]:
            held = self.of_node(child)
            share *= held if node[0] == "and" else 1.0 - held
        return share if node[0] == "and" else 1.0 - share

    def _guess(self, atom: Atom) -> float:
        kind, path = atom[0], atom[1]
        if kind == "list":
            return LISTED
        if path == PHASE:
            return COMMON_PHASE
        if kind in ("eq", "in"):
            members = 1 if kind == "eq" else len(atom[2])
            return min(0.95, members / (1.5 + self._domain.get(path, 1)))
        if kind in ("ge", "gt"):
            return _above(path, atom[2])
        if kind in ("le", "lt"):
            return 1.0 - _above(path, atom[2])
        if kind == "true":
            return 0.15
        return {"has": 0.8, "eqp": 0.3, "gep": 0.5, "gtp": 0.5}.get(kind, OPAQUE)


def _domains(graph: Graph) -> dict[str, int]:
    constants: defaultdict[str, set[object]] = defaultdict(set)
    for atom in graph.atoms:
        if atom[0] == "eq":
            constants[atom[1]].add(atom[2])
        elif atom[0] == "in":
            constants[atom[1]].update(atom[2])
    sizes = {path: len(values) for path, values in constants.items()}
    return {path: max(size, _WORLD.get(path, 2)) for path, size in sizes.items()}


def _above(path: str, bound: object) -> float:
    if not isinstance(bound, int | float):
        return 0.5
    if bound <= 0:
        return 0.97
    if path in ("model.p", "model.anomaly"):
        return max(0.005, 1.0 - float(bound))
    scale = 2.0 if path.startswith("agg.") else 8.0
    size = log2(1.0 + bound)
    return scale / (scale + size * (2.0 if path.startswith("agg.") else 1.0))
