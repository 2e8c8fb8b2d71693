"""Syntax tree of conditions: what the parser makes, the checker types and the back ends read.

Guards: a closed set of node kinds, frozen, with a place (line, column, both from 1) on each, so
that every later error can point at the text. Operators are calls under the names of the CEL
specification (`_&&_`, `_+_`, `_?_:_`, `_[_]`, `@in`, `!_`, `-_`), so a back end knows one node kind
for all of them. Macros (all, exists, exists_one, map, filter, has) are expanded by the parser;
window macros (count, sum, ...) stay calls until `paywarden.risk.rules.macros` rewrites them.
Source: google/cel-spec, doc/langdef.md, "Syntax" and "Macros".
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.risk.rules.cel.types import CelType


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1 in code points.

    The first character of the node; for an operator, an index and a member call, the first
    character of the operator, of the bracket and of the function's name.
    """

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. `value` is bool, int, float, str, bytes or None; `type` tells int from double."""

    value: bool | int | float | str | bytes | None
    type: CelType
    place: Place


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier that is not yet resolved, or a variable bound by a comprehension."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted path that the checker found in the declared names, such as `payment.currency`."""

    path: str
    type: CelType
    place: Place


@dataclass(frozen=True, slots=True)
class Present:
    """`has(path)` of a declared path: true when the value is there and not null."""

    path: str
    place: Place


@dataclass(frozen=True, slots=True)
class Select:
    """Field selection on a value; `test_only` is the expansion of `has(operand.field)`."""

    operand: Expr
    field: str
    test_only: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; a member call has its target as the first argument."""

    function: str
    arguments: tuple[Expr, ...]
    member: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    items: tuple[Expr, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map literal: pairs of key and value in source order."""

    entries: tuple[tuple[Expr, Expr], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Comprehension:
    """An expanded macro over a list or the keys of a map.

    `kind` is all, exists, exists_one, map or filter. `variable` is bound to each element in turn;
    `condition` is the predicate (for map: the optional filter, else None) and `result` the mapped
    expression (map only). `all` and `exists` absorb errors as `&&` and `||` do.
    """

    kind: str
    range: Expr
    variable: str
    condition: Expr | None
    result: Expr | None
    place: Place


Expr = Literal | Name | Reference | Present | Select | Call | ListOf | MapOf | Comprehension
