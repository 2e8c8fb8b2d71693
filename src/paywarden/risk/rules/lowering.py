"""Typed trees into two-valued formulas: T(e) "e is true" and F(e) "e is false".

Guards: a rule fires iff its condition is true; an error never fires. `&&` and `||` absorb errors
where the other side decides, so with T and F an error needs no third value: T(a && b) = T(a) and
T(b), F(a && b) = F(a) or F(b), T(!a) = F(a), T(c ? a : b) = T(c) and T(a) or F(c) and T(b); an atom
that errs is neither true nor false. Atoms are brought to one form each, so that equal questions in
different words are asked once: over integers `x > 5`, `5 < x`, `x >= 6` and `!(x < 6)` are one
atom. A double against NaN is why `le` and `lt` stay atoms of their own for doubles. Everything that
is no comparison, membership or presence of declared names becomes one opaque atom.
Order: logic first, then comparisons, then opaque. Not done here: types (`cel.checker`).
Source: google/cel-spec, doc/langdef.md, "Logical Operators".
"""

from __future__ import annotations

import math
from typing import Any

from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    Present,
    Reference,
)
from paywarden.risk.rules.cel.times import parse_timestamp
from paywarden.risk.rules.cel.tree import nodes_of, terms_of
from paywarden.risk.rules.plain_tree import plain_of
from paywarden.risk.rules.program import FALSE, TRUE, Atom, Graph, Lowered

_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
_ORDER = frozenset(_MIRRORED)
_EQUALITY = frozenset({"_==_", "_!=_"})
_BOOLEAN_CALLS = _ORDER | _EQUALITY | {"!_", "_&&_", "_||_", "@in"}
_BOOLEAN_LOOPS = frozenset({"all", "exists", "exists_one"})
_SCALARS = frozenset({"bool", "int", "double", "string", "timestamp"})
_NUMBERS = frozenset({"int", "double"})
_MICROSECOND = 1000
_MAX_SET = 10_000

_Test = tuple[Atom, bool]


def lower(expr: Expr, graph: Graph) -> Lowered:
    """Formulas of a checked condition, added to `graph`."""
    return _Lowering(graph).both(expr)


