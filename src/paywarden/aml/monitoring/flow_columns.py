"""Scores of one typology for many rows at once, by the column back end of conditions.

Guards: the terms that hold and the score are those of the reference interpreter
(`risk.rules.typology_program`), which also writes the sentences of the few rows that alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.log_names import log_types
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.program import TRUE, Graph, paths_of_atom
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_program import TypologyProgram, typology_program
from paywarden.risk.rules.typology_scores import Scores, scores_of

Holds = npt.NDArray[np.bool_]
_LISTS: Final[Mapping[str, Any]] = {}


class ScoreColumns:
    """One typology over columns. Errors when made: CompileError, PolicyErrors."""

    def __init__(self, typology: Typology) -> None:
        findings = Findings()
        types = log_types(flow_types(typology, findings))
        findings.raise_errors()
        self.program: TypologyProgram = typology_program(typology, types)
        graph = Graph({path: kind.kind for path, kind in types.items()})
        conditions = []
        for term in typology.terms:
            formula = lower(self.program.conditions[term.name].expr, graph)
            conditions.append((TRUE, formula.true, formula.false))
        self._columns = ColumnProgram(graph.atoms, graph.nodes, conditions, graph.kinds)
        self.paths = frozenset(path for atom in graph.atoms for path in paths_of_atom(atom))

    def held(self, columns: Mapping[str, Column], count: int) -> dict[str, Holds]:
        """Where each term holds, [count]; `columns` of all `paths`."""
        found = self._columns.by_rule(columns, _LISTS, count)
        held = {}
        for rule, term in enumerate(self.program.typology.terms):
            holds = np.zeros(count, np.bool_)
            holds[found.payments[found.offsets[rule] : found.offsets[rule + 1]]] = True
            held[term.name] = holds
        return held

    def scores(self, held: Mapping[str, Holds], count: int) -> Scores:
        """Scores, [count]."""
        return scores_of(self.program.typology.score, self.program.weights, held, count)
