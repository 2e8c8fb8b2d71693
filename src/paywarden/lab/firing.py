"""What rules see of a block of payments: fields, segment, merchant group, windows; and wholeness.

Guards: every reader of columns (deciding a file, back-test) joins the same columns in the same way,
so that a rule fires alike in all of them. Rules that need more history than there is stay silent.
Not done here: windows themselves (`risk.features`), what fired rules come to (`verdicts.py`).
Shapes: n payments of a block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from paywarden.lab.segment_columns import FirstColumns
from paywarden.lab.verdicts import CONTEXT
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.model import MerchantGroup, Segment
from paywarden.risk.rules.online_fallback import Lists
from paywarden.risk.rules.program import MERCHANT_GROUP, SEGMENT

ALWAYS = np.iinfo(np.int64).min


class Placing:
    """Segment and merchant group of every payment of a block."""

    def __init__(
        self,
        segments: Sequence[Segment],
        groups: Sequence[MerchantGroup],
        lists: Mapping[str, str],
    ) -> None:
        """`lists`: kind by list name."""
        self._segments = FirstColumns(segments, lists)
        self._groups = FirstColumns(groups, lists)
        self.paths = frozenset(self._segments.paths | self._groups.paths | set(CONTEXT))

    def place(self, columns: dict[str, Column], lists: Lists, count: int) -> None:
        """Add the columns `segment` and `merchant_group`, of shape [count]."""
        columns[SEGMENT] = self._segments.column(columns, lists, count)
        columns[MERCHANT_GROUP] = self._groups.column(columns, lists, count)


def feature_columns(features: FeatureColumns) -> dict[str, Column]:
    """Windows of a block as columns by path."""
    found: dict[str, Column] = {}
    for index, (name, kind) in enumerate(zip(features.names, features.kinds, strict=True)):
        values, valid = features.column(index)
        found[f"agg.{name}"] = aggregate_column(kind, values, valid, features.symbols)
    return found


def aggregate_column(
    kind: str,
    values: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    valid: npt.NDArray[np.bool_],
    symbols: tuple[str, ...],
) -> Column:
    """One window as a column: `values` are indexes into `symbols` where `kind` is string."""
    if kind == "string":
        return Column("string", np.where(valid, values, -1).astype(np.int32), None, symbols)
    return Column(kind, values, None if valid.all() else valid)


def whole_from(
    plan: WindowPlan, needs_whole: Sequence[frozenset[int]], start_us: int
) -> npt.NDArray[np.int64]:
    """First instant at which each rule may fire: the windows that it needs are whole. [rules]"""
    whole = [one.whole_from_us(start_us) for one in plan.aggregates]
    found = np.full(len(needs_whole), ALWAYS, np.int64)
    for rule, needed in enumerate(needs_whole):
        instants = [at for index in needed if (at := whole[index]) is not None]
        found[rule] = max(instants, default=ALWAYS)
    return found