class _Lowering:
    """One pass over one tree; `_done` keeps sub-trees that two branches share."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._done: dict[int, Lowered] = {}

    def both(self, expr: Expr) -> Lowered:
        found = self._done.get(id(expr))
        if found is None:
            found = self._done[id(expr)] = self._lower(expr)
        return found

    def _lower(self, expr: Expr) -> Lowered:
        if isinstance(expr, Literal) and isinstance(expr.value, bool):
            return Lowered(TRUE, FALSE) if expr.value else Lowered(FALSE, TRUE)
        if isinstance(expr, Call):
            found = self._logic(expr)
            if found is not None:
                return found
        atom, positive = self._test(expr)
        true, false = self._graph.literals(atom)
        return Lowered(true, false) if positive else Lowered(false, true)

    def _logic(self, call: Call) -> Lowered | None:
        join = self._graph.join
        if call.function == "!_":
            inner = self.both(call.arguments[0])
            return Lowered(inner.false, inner.true)
        if call.function in ("_&&_", "_||_"):
            terms = [self.both(term) for term in terms_of(call, call.function)]
            kinds = ("and", "or") if call.function == "_&&_" else ("or", "and")
            return Lowered(
                join(kinds[0], [term.true for term in terms]),
                join(kinds[1], [term.false for term in terms]),
            )
        if call.function == "_?_:_":
            return self._choice(*map(self.both, call.arguments))
        if call.function in _EQUALITY and all(map(_is_boolean, call.arguments)):
            left, right = map(self.both, call.arguments)
            same = self._choice(left, right, Lowered(right.false, right.true))
            return same if call.function == "_==_" else Lowered(same.false, same.true)
        return None

    def _choice(self, condition: Lowered, chosen: Lowered, other: Lowered) -> Lowered:
        join = self._graph.join

        def side(first: int, second: int) -> int:
            taken = join("and", (condition.true, first))
            return join("or", (taken, join("and", (condition.false, second))))

        return Lowered(side(chosen.true, other.true), side(chosen.false, other.false))

    def _test(self, expr: Expr) -> _Test:
        found = self._simple(expr)
        if found is None:
            return opaque(expr), True
        parts = expr.arguments if isinstance(expr, Call) else (expr,)
        for part in parts:
            if isinstance(part, Reference) and part.type.kind != "members":
                self._graph.kinds[part.path] = part.type.kind
        return found

    def _simple(self, expr: Expr) -> _Test | None:
        if isinstance(expr, Present):
            return ("has", expr.path), True
        if isinstance(expr, Reference):
            return (("true", expr.path), True) if expr.type.kind == "bool" else None
        if not isinstance(expr, Call) or len(expr.arguments) != 2:
            return None
        left, right = expr.arguments
        if expr.function == "@in":
            return _membership(left, right)
        if expr.function not in _ORDER and expr.function not in _EQUALITY:
            return None
        if _kind_of(left) is None:
            left, right = right, left
            return self._compare(_MIRRORED.get(expr.function, expr.function), left, right)
        return self._compare(expr.function, left, right)

    def _compare(self, function: str, left: Expr, right: Expr) -> _Test | None:
        kind = _kind_of(left)
        if kind is None or not isinstance(left, Reference):
            return None
        if isinstance(right, Reference):
            return _pair(function, left, right)
        constant = _constant(right)
        if constant is None:
            return None
        if kind in ("int", "timestamp") or (kind == "string" and isinstance(constant, str)):
            return _discrete(function, left.path, kind, constant)
        return _continuous(function, left.path, constant) if kind == "double" else None


def opaque(expr: Expr) -> Atom:
    """The atom of a condition that is evaluated as a whole."""
    paths: set[str] = set()
    lists: set[str] = set()
    for node in nodes_of(expr):
        if isinstance(node, Reference) and node.type.kind == "members":
            lists.add(node.path.removeprefix("lists."))
        elif isinstance(node, Reference | Present):
            paths.add(node.path)
    return ("expr", plain_of(expr), tuple(sorted(paths)), tuple(sorted(lists)))


def _is_boolean(expr: Expr) -> bool:
    if isinstance(expr, Literal | Reference):
        return expr.type.kind == "bool"
    if isinstance(expr, Call):
        return expr.function in _BOOLEAN_CALLS
    loop = isinstance(expr, Comprehension) and expr.kind in _BOOLEAN_LOOPS
    return loop or isinstance(expr, Present)


def _kind_of(expr: Expr) -> str | None:
    scalar = isinstance(expr, Reference) and expr.type.kind in _SCALARS
    return expr.type.kind if scalar and isinstance(expr, Reference) else None


def _constant(expr: Expr) -> Any:
    """Value of a constant (a timestamp as (nanoseconds,)), or None when it is none."""
    if isinstance(expr, Literal) and expr.type.kind in ("int", "uint", "double", "string"):
        return expr.value
    if isinstance(expr, Call) and expr.function == "timestamp":
        text = expr.arguments[0]
        if isinstance(text, Literal) and isinstance(text.value, str):
            return (parse_timestamp(text.value).nanoseconds,)
    return None


def _membership(left: Expr, right: Expr) -> _Test | None:
    kind = _kind_of(left)
    if kind is None or not isinstance(left, Reference):
        return None
    if isinstance(right, Reference):
        members = right.type.kind == "members" and kind == "string"
        return (("list", left.path, right.path.removeprefix("lists.")), True) if members else None
    if not isinstance(right, ListOf) or len(right.items) > _MAX_SET:
        return None
    wanted = ("string",) if kind == "string" else ("int", "uint", "double")
    if kind not in ("string", "int", "double"):
        return None
    if not all(isinstance(item, Literal) and item.type.kind in wanted for item in right.items):
        return None
    values = {item.value for item in right.items if isinstance(item, Literal)}
    if kind != "string":
        values = {fit for value in values if (fit := _fitting(kind, value)) is not None}
    return _one_of(left.path, tuple(sorted(values)))


def _one_of(path: str, values: tuple[Any, ...]) -> _Test:
    return (("eq", path, values[0]) if len(values) == 1 else ("in", path, values)), True


def _fitting(kind: str, value: Any) -> int | float | None:
    """The number as a path of that kind can hold it, or None when it never equals one."""
    if kind == "int":
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        return int(value) if whole and -(1 << 63) <= value < 1 << 63 else None
    try:
        rounded = float(value)
    except OverflowError:
        return None
    return (rounded or 0.0) if rounded == value else None


def _discrete(function: str, path: str, kind: str, constant: Any) -> _Test | None:
    """Comparison of an integer, instant or text with a constant."""
    if function in _EQUALITY:
        return _discrete_equal(function, path, kind, constant)
    if kind == "string":
        atom = "ge" if function in ("_<_", "_>=_") else "gt"
        return (atom, path, constant), function in ("_>_", "_>=_")
    below = function in ("_<_", "_>=_")
    if kind == "timestamp":
        if not isinstance(constant, tuple):
            return None
        bound = -(-constant[0] // _MICROSECOND) if below else constant[0] // _MICROSECOND + 1
    elif isinstance(constant, int | float) and math.isfinite(constant):
        bound = math.ceil(constant) if below else math.floor(constant) + 1
    else:
        return None
    return ("ge", path, bound), function in ("_>_", "_>=_")


def _discrete_equal(function: str, path: str, kind: str, constant: Any) -> _Test | None:
    positive = function == "_==_"
    if kind == "string":
        return ("eq", path, constant), positive
    if kind == "timestamp":
        if not isinstance(constant, tuple):
            return None
        instant, rest = divmod(constant[0], _MICROSECOND)
        return (("in", path, ()) if rest else ("eq", path, instant)), positive
    if not isinstance(constant, int | float):
        return None
    fitting = _fitting("int", constant)
    return (("in", path, ()) if fitting is None else ("eq", path, fitting)), positive


def _continuous(function: str, path: str, constant: Any) -> _Test | None:
    """Comparison of a double with a constant; an integer becomes the doubles beside it."""
    if not isinstance(constant, int | float):
        return None
    if function in _EQUALITY:
        fitting = _fitting("double", constant)
        equal = ("in", path, ()) if fitting is None else ("eq", path, fitting)
        return equal, function == "_==_"
    below, above = _neighbours(constant)
    bounds = {"_<_": ("lt", above), "_<=_": ("le", below), "_>_": ("gt", below)}
    kind, bound = bounds.get(function, ("ge", above))
    return (kind, path, bound), True


def _neighbours(constant: int | float) -> tuple[float, float]:
    """Largest double not above the constant and smallest not below it."""
    rounded = float(constant)
    if rounded == constant:
        return rounded or 0.0, rounded or 0.0
    if rounded < constant:
        return rounded, math.nextafter(rounded, math.inf)
    return math.nextafter(rounded, -math.inf), rounded


_PAIR_KINDS = {"_<_": "lt", "_<=_": "le", "_>_": "gt", "_>=_": "ge"}


def _pair(function: str, left: Reference, right: Reference) -> _Test | None:
    kinds = {left.type.kind, right.type.kind}
    if not (kinds <= _NUMBERS or kinds in ({"string"}, {"timestamp"})):
        return None
    if function in _EQUALITY:
        first, second = sorted((left.path, right.path))
        return ("eqp", first, second), function == "_==_"
    if function in ("_<_", "_<=_"):
        left, right, function = right, left, _MIRRORED[function]
    if "double" not in kinds and function == "_>_":
        return ("gep", right.path, left.path), False
    return (_PAIR_KINDS[function] + "p", left.path, right.path), True
