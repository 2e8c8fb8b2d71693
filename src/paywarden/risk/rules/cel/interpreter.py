"""The reference interpreter: walks the tree, slow and plain; what every back end must agree with.

Guards: one evaluation takes at most 500,000 steps (a step is a node visited or a share of a large
value touched), after which it ends in an error that nothing absorbs; the tree's depth is bounded by
the parser. `&&`, `||`, `all` and `exists` absorb an error where the other side decides, whichever
side it is on; operands that are not bool count as errors. An unknown name, function or absent value
is an error of the evaluation. Errors hold places and names of the text, never a bound value.
Source: google/cel-spec, doc/langdef.md, "Evaluation" and "Logical Operators".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paywarden.risk.rules.cel.bindings import declared, from_python
from paywarden.risk.rules.cel.checker import TYPE_NAMES
from paywarden.risk.rules.cel.errors import EvaluationError, shown
from paywarden.risk.rules.cel.functions import FUNCTIONS
from paywarden.risk.rules.cel.names import chain_of, find
from paywarden.risk.rules.cel.overloads import EQUALITY, result_of
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    MapOf,
    Name,
    Present,
    Reference,
    Select,
)
from paywarden.risk.rules.cel.tree import AND, OR
from paywarden.risk.rules.cel.types import UINT
from paywarden.risk.rules.cel.values import (
    TYPES,
    Failure,
    Map,
    Members,
    TypeValue,
    Uint,
    Value,
)

MAX_STEPS = 500_000
_UNABSORBED = "evaluation_too_long"


class Evaluation:
    """One evaluation of one tree over bindings; not reusable."""

    def __init__(self, names: Mapping[str, Value], bindings: Mapping[str, Any]) -> None:
        """`names` holds inner values of undeclared names; `bindings` natives of declared paths."""
        self._names = names
        self._bindings = bindings
        self._references: dict[str, Value] = {}
        self._scope: dict[str, Value] = {}
        self._steps = 0

    def value(self, expr: Expr) -> Value:
        """The inner value of `expr`. Errors: EvaluationError."""
        self._charge(1)
        return _VISITS[type(expr)](self, expr)

    def _charge(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            detail = f"the evaluation takes more than {MAX_STEPS} steps; shorten its lists"
            raise EvaluationError(_UNABSORBED, detail)

    # --- names -----------------------------------------------------------------------------

    def _literal(self, expr: Literal) -> Value:
        return Uint(expr.value or 0) if expr.type == UINT else expr.value

    def _reference(self, expr: Reference) -> Value:
        if expr.path not in self._references:
            self._references[expr.path] = self._bound(expr)
        return self._references[expr.path]

    def _bound(self, expr: Reference) -> Value:
        bound = find(self._bindings, expr.path.split("."))
        if bound is None:
            detail = f"`{shown(expr.path)}` is absent"
            raise EvaluationError("absent_value", detail, expr.place)
        try:
            return declared(bound, expr.type)
        except Failure as failure:
            detail = f"the binding of `{shown(expr.path)}` {failure.detail}"
            raise EvaluationError(failure.code, detail, expr.place) from None

    def _present(self, expr: Present) -> Value:
        return find(self._bindings, expr.path.split(".")) is not None

    def _name(self, expr: Name) -> Value:
        if expr.name in self._scope:
            return self._scope[expr.name]
        name = expr.name.removeprefix(".")
        if name in self._names:
            return self._names[name]
        if name in TYPE_NAMES:
            return TypeValue(name)
        raise EvaluationError("no_such_name", f"`{shown(name)}` is not bound", expr.place)

    def _select(self, expr: Select) -> Value:
        path = ".".join(self._unscoped_chain(expr))
        if path in self._names:
            return expr.test_only or self._names[path]
        if not expr.test_only and path in TYPE_NAMES:
            return TypeValue(path)
        operand = self.value(expr.operand)
        if type(operand) is not Map:
            detail = f"the value has no fields, so `.{shown(expr.field)}` cannot be selected"
            raise EvaluationError("no_such_field", detail, expr.place)
        if expr.test_only:
            return expr.field in operand
        if expr.field not in operand:
            detail = f"there is no field `{shown(expr.field)}`"
            raise EvaluationError("no_such_key", detail, expr.place)
        return operand.get(expr.field)

    def _unscoped_chain(self, expr: Select) -> list[str]:
        parts = chain_of(expr)
        if not parts or parts[0] in self._scope:
            return []
        return [parts[0].removeprefix("."), *parts[1:]]

    # --- calls -----------------------------------------------------------------------------

    def _call(self, call: Call) -> Value:
        special = _SPECIAL.get(call.function)
        if special is not None and not call.member:
            return special(self, call)
        arguments = [self.value(part) for part in call.arguments]
        function = FUNCTIONS.get(call.function)
        if function is None or not _fits(call, arguments):
            name = shown(call.function.strip("_"))
            detail = f"`{name}` does not take arguments of these types"
            raise EvaluationError("no_such_overload", detail, call.place)
        try:
            return function(self._charge, *arguments)
        except Failure as failure:
            raise EvaluationError(failure.code, failure.detail, call.place) from None

    def _logic(self, call: Call) -> bool:
        decides = call.function == OR
        failed: EvaluationError | None = None
        for part in call.arguments:
            try:
                if self._truth(part) is decides:
                    return decides
            except EvaluationError as error:
                failed = failed or _absorbed(error)
        if failed is not None:
            raise failed
        return not decides

    def _conditional(self, call: Call) -> Value:
        condition, chosen, other = call.arguments
        return self.value(chosen if self._truth(condition) else other)

    def _truth(self, expr: Expr) -> bool:
        value = self.value(expr)
        if type(value) is not bool:
            raise EvaluationError("no_such_overload", "the value has to be bool", expr.place)
        return value

    # --- containers ------------------------------------------------------------------------

    def _list(self, expr: ListOf) -> list[Value]:
        return [self.value(item) for item in expr.items]

    def _map(self, expr: MapOf) -> Map:
        entries = [(self.value(key), self.value(value)) for key, value in expr.entries]
        for (key, _), (place, _) in zip(entries, expr.entries, strict=True):
            if type(key) not in (bool, int, Uint, str):
                detail = "keys of a map are bool, int, uint or string"
                raise EvaluationError("bad_map_key", detail, place.place)
        try:
            return Map(entries)
        except Failure as failure:
            raise EvaluationError(failure.code, failure.detail, expr.place) from None

    def _loop(self, loop: Comprehension) -> Value:
        source = self.value(loop.range)
        if type(source) is not Map and type(source) is not list:
            detail = f"{loop.kind}() goes over a list or the keys of a map"
            raise EvaluationError("no_such_overload", detail, loop.place)
        elements: list[Value] = source.keys() if isinstance(source, Map) else source
        outer = self._scope
        self._scope = dict(outer)
        try:
            return _LOOPS[loop.kind](self, loop, elements)
        finally:
            self._scope = outer

    def _holds(self, loop: Comprehension, element: Value) -> bool:
        self._charge(1)
        self._scope[loop.variable] = element
        return loop.condition is None or self._truth(loop.condition)

    def _quantified(self, loop: Comprehension, elements: list[Value]) -> bool:
        decides = loop.kind == "exists"
        failed: EvaluationError | None = None
        for element in elements:
            try:
                if self._holds(loop, element) is decides:
                    return decides
            except EvaluationError as error:
                failed = failed or _absorbed(error)
        if failed is not None:
            raise failed
        return not decides

    def _exists_one(self, loop: Comprehension, elements: list[Value]) -> bool:
        return sum(self._holds(loop, element) for element in elements) == 1

    def _filter(self, loop: Comprehension, elements: list[Value]) -> list[Value]:
        return [element for element in elements if self._holds(loop, element)]

    def _mapped(self, loop: Comprehension, elements: list[Value]) -> list[Value]:
        assert loop.result is not None
        return [self.value(loop.result) for element in elements if self._holds(loop, element)]


def bound_names(bindings: Mapping[str, Any]) -> dict[str, Value]:
    """Inner values of all bindings of dynamic mode. Errors: EvaluationError naming the binding."""
    names: dict[str, Value] = {}
    for name, value in bindings.items():
        try:
            names[name] = from_python(value)
        except Failure as failure:
            detail = f"the binding of `{shown(str(name))}` {failure.detail}"
            raise EvaluationError(failure.code, detail) from None
    return names


def _absorbed(error: EvaluationError) -> EvaluationError:
    if error.code == _UNABSORBED:
        raise error
    return error


def _fits(call: Call, arguments: list[Value]) -> bool:
    if any(type(argument) is Members for argument in arguments):
        return call.function == "@in"
    if call.function == "_[_]":
        target, position = arguments
        if type(target) is Map:
            return True
        return type(target) is list and type(position) in (int, Uint, float)
    if call.function == "@in":
        return type(arguments[1]) in (list, Map)
    kinds = tuple(TYPES[type(argument)] for argument in arguments)
    return call.function in EQUALITY or result_of(call.function, call.member, kinds) is not None


_SPECIAL: dict[str, Callable[[Evaluation, Call], Value]] = {
    AND: Evaluation._logic,
    OR: Evaluation._logic,
    "_?_:_": Evaluation._conditional,
}
_LOOPS: dict[str, Callable[[Evaluation, Comprehension, list[Value]], Value]] = {
    "all": Evaluation._quantified,
    "exists": Evaluation._quantified,
    "exists_one": Evaluation._exists_one,
    "filter": Evaluation._filter,
    "map": Evaluation._mapped,
}
_VISITS: dict[type, Callable[[Evaluation, Any], Value]] = {
    Literal: Evaluation._literal,
    Name: Evaluation._name,
    Reference: Evaluation._reference,
    Present: Evaluation._present,
    Select: Evaluation._select,
    Call: Evaluation._call,
    ListOf: Evaluation._list,
    MapOf: Evaluation._map,
    Comprehension: Evaluation._loop,
}
