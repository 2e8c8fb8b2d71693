"""Values of a model's inputs for one payment, by generated code: what the live path calls.

Guards: bit for bit the numbers of `inputs.py`, from the vector that rules read (`None` where
missing). Sources hold only names of ours (`rules/online_expression.py`); texts are bound values.
Code that should ever raise makes its input missing, never the payment fail; it is counted in
`faults`. What cannot be written out is asked of the interpreter.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from paywarden.risk.rules.cel.patterns import pattern_of
from paywarden.risk.rules.online_expression import value_of
from paywarden.risk.rules.online_fallback import ERROR, HELPERS, binding_of, timestamps_in
from paywarden.risk.rules.online_symbols import Symbols
from paywarden.risk.rules.plain_tree import expr_of
from paywarden.risk.scoring.inputs import LARGEST, Codes, row_value
from paywarden.risk.scoring.recipe import CompiledInput

_BUILTINS = {"len": len, "abs": abs, "int": int, "float": float}
NAN = math.nan

Ask = Callable[[Sequence[Any]], Any]


class InputRow:
    """Computes the inputs of one recipe for one vector; safe to share between threads."""

    def __init__(
        self,
        inputs: Sequence[CompiledInput],
        slots: Mapping[str, int],
        categories: Mapping[str, Codes],
    ) -> None:
        """`slots`: position of each path in the vector. Errors: KeyError for a path without one."""
        self._asks = tuple(_asker(one, slots) for one in inputs)
        tables = [categories.get(one.input.name, {}) for one in inputs]
        self._texts = tuple(
            (place, tables[place]) for place, one in enumerate(inputs) if one.kind == "string"
        )
        self.faults = 0

    def values(self, vector: Sequence[Any]) -> array[float]:
        """The numbers as float32, shape [k]; NaN where missing."""
        found: list[Any] = []
        try:
            found = [ask(vector) for ask in self._asks]
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            found = [self._held(ask, vector) for ask in self._asks]
        for place, codes in self._texts:
            found[place] = codes.get(found[place], NAN)
        try:
            # one pass in C; NaN and a wrong kind leave by the slow way
            return array("f", found)
        except TypeError:
            return array("f", [_number(value) for value in found])

    def _held(self, ask: Ask, vector: Sequence[Any]) -> Any:
        try:
            return ask(vector)
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            self.faults += 1
            return NAN


def _number(value: Any) -> float:
    number = NAN if value is ERROR or value is None else float(value)
    return number if -LARGEST <= number <= LARGEST else NAN


def _asker(one: CompiledInput, slots: Mapping[str, int]) -> Ask:
    symbols = Symbols()
    written = value_of(one.tree, symbols)
    if written is None:
        return _interpreted(one, slots)
    lines, source, kind = written
    answer = [f"r = {source}", "return r"]
    if kind in ("int", "double"):
        # what a float32 cannot hold is missing, as it is over columns
        answer = [f"r = float({source})", f"return r if -B <= r <= B else {'N'}"]
    body = "\n".join(" " + line for line in (*lines, *answer))
    code = compile(f"def ask(v):\n{body}\n", "<input>", "exec")
    function = next(part for part in code.co_consts if isinstance(part, CodeType))
    error = "" if kind == "string" else NAN
    names: dict[str, Any] = {"__builtins__": _BUILTINS, "E": error, "N": NAN, "B": LARGEST}
    for name, sort, payload in symbols.names():
        names[name] = _bound(sort, payload, slots)
    return FunctionType(function, names)


def _bound(sort: str, payload: Any, slots: Mapping[str, int]) -> Any:
    if sort == "slot":
        return slots[payload]
    if sort == "helper":
        return HELPERS[payload]
    return pattern_of(payload) if sort == "pattern" else payload


def _interpreted(one: CompiledInput, slots: Mapping[str, int]) -> Ask:
    expr = expr_of(one.tree)
    times = timestamps_in(expr)
    placed = tuple((path, slots[path], path in times) for path in one.paths)

    def ask(vector: Sequence[Any]) -> Any:
        value = row_value(expr, {p: binding_of(vector[slot], time) for p, slot, time in placed})
        if one.kind == "string":
            return value
        return _number(value)

    return ask
