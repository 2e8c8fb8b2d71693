"""Checked mode: names resolved against the declared ones, every node typed, errors with a place.

Guards: a checked tree holds no unknown name and no call without a fitting overload; a literal
pattern, time or duration that could never work is refused here. A dotted chain becomes a
`Reference` of the longest declared name (variables of comprehensions come first, a leading dot
skips them); `has(chain)` of a declared name becomes `Present`. The type of a named list (members)
stands only on the right of `in`. Order: depth, names, operands, overload, constants, result. That
a declared name may be absent when evaluated is no matter of types. Source: google/cel-spec,
doc/langdef.md, "Name Resolution" and "Gradual Type Checking".
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from paywarden.risk.rules.cel.constants import refuse_bad_constant
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.names import chain_of
from paywarden.risk.rules.cel.overloads import SPECIAL, TABLE, result_of
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
from paywarden.risk.rules.cel.tree import refuse_deep
from paywarden.risk.rules.cel.types import (
    BOOL,
    DYN,
    MEMBERS,
    NULL,
    STRING,
    TYPE,
    CelType,
    assignable,
    joined,
    list_of,
    map_of,
)

TYPE_NAMES = {
    **{word: word for word in ("bool", "int", "uint", "double", "string", "bytes")},
    **{word: word for word in ("list", "map", "null_type", "type")},
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}
_KEY_KINDS = frozenset({"bool", "int", "uint", "string", "dyn"})
_SPELLED = {"@in": "in", "_[_]": "[]", "_?_:_": "?:"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked tree, its type, and the types of its nodes by identity (`type_of`)."""

    expr: Expr
    type: CelType
    types: dict[int, CelType]

    def type_of(self, node: Expr) -> CelType:
        """Type of a node of `expr`. Errors: KeyError for a node of another tree."""
        return self.types[id(node)]


def check(
    expr: Expr, declarations: Mapping[str, CelType], result: CelType | None = BOOL
) -> Checked:
    """The typed tree of `expr` over the declared dotted names.

    `result` is the type that the whole must have (dyn does not pass for it); None allows any.
    Errors: CompileError with line, column and, for a name, the nearest declared one.
    """
    refuse_deep(expr)
    checker = _Checker(declarations)
    checked = checker.visit(expr)
    kind = checker.types[id(checked)]
    if result is not None and not _is(kind, result):
        raise CompileError("wrong_result_type", _wrong_result(kind, result), expr.place)
    return Checked(checked, kind, checker.types)


def _is(kind: CelType, result: CelType) -> bool:
    return kind == result or (kind != DYN and result != BOOL and assignable(result, kind))


def _wrong_result(kind: CelType, result: CelType) -> str:
    if kind == DYN:
        return f"the type is known only at run time; compare or convert it so that it is {result}"
    return f"the expression is {kind} and has to be {result}"


