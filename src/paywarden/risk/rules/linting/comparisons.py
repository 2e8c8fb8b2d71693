"""Comparisons as they are written: a name, an operator, a constant; for doubts about numbers.

Guards: formulas bring `> 500` and `>= 501` to one form; people wrote one of them, and doubts about
what they wrote need the number that they wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paywarden.risk.rules.cel.syntax import Call, Expr, ListOf, Literal, Reference
from paywarden.risk.rules.cel.tree import nodes_of

MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
COMPARED = frozenset({"_==_", "_!=_", *MIRRORED})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path` against a constant; `function` as if the name stood on the left."""

    path: str
    kind: str
    function: str
    value: bool | int | float | str
    expr: Expr

    @property
    def number(self) -> float | None:
        """The constant as a number, or None."""
        numeric = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return float(self.value) if numeric else None


def comparisons_of(expr: Expr) -> Iterator[Comparison]:
    """Every comparison of a name with a constant, those of `in [...]` one by one."""
    for node in nodes_of(expr):
        if not isinstance(node, Call) or len(node.arguments) != 2:
            continue
        left, right = node.arguments
        if node.function == "@in" and isinstance(left, Reference) and isinstance(right, ListOf):
            for item in right.items:
                yield from _one("_==_", left, item, node)
        elif node.function in COMPARED:
            if isinstance(left, Literal):
                yield from _one(MIRRORED.get(node.function, node.function), right, left, node)
            else:
                yield from _one(node.function, left, right, node)


def _one(function: str, left: Expr, right: Expr, node: Expr) -> Iterator[Comparison]:
    if not isinstance(left, Reference) or not isinstance(right, Literal):
        return
    value = right.value
    if value is not None and not isinstance(value, bytes):
        yield Comparison(left.path, left.type.kind, function, value, node)
