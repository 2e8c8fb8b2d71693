"""Window filters compiled: generated code for one observation, the column back end for many.

Guards: a filter reads stored values only (`catalogue.filter_names`), never digests; an error is
"does not count". All filters of a plan also make one function, `FilterSet.masks`, which answers
every filter of an event at once and asks what they share once. Both back ends come from the same
lowered formula. Not done here: which events a window keeps (`paywarden.risk.features`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import OBSERVED_INDEX, observed_path
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL
from paywarden.risk.rules.filter_columns import filter_columns
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.online import functions_of
from paywarden.risk.rules.online_image import image_of_functions
from paywarden.risk.rules.online_index import Filed
from paywarden.risk.rules.online_source import Source
from paywarden.risk.rules.online_symbols import Symbols
from paywarden.risk.rules.program import FALSE, Graph
from paywarden.risk.rules.scope import filter_types
from paywarden.risk.rules.selectivity import Selectivity

_SLOTS = {name: OBSERVED_INDEX[observed_path(name)] for name in filter_types()}


class CompiledFilter:
    """One `where`; satisfies `paywarden.risk.features.plan.Filter`."""

    def __init__(self, text: str, index: int, owner: FilterSet) -> None:
        self.text = text
        self._bit = index
        self._owner = owner
        self._test: Callable[..., Any] = owner.function_of(index)
        self._memos = owner.memos

    def test(self, observation: Observation) -> bool:
        """True when the observation counts; an evaluation error is False."""
        return bool(self._test(observation.values, [None] * self._memos))

    def columns(self, columns: ObservationColumns) -> npt.NDArray[np.bool_]:
        """The same answer for each row, shape [len(columns)]."""
        return filter_columns(self._owner.graph, self._owner.roots[self._bit], columns)


class FilterSet:
    """The filters of one plan, compiled together. Errors: CompileError for a bad text."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(dict.fromkeys(texts))
        self.graph = Graph()
        types = filter_types()
        self.roots = tuple(
            lower(compile_condition(text, types, result=BOOL).expr, self.graph).true
            for text in self.texts
        )
        source = Source(self.graph, Selectivity(self.graph))
        written = [self._tested(source, root) for root in self.roots]
        written.append(self._masked(source))
        functions, self.memos = functions_of(
            image_of_functions(source, self.graph, written), _SLOTS
        )
        self._functions = functions[: len(self.roots)]
        self._masks = functions[len(self.roots)]
        self.filters: dict[str, CompiledFilter] = {
            text: CompiledFilter(text, index, self) for index, text in enumerate(self.texts)
        }

    def function_of(self, index: int) -> Callable[..., Any]:
        """Generated function (values, memory) -> bool of one filter."""
        return self._functions[index]

    def masks(self, observation: Observation) -> int:
        """Bit i is set when filter i (in order of `texts`) counts the observation."""
        found: int = self._masks(observation.values, [None] * self.memos)
        return found

    def _tested(self, source: Source, root: int) -> tuple[str, Symbols]:
        symbols = Symbols()
        return f"def f(v, m):\n return {source.formula(root, symbols)}\n", symbols

    def _masked(self, source: Source) -> tuple[str, Symbols]:
        symbols = Symbols()
        filed = [
            Filed(1 << index, self.graph.conjuncts(root))
            for index, root in enumerate(self.roots)
            if root != FALSE
        ]
        lines = ["b = 0", *source.rules(filed, symbols, fire="b |= {}"), "return b"]
        return "def f(v, m):\n " + "\n ".join(lines) + "\n", symbols


def compile_filters(texts: Iterable[str]) -> Mapping[str, CompiledFilter]:
    """Filters by text, as `WindowPlan` takes them. Errors: CompileError."""
    return FilterSet(texts).filters


def compile_filter(text: str) -> CompiledFilter:
    """One filter. Errors: CompileError."""
    return FilterSet([text]).filters[text]
