"""What AML does without rules, over the recorded fields of many payments.

Guards: `decision.built_in` itself makes every row; this file only finds equal cases, so a draft's
thresholds count as they would have. Shapes: n payments.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paywarden.decision.built_in import built_in_rows, floor_of
from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.catalogue import SCREENING_FIELDS
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.model import Policy

_AMOUNT = "payment.amount_base_minor"


def floors(policy: Policy, table: PaymentTable, count: int) -> npt.NDArray[np.int8] | None:
    """The mildest outcome that AML leaves each payment, int8 [n]; None where it has no say."""
    found = table.part(0, count, SCREENING_FIELDS)
    if not found:
        return None
    columns = {**found, **table.part(0, count, (_AMOUNT,))}
    floor = np.zeros(count, np.int8)
    for row in np.flatnonzero(_told(found, count)).tolist():
        fields = fields_at(columns, row)
        floor[row] = floor_of(built_in_rows(policy.screening, policy.travel_rule, fields))
    return floor if floor.any() else None


def fields_at(columns: Mapping[str, Column], row: int) -> dict[str, object]:
    """Fields of one payment by path, missing ones left out."""
    found = {path: column.value(row) for path, column in columns.items()}
    return {path: value for path, value in found.items() if value is not None}


def _told(columns: Mapping[str, Column], count: int) -> npt.NDArray[np.bool_]:
    """Payments of which screening or the travel rule said anything but nothing."""
    told = np.zeros(count, np.bool_)
    for column in columns.values():
        if column.kind == "string":
            empty = column.dictionary.index("") if "" in column.dictionary else -1
            told |= (column.data >= 0) & (column.data != empty)
        else:
            told |= column.present() & (column.data != 0)
    return told
