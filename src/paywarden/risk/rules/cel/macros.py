"""Macros of the language itself: calls of has, all, exists, exists_one, map and filter expanded.

Guards: a macro is known by name, by being a member call or not, and by its number of arguments;
anything else stays a call. The bound variable must be a plain name. Window macros (count, sum, ...)
belong to `paywarden.risk.rules.macros`. Source: google/cel-spec, doc/langdef.md, "Macros".
"""

from __future__ import annotations

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.syntax import Call, Comprehension, Expr, Name, Select

_PREDICATES = frozenset({"all", "exists", "exists_one", "filter"})


def expand(call: Call) -> Expr:
    """The expansion of `call`, or `call` itself when it is no macro. Errors: CompileError."""
    count = len(call.arguments)
    if not call.member:
        return _has(call) if call.function == "has" and count == 1 else call
    if call.function in _PREDICATES and count == 3:
        source, variable, condition = call.arguments
        return _loop(call, source, variable, condition, None)
    if call.function == "map" and count == 3:
        source, variable, result = call.arguments
        return _loop(call, source, variable, None, result)
    if call.function == "map" and count == 4:
        source, variable, condition, result = call.arguments
        return _loop(call, source, variable, condition, result)
    return call


def _has(call: Call) -> Expr:
    asked = call.arguments[0]
    if not isinstance(asked, Select) or asked.test_only:
        detail = "has() asks for a field: write has(value.field)"
        raise CompileError("bad_macro", detail, asked.place)
    return Select(asked.operand, asked.field, True, call.place)


def _loop(
    call: Call, source: Expr, variable: Expr, condition: Expr | None, result: Expr | None
) -> Expr:
    if not isinstance(variable, Name) or variable.name.startswith("."):
        detail = f"the first argument of {call.function}() is the name of the element"
        raise CompileError("bad_macro", detail, variable.place)
    return Comprehension(call.function, source, variable.name, condition, result, call.place)
