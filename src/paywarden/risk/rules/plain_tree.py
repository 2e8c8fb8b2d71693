"""Syntax trees as plain nested tuples and back: the form that crosses a process boundary.

Guards: nothing but texts, numbers, bytes, bool, None and tuples; equal conditions at different
places of the text give equal tuples, so the tuple is also the identity of an expression. Trees are
at most 128 levels deep (`cel.tree.refuse_deep`), which bounds the recursion.

>>> from paywarden.risk.rules.cel.parser import parse
>>> expr_of(plain_of(parse("1 + 2"))).function
'_+_'
"""

from __future__ import annotations

from typing import Any

from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    MapOf,
    Name,
    Place,
    Present,
    Reference,
    Select,
)
from paywarden.risk.rules.cel.types import named

Plain = tuple[Any, ...]
_NOWHERE = Place(1, 1)


def plain_of(expr: Expr) -> Plain:
    """The tuple of a tree, without places."""
    if isinstance(expr, Literal):
        return ("lit", str(expr.type), expr.value)
    if isinstance(expr, Reference):
        return ("ref", expr.path, str(expr.type))
    if isinstance(expr, Call):
        return ("call", expr.function, expr.member, tuple(map(plain_of, expr.arguments)))
    if isinstance(expr, Present):
        return ("has", expr.path)
    if isinstance(expr, Name):
        return ("name", expr.name)
    if isinstance(expr, Select):
        return ("select", plain_of(expr.operand), expr.field, expr.test_only)
    if isinstance(expr, ListOf):
        return ("list", tuple(map(plain_of, expr.items)))
    if isinstance(expr, MapOf):
        return ("map", tuple((plain_of(key), plain_of(value)) for key, value in expr.entries))
    return _plain_loop(expr)


def _plain_loop(loop: Comprehension) -> Plain:
    condition = None if loop.condition is None else plain_of(loop.condition)
    result = None if loop.result is None else plain_of(loop.result)
    return ("loop", loop.kind, plain_of(loop.range), loop.variable, condition, result)


def expr_of(plain: Plain) -> Expr:
    """The tree of a tuple; every place is 1:1."""
    kind = plain[0]
    if kind == "lit":
        return Literal(plain[2], named(plain[1]), _NOWHERE)
    if kind == "ref":
        return Reference(plain[1], named(plain[2]), _NOWHERE)
    if kind == "call":
        return Call(plain[1], tuple(map(expr_of, plain[3])), plain[2], _NOWHERE)
    if kind == "has":
        return Present(plain[1], _NOWHERE)
    if kind == "name":
        return Name(plain[1], _NOWHERE)
    if kind == "select":
        return Select(expr_of(plain[1]), plain[2], plain[3], _NOWHERE)
    if kind == "list":
        return ListOf(tuple(map(expr_of, plain[1])), _NOWHERE)
    if kind == "map":
        return MapOf(tuple((expr_of(k), expr_of(v)) for k, v in plain[1]), _NOWHERE)
    condition = None if plain[4] is None else expr_of(plain[4])
    result = None if plain[5] is None else expr_of(plain[5])
    return Comprehension(plain[1], expr_of(plain[2]), plain[3], condition, result, _NOWHERE)
