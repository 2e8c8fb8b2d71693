"""Segments and merchant groups over columns: the name of the first condition that holds.

Guards: the same formulas as the compiled policy's `segment_of` and `merchant_group_of`, by the
column back end; an error does not hold, "" where none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.model import MerchantGroup, Segment
from paywarden.risk.rules.online_fallback import Lists
from paywarden.risk.rules.program import TRUE, Graph, paths_of_atom
from paywarden.risk.rules.scope import segment_types


class FirstColumns:
    """The conditions of segments, or of merchant groups, in order of the policy."""

    def __init__(
        self, named: Sequence[Segment] | Sequence[MerchantGroup], lists: Mapping[str, str]
    ) -> None:
        types = segment_types(lists)
        graph = Graph({path: kind.kind for path, kind in types.items()})
        conditions = []
        for one in named:
            tree = compile_condition(one.when, types, result=BOOL).expr
            formula = lower(tree, graph)
            conditions.append((TRUE, formula.true, formula.false))
        kinds = {path: kind.kind for path, kind in types.items()}
        self._names = ("", *(one.name for one in named))
        self._program = ColumnProgram(graph.atoms, graph.nodes, conditions, kinds)
        self.paths = frozenset(path for atom in graph.atoms for path in paths_of_atom(atom))

    def column(self, columns: Mapping[str, Column], lists: Lists, count: int) -> Column:
        """Names as a column without missing values, shape [count]."""
        here = {path: columns[path] for path in self.paths if path in columns}
        held = self._program.evaluate(here, lists, count)
        codes = np.zeros(count, np.int32)
        some = np.flatnonzero(np.diff(held.offsets))
        codes[some] = held.rules[held.offsets[some]] + 1
        return Column("string", codes, None, self._names)
