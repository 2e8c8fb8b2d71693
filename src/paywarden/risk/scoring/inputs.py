"""Values of a model's inputs over columns of payments: float32, NaN where something is missing.

Guards: one number per input and payment, the same that `inputs_online.py` gives for one payment
(a test compares them bit by bit). Integers and doubles become the nearest float32 by way of a
double; what is not finite, an error, or missing is NaN; a bool is 0 or 1. A text is its code in the
categories of the input (see `categories.py`), NaN when it is not among them.
What the column back end cannot compute whole is asked row by row of the interpreter.
Shapes: n payments, k inputs. Not done here: windows (`risk.features`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.interpreter import Evaluation
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.column_expression import Rowwise, compute
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.online_fallback import binding_of, timestamps_in
from paywarden.risk.rules.plain_tree import expr_of
from paywarden.risk.rules.program import Graph
from paywarden.risk.scoring.recipe import CompiledInput

Floats = npt.NDArray[np.float32]
Codes = Mapping[str, float]
LARGEST = 3.4028234663852886e38
"""The greatest float32."""
_ZERO: Mapping[str, Any] = {"int": np.int64, "timestamp": np.int64, "double": np.float64}


def narrowed(values: npt.NDArray[Any], error: npt.NDArray[np.bool_] | None) -> Floats:
    """Numbers as float32 by way of a double; NaN where not finite or an error, shape [n]."""
    wide = values.astype(np.float64)
    if error is not None:
        wide[error] = np.nan
    wide[~(np.abs(wide) <= LARGEST)] = np.nan
    return wide.astype(np.float32)


class InputColumns:
    """Computes the inputs of one recipe over blocks of payments."""

    def __init__(
        self,
        inputs: Sequence[CompiledInput],
        types: Mapping[str, CelType],
        categories: Mapping[str, Codes] | None = None,
    ) -> None:
        """`categories`: code by text, per input that is a text; absent: raw dictionary codes."""
        self._types = types
        self._categories = categories
        self._readers = [self._reader(one) for one in inputs]
        self.inputs = tuple(inputs)
        self.paths = frozenset(path for one in inputs for path in one.paths)

    def _reader(self, one: CompiledInput) -> Any:
        if one.kind == "string":
            return _Text(one)
        return _Truth(one) if one.kind == "bool" else _Number(one)

    def matrix(self, columns: Mapping[str, Column], n: int, out: Floats | None = None) -> Floats:
        """Values of every input, float32 [n, k]. A path without a column is missing everywhere."""
        found = np.empty((n, len(self.inputs)), np.float32) if out is None else out
        here = {path: columns.get(path) or self._missing(path, n) for path in self.paths}
        for place, reader in enumerate(self._readers):
            codes = None
            if self._categories is not None:
                codes = self._categories.get(self.inputs[place].input.name)
            found[:, place] = reader.values(here, n, codes)
        return found

    def _missing(self, path: str, n: int) -> Column:
        kind = self._types[path].kind
        if kind == "string":
            return Column("string", np.full(n, -1, np.int32), None, ())
        nothing = np.zeros(n, np.bool_)
        if kind == "bool":
            return Column("bool", nothing, nothing)
        if kind in _ZERO:
            return Column(kind, np.zeros(n, _ZERO[kind]), nothing)
        return Column("object", np.full(n, None, object), nothing)


class _Number:
    def __init__(self, one: CompiledInput) -> None:
        self._one = one

    def values(self, columns: Mapping[str, Column], n: int, _codes: Codes | None) -> Floats:
        try:
            found = compute(self._one.tree, columns, n)
        except Rowwise:
            return _by_row(self._one, columns, n)
        return narrowed(found.data, found.error)


class _Truth:
    def __init__(self, one: CompiledInput) -> None:
        graph = Graph()
        formula = lower(expr_of(one.tree), graph)
        self._true, self._false = formula.true, formula.false
        self._program = ColumnProgram(graph.atoms, graph.nodes, (), graph.kinds)

    def values(self, columns: Mapping[str, Column], n: int, _codes: Codes | None) -> Floats:
        found = np.full(n, np.nan, np.float32)
        found[self._program.truth(columns, {}, n, self._false)] = 0.0
        found[self._program.truth(columns, {}, n, self._true)] = 1.0
        return found


class _Text:
    def __init__(self, one: CompiledInput) -> None:
        self._one = one

    def values(self, columns: Mapping[str, Column], n: int, codes: Codes | None) -> Floats:
        column = self._column(columns, n)
        if codes is None:
            return narrowed(column.data, column.data < 0)
        table = [codes.get(text, np.nan) for text in column.dictionary]
        return np.asarray(np.array([*table, np.nan], np.float32)[column.data])

    def _column(self, columns: Mapping[str, Column], n: int) -> Column:
        if self._one.tree[0] == "ref":
            column = columns[self._one.tree[1]]
            if column.kind == "string":
                return column
        texts = _rows(self._one, columns, n)
        known: dict[str, int] = {}
        data = [-1 if t is None else known.setdefault(t, len(known)) for t in texts]
        return Column("string", np.array(data, np.int32), None, tuple(known))


def _by_row(one: CompiledInput, columns: Mapping[str, Column], n: int) -> Floats:
    numbers = [np.nan if value is None else float(value) for value in _rows(one, columns, n)]
    return narrowed(np.array(numbers, np.float64), None)


def _rows(one: CompiledInput, columns: Mapping[str, Column], n: int) -> list[Any]:
    """The interpreter's value of each row, None for an error."""
    expr = expr_of(one.tree)
    times = timestamps_in(expr)
    given = [columns[path].values() for path in one.paths]
    rows = zip(*given, strict=True) if given else [()] * n
    answers = []
    for row in rows:
        pairs = zip(one.paths, row, strict=True)
        answers.append(row_value(expr, {p: binding_of(v, p in times) for p, v in pairs}))
    return answers


def row_value(expr: Any, bindings: Mapping[str, Any]) -> Any:
    """The interpreter's value of a tree, None for an error."""
    try:
        value = Evaluation({}, bindings).value(expr)
    except (EvaluationError, RecursionError):
        return None
    return value if isinstance(value, bool | int | float | str) else None
