"""Lowered conditions as plain values: atoms, a graph of `and`/`or`, and what each rule reads.

Guards: everything here is made of tuples, texts and numbers, so that it crosses a process boundary
as data, is hashed by content, and holds no code. An atom is a tuple whose first item is its kind:

    ("eq", path, constant)        ("ge" | "gt" | "le" | "lt", path, constant)
    ("in", path, constants)       ("list", path, list name)
    ("true", path)                ("has", path)
    ("eqp" | "gep" | "gtp", path, path)
    ("expr", plain tree, paths, lists)    anything else, evaluated as a whole

A node is ("lit", atom, positive), ("and", nodes) or ("or", nodes); node 0 is false, node 1 true.
A positive literal says "the atom is true", a negative one "the atom is false": neither holds when
the atom is an error, which is how errors disappear from two-valued formulas (`lowering.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

FALSE = 0
TRUE = 1

Atom = tuple[Any, ...]
Node = tuple[Any, ...]

SEGMENT = "segment"
MERCHANT_GROUP = "merchant_group"
PHASE = "payment.phase"


@dataclass(frozen=True, slots=True)
class Lowered:
    """One condition: nodes that say "is true" and "is false"; an error is neither."""

    true: int
    false: int


@dataclass(slots=True)
class Graph:
    """Atoms and nodes of many conditions, each distinct one once; `kinds`: path -> scalar kind.

    Nodes refer only to smaller numbers, so that walking upwards from 2 meets children first.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    atoms: list[Atom] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=lambda: [("or", ()), ("and", ())])
    _atom_ids: dict[Any, int] = field(default_factory=dict)
    _node_ids: dict[Node, int] = field(default_factory=dict)

    def atom(self, atom: Atom) -> int:
        """Number of an atom; equal atoms share it."""
        key = _key(atom)
        found = self._atom_ids.get(key)
        if found is None:
            found = self._atom_ids[key] = len(self.atoms)
            self.atoms.append(atom)
        return found

    def literal(self, atom: Atom, positive: bool) -> int:
        """Node of "the atom is true" or "the atom is false"."""
        return self._node(("lit", self.atom(atom), positive))

    def literals(self, atom: Atom) -> tuple[int, int]:
        """Nodes of "the atom is true" and "the atom is false"."""
        number = self.atom(atom)
        return self._node(("lit", number, True)), self._node(("lit", number, False))

    def join(self, kind: str, children: Sequence[int]) -> int:
        """Node of `and` or `or` over children, flattened and simplified."""
        absorbing, neutral = (FALSE, TRUE) if kind == "and" else (TRUE, FALSE)
        flat: set[int] = set()
        for child in children:
            node = self.nodes[child]
            if node[0] == kind:
                flat.update(node[1])
            else:
                flat.add(child)
        flat.discard(neutral)
        if absorbing in flat:
            return absorbing
        if len(flat) <= 1:
            return flat.pop() if flat else neutral
        return self._node((kind, tuple(sorted(flat))))

    def _node(self, node: Node) -> int:
        found = self._node_ids.get(node)
        if found is None:
            found = self._node_ids[node] = len(self.nodes)
            self.nodes.append(node)
        return found

    def conjuncts(self, node: int) -> tuple[int, ...]:
        """Children of a conjunction, or the node itself; none for true."""
        content = self.nodes[node]
        return content[1] if content[0] == "and" else (node,)


def _key(atom: Atom) -> Any:
    kind = atom[0]
    if kind == "expr":
        return _exact(atom)
    if kind == "in":
        return atom, type(atom[2][0]) if atom[2] else None
    return (atom, type(atom[2])) if len(atom) == 3 else atom


def _exact(value: Any) -> Any:
    """A key that tells 1, 1.0, True and -0.0 apart, which Python's equality does not."""
    if isinstance(value, tuple):
        return tuple(map(_exact, value))
    return value if isinstance(value, str) else (type(value).__name__, repr(value))


PAIRS = frozenset({"eqp", "gep", "gtp"})


def paths_of_atom(atom: Atom) -> tuple[str, ...]:
    """Paths that an atom reads; lists are not among them."""
    kind = atom[0]
    if kind == "expr":
        paths: tuple[str, ...] = atom[2]
        return paths
    return (atom[1], atom[2]) if kind in PAIRS else (atom[1],)


def lists_of_atom(atom: Atom) -> tuple[str, ...]:
    """Names of the lists that an atom asks."""
    if atom[0] == "expr":
        lists: tuple[str, ...] = atom[3]
        return lists
    return (atom[2],) if atom[0] == "list" else ()