class _Checker:
    """One pass over one tree; `_scope` holds the variables of the comprehensions around a node."""

    def __init__(self, declarations: Mapping[str, CelType]) -> None:
        self._declared = declarations
        self._scope: dict[str, CelType] = {}
        self.types: dict[int, CelType] = {}

    def visit(self, expr: Expr, *, members: bool = False) -> Expr:
        node, kind = self._typed(expr)
        if kind == MEMBERS and not members:
            detail = "a named list is only asked with `in`: write `value in lists.name`"
            raise CompileError("list_outside_in", detail, expr.place)
        self.types[id(node)] = kind
        return node

    def _typed(self, expr: Expr) -> tuple[Expr, CelType]:
        if isinstance(expr, Literal):
            return expr, expr.type
        if isinstance(expr, Name | Select):
            return self._name(expr)
        if isinstance(expr, Call):
            return self._call(expr)
        if isinstance(expr, ListOf):
            items = tuple(self.visit(item) for item in expr.items)
            return ListOf(items, expr.place), list_of(self._joined(items))
        if isinstance(expr, MapOf):
            return self._map(expr)
        if isinstance(expr, Comprehension):
            return self._loop(expr)
        if isinstance(expr, Present):
            self._declared_type(expr.path, expr.place)
            return expr, BOOL
        kind = self._declared_type(expr.path, expr.place)
        return Reference(expr.path, kind, expr.place), kind

    def _joined(self, nodes: tuple[Expr, ...]) -> CelType:
        return joined([self.types[id(node)] for node in nodes])

    # --- names -----------------------------------------------------------------------------

    def _name(self, expr: Name | Select) -> tuple[Expr, CelType]:
        parts, place = chain_of(expr), expr.place
        if parts and parts[0] not in self._scope:
            parts[0] = parts[0].removeprefix(".")
            resolved = self._longest(expr, parts, place)
            if resolved:
                return resolved
            path = ".".join(parts)
            if path in TYPE_NAMES:
                return Name(path, place), TYPE
            raise self._unknown(path, place)
        if isinstance(expr, Name):
            return expr, self._scope[expr.name]
        return self._select(expr)

    def _longest(
        self, expr: Name | Select, parts: list[str], place: Place
    ) -> tuple[Expr, CelType] | None:
        path = ".".join(parts)
        kind = self._declared.get(path)
        if kind is not None:
            if isinstance(expr, Select) and expr.test_only:
                return Present(path, expr.place), BOOL
            return Reference(path, kind, place), kind
        if any(".".join(parts[:count]) in self._declared for count in range(1, len(parts))):
            assert isinstance(expr, Select)
            return self._select(expr)
        return None

    def _select(self, expr: Select) -> tuple[Expr, CelType]:
        operand = self.visit(expr.operand)
        kind = self.types[id(operand)]
        if kind != DYN and (kind.kind != "map" or kind.parameters[0] not in (STRING, DYN)):
            detail = f"{kind} has no fields, so `.{shown(expr.field)}` cannot be selected"
            raise CompileError("no_such_field", detail, expr.place)
        value = kind.parameters[1] if kind.parameters else DYN
        node = Select(operand, expr.field, expr.test_only, expr.place)
        return node, BOOL if expr.test_only else value

    def _declared_type(self, path: str, place: Place) -> CelType:
        kind = self._declared.get(path)
        if kind is None:
            raise self._unknown(path, place)
        return kind

    def _unknown(self, path: str, place: Place) -> CompileError:
        names = [*self._declared, *self._scope]
        if any(name.startswith(path + ".") for name in names):
            detail = f"`{shown(path)}` is a group of names; ask for one of its fields"
            return CompileError("name_is_group", detail, place)
        near = nearest(path, names)
        if near:
            remedy = f"did you mean `{near}`?"
        else:
            roots = sorted({name.partition(".")[0] for name in names})[:12]
            remedy = "names begin with " + ", ".join(roots) if roots else "no names are declared"
        return CompileError("unknown_name", f"`{shown(path)}` is not declared; {remedy}", place)

    # --- calls and containers --------------------------------------------------------------

    def _call(self, call: Call) -> tuple[Expr, CelType]:
        if call.function not in TABLE and call.function not in SPECIAL:
            raise self._unknown_function(call)
        holds = call.function == "@in"
        arguments = tuple(
            self.visit(part, members=holds and index == 1)
            for index, part in enumerate(call.arguments)
        )
        kinds = tuple(self.types[id(node)] for node in arguments)
        kind = result_of(call.function, call.member, kinds)
        if kind is None:
            raise CompileError("no_such_overload", _mismatch(call, kinds), call.place)
        refuse_bad_constant(call.function, arguments)
        return Call(call.function, arguments, call.member, call.place), kind

    def _unknown_function(self, call: Call) -> CompileError:
        near = nearest(call.function, [name for name in TABLE if name[0].isalpha()])
        remedy = f"; did you mean `{near}`?" if near else ""
        detail = f"there is no function `{shown(call.function)}`{remedy}"
        return CompileError("unknown_function", detail, call.place)

    def _map(self, expr: MapOf) -> tuple[Expr, CelType]:
        entries = tuple((self.visit(key), self.visit(value)) for key, value in expr.entries)
        for key, _ in entries:
            if self.types[id(key)].kind not in _KEY_KINDS:
                detail = "keys of a map are bool, int, uint or string"
                raise CompileError("bad_map_key", detail, key.place)
        keys = self._joined(tuple(key for key, _ in entries))
        values = self._joined(tuple(value for _, value in entries))
        return MapOf(entries, expr.place), map_of(keys, values)

    def _loop(self, loop: Comprehension) -> tuple[Expr, CelType]:
        source = self.visit(loop.range)
        kind = self.types[id(source)]
        if kind != DYN and kind.kind not in ("list", "map"):
            detail = f"{loop.kind}() goes over a list or the keys of a map, not over {kind}"
            raise CompileError("no_such_overload", detail, loop.place)
        element = kind.parameters[0] if kind.parameters else DYN
        outer = self._scope
        self._scope = {**outer, loop.variable: element}
        condition = None if loop.condition is None else self.visit(loop.condition)
        mapped = None if loop.result is None else self.visit(loop.result)
        self._scope = outer
        if condition is not None and not assignable(BOOL, self.types[id(condition)]):
            detail = f"the condition of {loop.kind}() has to be bool"
            raise CompileError("no_such_overload", detail, condition.place)
        node = replace(loop, range=source, condition=condition, result=mapped)
        if mapped is not None:
            return node, list_of(self.types[id(mapped)])
        return node, list_of(element) if loop.kind == "filter" else BOOL


def nearest(name: str, names: list[str]) -> str | None:
    """The declared name most like `name`, or None when none is alike."""
    found = difflib.get_close_matches(name[:200], names, 1, 0.6)
    return found[0] if found else None


def _mismatch(call: Call, kinds: tuple[CelType, ...]) -> str:
    name = _SPELLED.get(call.function, call.function.strip("_"))
    given = ", ".join(map(str, kinds))
    detail = f"`{name}` does not take ({given})"
    if NULL in kinds and call.function in ("_==_", "_!=_"):
        return detail + "; a name is never null: ask has(name)"
    if {kind.kind for kind in kinds} & {"int", "double", "uint"} and "dyn" not in given:
        return detail + "; arithmetic is not mixed: convert with int() or double()"
    return detail
