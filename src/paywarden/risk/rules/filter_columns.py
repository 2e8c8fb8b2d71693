"""Window filters over columns of observations.

Guards: the same answers as `CompiledFilter.test`, row for row; an error is False.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.columns import ObservationColumns


def filter_columns(
    test: Callable[[Any], bool], columns: ObservationColumns
) -> npt.NDArray[np.bool_]:
    """Answer of a filter for each row, shape [n]."""
    rows = (test(observation) for observation in columns.to_observations())
    return np.fromiter(rows, np.bool_, len(columns))
