"""The public face of conditions: compile a text once, evaluate it over bindings many times.

Guards: without `types` the mode is dynamic: names are what is bound, null is a value, an unknown
name is an error of the evaluation. With `types` the mode is checked: names are the declared ones,
null equals absent, and errors of name and type come when compiling. Order when compiling: limits,
tokens, tree, window macros, types. Not done here: speed; the back ends compile the same tree.

>>> compile("1 + size(x) > 2").evaluate({"x": ["a", "b"]})
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paywarden.risk.rules.cel.bindings import to_python
from paywarden.risk.rules.cel.checker import Checked, check
from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.interpreter import Evaluation, bound_names
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.tree import Hook, refuse_deep, transform
from paywarden.risk.rules.cel.types import DYN, CelType, named


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled condition: its text, its tree and, in checked mode, the types of its nodes."""

    source: str
    expr: Expr
    checked: Checked | None

    @property
    def type(self) -> CelType:
        """Type of the result; dyn in dynamic mode."""
        return self.checked.type if self.checked else DYN

    def evaluate(self, bindings: Mapping[str, Any] | None = None) -> Any:
        """The result as a Python native.

        `bindings` maps names to natives; a dotted name may be one key or nested mappings. Errors:
        EvaluationError, also for a binding of an unsupported type; no text holds a bound value.
        """
        given: Mapping[str, Any] = {} if bindings is None else bindings
        if not isinstance(given, Mapping):
            raise TypeError("bindings are a mapping of names to values")
        names = {} if self.checked else bound_names(given)
        try:
            return to_python(Evaluation(names, given).value(self.expr))
        except RecursionError:
            detail = "the stack of this thread is too short for the condition"
            raise EvaluationError("evaluation_too_deep", detail) from None


def compile(
    source: str,
    types: Mapping[str, CelType | str] | None = None,
    *,
    result: CelType | None = None,
    macros: Hook | None = None,
) -> Program:
    """Compile a condition.

    `types` maps dotted names to types or their texts (`"int"`, `"map(string, dyn)"`) and turns on
    checked mode; `result` is then the type that the whole must have. `macros` is asked for every
    call, bottom-up and before checking, and answers the tree that replaces it, or None.
    Errors: CompileError with line and column; ValueError for a text that names no type.
    """
    expr = parse(source)
    if macros is not None:
        expr = transform(expr, macros)
        refuse_deep(expr)
    if types is None:
        return Program(source, expr, None)
    checked = check(expr, declarations_of(types), result)
    return Program(source, checked.expr, checked)


def declarations_of(types: Mapping[str, CelType | str]) -> dict[str, CelType]:
    """Declared names with their types, texts read. Errors: ValueError."""
    return {
        name: kind if isinstance(kind, CelType) else named(kind) for name, kind in types.items()
    }
