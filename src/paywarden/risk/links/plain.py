"""Links in plain Python: the slow exact twin of `store.py`, readable as the definition.

Guards: state is a function of the observations in log order. Two generations: the older one
answers, the younger is what it will be from the next boundary on, so an edge is forgotten between
one and two generations after it was made, without any scan. An entity that was a hub in the
older generation is one in the younger from the start. A generation without room for one more
observation ends before its time.
"""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.risk.labels.effects import FRAUD, PAYMENT, TAKEN_BACK
from paywarden.risk.links.model import (
    CAPS,
    CARD,
    EDGES_PER_NODE,
    GENERATION_US,
    KINDS,
    MOST_NODES,
    QUARTER_US,
    QUARTERS,
    LinkValues,
)

Node = tuple[int, int]
"""(kind, digest)"""


def nodes_of(digests: Sequence[int]) -> list[Node]:
    """The entities of an event; `digests` in the order of KINDS, 0 where absent."""
    return [(kind, digest) for kind, digest in enumerate(digests) if digest]


class _Component:
    def __init__(self, node: Node) -> None:
        self.members = {node}
        self.edges: list[int] = []  # the quarter of each


class _Generation:
    def __init__(self, before: _Generation | None, start_seq: int) -> None:
        self.start_seq = start_seq
        self.of: dict[Node, _Component] = {}
        self.degree: dict[Node, int] = {}
        self.edges: set[tuple[Node, Node]] = set()
        self.frauds: dict[Node, int] = {}
        self._before = before

    def forget_before(self) -> None:
        """Stand alone from now on."""
        self._before = None

    def hub(self, node: Node) -> bool:
        """Whether a node joins nobody."""
        return self.degree.get(node, 0) > list(CAPS.values())[node[0]]

    def node(self, node: Node) -> None:
        """Make a node known."""
        if node not in self.of:
            self.of[node] = _Component(node)
            was_hub = self._before is not None and self._before.hub(node)
            self.degree[node] = CAPS[KINDS[node[0]]] + 1 if was_hub else 0

    def join(self, nodes: Sequence[Node], quarter: int) -> None:
        """Connect the entities of a payment with the strongest that is no hub."""
        for node in nodes:
            self.node(node)
        anchor = next((node for node in nodes if not self.hub(node)), None)
        if anchor is None:
            return
        for node in nodes:
            if node == anchor:
                continue
            fresh = (anchor, node) not in self.edges and (node, anchor) not in self.edges
            if fresh:
                self.edges.add((anchor, node))
                self.degree[anchor] += 1
                self.degree[node] += 1
            if self.hub(node) or self.hub(anchor):
                continue
            self._union(anchor, node)
            if fresh:
                self.of[anchor].edges.append(quarter)

    def _union(self, one: Node, two: Node) -> None:
        large, small = self.of[one], self.of[two]
        if large is small:
            return
        large.members |= small.members
        large.edges += small.edges
        for member in small.members:
            self.of[member] = large

    def fraud(self, nodes: Sequence[Node], change: int) -> None:
        """Entities take part in one fraud more or less."""
        for node in nodes:
            self.node(node)
            self.frauds[node] = self.frauds.get(node, 0) + change

    def values(self, nodes: Sequence[Node], quarter: int) -> LinkValues:
        """What the components of the nodes hold together."""
        known = [node for node in nodes if node in self.of]
        hubs = [node for node in known if self.hub(node)]
        found = {id(self.of[node]): self.of[node] for node in known if node not in hubs}
        members = [member for one in found.values() for member in one.members]
        recent = range(quarter - QUARTERS + 1, quarter + 1)
        return LinkValues(
            len(members),
            sum(self.frauds.get(member, 0) > 0 for member in members),
            sum(member[0] == CARD for member in members),
            sum(edge in recent for one in found.values() for edge in one.edges),
            len(hubs),
        )


class PlainLinks:
    """Links of one scope."""

    def __init__(self, generation_us: int = GENERATION_US, most_nodes: int = MOST_NODES) -> None:
        self._length = generation_us
        self._most = most_nodes
        self._number = 0
        self._older = self._younger = _Generation(None, 0)
        self._younger = _Generation(self._older, 0)

    def add(
        self, seq: int, t_us: int, digests: Sequence[int], what: int, retracts: int = 0
    ) -> None:
        """Count one observation; `what`: PAYMENT, FRAUD and TAKEN_BACK, or 0."""
        self._turn(seq, t_us)
        nodes = nodes_of(digests)
        while self._counts(what, retracts) and any(map(self._full, (self._older, self._younger))):
            self._next(seq)
        for one in (self._older, self._younger):
            if what & TAKEN_BACK and retracts >= one.start_seq:
                one.fraud(nodes, -1)
            if what & FRAUD:
                one.fraud(nodes, 1)
            if what & PAYMENT:
                one.join(nodes, t_us // QUARTER_US)

    def read(self, t_us: int, digests: Sequence[int]) -> LinkValues:
        """What is known of the entities; counts nothing."""
        ahead = t_us // self._length - self._number
        if ahead > 1:
            return LinkValues()
        one = self._younger if ahead == 1 else self._older
        return one.values(nodes_of(digests), t_us // QUARTER_US)

    def _turn(self, seq: int, t_us: int) -> None:
        number = t_us // self._length
        if number == self._number:
            return
        if number > self._number + 1:
            self._next(seq)
        self._next(seq)
        self._number = number

    def _next(self, seq: int) -> None:
        """The younger generation is the older from here on."""
        self._older = self._younger
        self._older.forget_before()
        self._younger = _Generation(self._older, seq)

    def _counts(self, what: int, retracts: int) -> bool:
        back = what & TAKEN_BACK and retracts >= self._older.start_seq
        return bool(back or what & (FRAUD | PAYMENT))

    def _full(self, one: _Generation) -> bool:
        """Whether an observation might find no room."""
        nodes, edges = len(one.of) + len(KINDS), len(one.edges) + len(KINDS)
        return nodes > self._most or edges > EDGES_PER_NODE * self._most
