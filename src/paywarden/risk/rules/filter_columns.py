"""Window filters over columns of observations, by the column back end.

Guards: the same answers as `CompiledFilter.test`, row for row; an error is False. Texts of
observations are codes into one table already, so each distinct text is asked once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import OBSERVED, OBSERVED_INDEX, observed_path
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.rules.column_program import ColumnProgram
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.program import Graph, paths_of_atom


def filter_columns(graph: Graph, root: int, columns: ObservationColumns) -> npt.NDArray[np.bool_]:
    """Where the formula `root` holds, shape [n]."""
    paths = {path for atom in graph.atoms for path in paths_of_atom(atom)}
    given = {path: _column(path, columns) for path in paths}
    program = ColumnProgram(graph.atoms, graph.nodes, ())
    return program.truth(given, {}, len(columns), root)


def _column(name: str, columns: ObservationColumns) -> Column:
    index = OBSERVED_INDEX[observed_path(name)]
    data = columns.values[index]
    storage = OBSERVED[index].storage
    if storage == "symbol":
        return Column("string", data, None, columns.symbols)
    return Column(storage or "object", data, columns.present(index))
