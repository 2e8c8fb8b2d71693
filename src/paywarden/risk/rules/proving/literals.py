"""Atoms of lowered conditions as questions about variables: which variable, which of its values.

Guards: an atom is true, false or an error; an error is a value of its own, so that "not true" and
"false" stay two things. Variables: a name (`("p", path)`, values and missing); a membership of a
list, and anything else that is evaluated as a whole (three answers); a pair of names (below, equal,
above, unordered, error: so `a > b`, `b <= a` and `a == b` are one variable); a name against a
multiple of another (`x >= 3.0 * y`, for y never negative: the largest multiple that still holds).
What every answer but an error needs to be there is a variable's `strict` paths.
Not done here: search (`solver.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.plain_tree import Plain, expr_of
from paywarden.risk.rules.program import PAIRS, Atom
from paywarden.risk.rules.proving.domains import (
    SCALE_LIMIT,
    never_negative,
    small_whole,
)
from paywarden.risk.rules.proving.sets import (
    ABSENT,
    PRESENT,
    Marks,
    Spans,
    ValueSet,
    above,
    at_least,
    at_most,
    below,
    points,
)

Variable = tuple[Any, ...]
TRUE, FALSE, ERROR = Marks(1, 3), Marks(2, 3), Marks(4, 3)
LESS, SAME, MORE, UNORDERED, BROKEN = (Marks(1 << bit, 5) for bit in range(5))
_RELATIONS = {"eqp": SAME.bits, "gep": SAME.bits | MORE.bits, "gtp": MORE.bits}
_MIRROR = {LESS.bits: MORE.bits, SAME.bits: SAME.bits, MORE.bits: LESS.bits}
_LOGIC = frozenset({"_&&_", "_||_", "_?_:_"})
_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
_ORDERS = {"_>_": ("gt", True), "_>=_": ("ge", True), "_<=_": ("gt", False), "_<_": ("ge", False)}


@dataclass(frozen=True, slots=True)
class Question:
    """An atom: its variable, the values for which it is true and those for which it is false."""

    variable: Variable
    true: ValueSet
    false: ValueSet


class Questions:
    """Questions of atoms over the names of one policy."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        domains: Mapping[str, Spans],
        aggregates: Mapping[str, Aggregate],
    ) -> None:
        self._kinds = kinds
        self._domains = domains
        self._aggregates = aggregates
        self._known: dict[int, Question] = {}
        self.strict: dict[Variable, tuple[str, ...]] = {}

    def of(self, number: int, atom: Atom) -> Question:
        """The question of an atom; `number` is its number in the graph."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._made(atom)
        return found

    def _made(self, atom: Atom) -> Question:
        kind = atom[0]
        if kind == "expr":
            return self._whole(atom)
        path = atom[1]
        if kind == "has":
            return Question(("p", path), PRESENT, ABSENT)
        if kind == "list":
            variable = ("list", path, atom[2])
            self.strict[variable] = (path,)
            return Question(variable, TRUE, FALSE)
        if kind in PAIRS:
            return self._pair(kind, path, atom[2])
        true = _held(atom)
        return Question(("p", path), true, true.complement().meet(PRESENT))

    def _pair(self, kind: str, left: str, right: str) -> Question:
        bits = _RELATIONS[kind]
        first, second = sorted((left, right))
        if first != left:
            bits = sum(mirrored for bit, mirrored in _MIRROR.items() if bits & bit)
        variable = ("pair", first, second)
        self.strict[variable] = (first, second)
        doubles = "double" in (self._kinds.get(left), self._kinds.get(right))
        known = LESS.bits | SAME.bits | MORE.bits | (UNORDERED.bits if doubles else 0)
        return Question(variable, Marks(bits, 5), Marks(known & ~bits, 5))

    def _whole(self, atom: Atom) -> Question:
        _, tree, paths, lists = atom
        if not paths and not lists:
            return _constant(tree)
        scaled = self._scaled(tree)
        if scaled is not None:
            return scaled
        variable = ("expr", tree)
        self.strict[variable] = tuple(sorted(strict_paths(tree)))
        return Question(variable, TRUE, FALSE)

    # --- multiples -------------------------------------------------------------------------

    def _scaled(self, tree: Plain) -> Question | None:
        """`a * x > b * y` with constants a, b above zero, y never negative."""
        if tree[0] != "call" or tree[1] not in _ORDERS:
            return None
        left, right = (_multiple(side) for side in tree[3])
        if left is None or right is None or left[0] == right[0]:
            return None
        function = tree[1]
        if (left[1] != 1, left[0]) > (right[1] != 1, right[0]):
            left, right, function = right, left, _MIRRORED[function]
        return self._against(left, right, *_ORDERS[function])

    def _against(
        self, left: tuple[str, Any], right: tuple[str, Any], family: str, positive: bool
    ) -> Question | None:
        """`left > right` (family gt) or `left >= right` (ge), or its denial."""
        path, own = left
        other, factor = right
        domain = self._domains.get(path, PRESENT)
        if not never_negative(other, self._domains):
            return None
        if domain.nan and self._kinds.get(path) != "int":
            return None
        if not self._exact(path, own, other, factor):
            return None
        bound = Fraction(factor) / Fraction(own)
        kind = "whole" if isinstance(factor, int) else "real"
        variable = ("times", family, kind, path, other)
        self.strict[variable] = (path, other)
        true: Spans = at_least(bound)
        false = true.complement().meet(PRESENT)
        return Question(variable, true, false) if positive else Question(variable, false, true)

    def _exact(self, path: str, own: Any, other: str, factor: Any) -> bool:
        """Whether growing factors only ever shrink the set of payments for which it holds.

        Doubles: one rounded product, which grows with its factor. Integers: products without
        overflow, so that an error never depends on the factor.
        """
        if isinstance(factor, float):
            return own == 1 and isinstance(own, int) and factor < 1e15
        if not (isinstance(own, int) and own <= SCALE_LIMIT and factor <= SCALE_LIMIT):
            return False
        small = functools.partial(small_whole, aggregates=self._aggregates)
        return (own == 1 or small(path)) and (factor == 1 or small(other))


def _held(atom: Atom) -> Spans:
    kind, _, constant = atom if len(atom) == 3 else (*atom, True)
    if kind in ("eq", "true"):
        return points((constant,))
    if kind == "in":
        return points(constant)
    making = {"ge": at_least, "gt": above, "le": at_most, "lt": below}[kind]
    return making(constant)


def _constant(tree: Plain) -> Question:
    """A condition that reads nothing has its answer already."""
    try:
        answer = Program("", expr_of(tree), None).evaluate({})
    except EvaluationError:
        answer = None
    variable = ("expr", tree)
    nothing = Marks(0, 3)
    everything = Marks(7, 3)
    if answer is True:
        return Question(variable, everything, nothing)
    return Question(variable, nothing, everything if answer is False else nothing)


def _multiple(tree: Plain) -> tuple[str, Any] | None:
    """(path, factor) of `x`, `c * x` or `x * c` with a constant above zero."""
    if tree[0] == "ref" and tree[2] in ("int", "double"):
        return tree[1], 1
    if tree[0] != "call" or tree[1] != "_*_":
        return None
    first, second = tree[3]
    if first[0] == "lit":
        first, second = second, first
    if first[0] != "ref" or second[0] != "lit" or second[1] not in ("int", "double"):
        return None
    return (first[1], second[2]) if second[2] > 0 else None


def strict_paths(tree: Plain) -> frozenset[str]:
    """Paths without which the expression is an error for sure."""
    kind = tree[0]
    if kind == "ref":
        return frozenset() if tree[2] == "members" else frozenset({tree[1]})
    if kind == "call":
        parts = tree[3][:1] if tree[1] == "_?_:_" else tree[3]
        if tree[1] in _LOGIC and tree[1] != "_?_:_":
            return frozenset()
        return frozenset().union(*map(strict_paths, parts))
    if kind == "select":
        return strict_paths(tree[1])
    if kind == "list":
        return frozenset().union(*map(strict_paths, tree[1]))
    if kind == "map":
        return frozenset().union(*(strict_paths(part) for entry in tree[1] for part in entry))
    return strict_paths(tree[2]) if kind == "loop" else frozenset()
