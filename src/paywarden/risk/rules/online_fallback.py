"""What generated code calls: helper functions, and the interpreter for what is not written out.

Guards: an answer is True, False or the mark of an error, never an exception; times in the vector
are microseconds and become CEL timestamps here. Not done here: anything a payment waits for twice,
since answers are kept for the evaluation by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.functions import FUNCTIONS
from paywarden.risk.rules.cel.interpreter import Evaluation
from paywarden.risk.rules.cel.syntax import Expr, Reference
from paywarden.risk.rules.cel.times import Timestamp, field_of
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.plain_tree import Plain, expr_of

ERROR = "error"

Lists = Mapping[str, Any]
Ask = Callable[[Sequence[Any], Sequence[Any]], Any]


def _uncounted(_steps: int) -> None:
    return None


def _divide(left: float, right: float) -> Any:
    return FUNCTIONS["_/_"](_uncounted, left, right)


def _field(name: str) -> Callable[[int], int]:
    return lambda nanoseconds: field_of(name, Timestamp(nanoseconds), None)


HELPERS: Mapping[str, Callable[..., Any]] = {
    "divide": _divide,
    **{
        name: _field(name)
        for name in ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfYear")
    },
}


def timestamps_in(expr: Expr) -> frozenset[str]:
    """Paths of a tree whose declared type is timestamp."""
    found = (node for node in nodes_of(expr) if isinstance(node, Reference))
    return frozenset(node.path for node in found if node.type.kind == "timestamp")


def evaluate_tree(expr: Expr, bindings: Mapping[str, Any]) -> Any:
    """Value of a tree, or ERROR. `bindings`: path -> value, None where missing."""
    try:
        value = Evaluation({}, bindings).value(expr)
    except (EvaluationError, RecursionError):
        return ERROR
    return value if type(value) is bool else ERROR


def binding_of(value: Any, is_timestamp: bool) -> Any:
    """A value of the vector as the interpreter takes it: microseconds become a timestamp."""
    return Timestamp(value * 1000) if is_timestamp and type(value) is int else value


def asking(
    tree: Plain,
    slots: Sequence[tuple[str, int]],
    lists: Sequence[tuple[str, int]],
    memo: int,
) -> Ask:
    """The function (v, m) of an opaque atom that only the interpreter can answer."""
    expr = expr_of(tree)
    times = timestamps_in(expr)
    placed = tuple((path, slot, path in times) for path, slot in slots)
    named = tuple((f"lists.{name}", place) for name, place in lists)

    def ask(v: Sequence[Any], m: Any) -> Any:
        bindings = {path: binding_of(v[slot], time) for path, slot, time in placed}
        for name, place in named:
            bindings[name] = m[0][place]
        answer = m[memo] = evaluate_tree(expr, bindings)
        return answer

    return ask
