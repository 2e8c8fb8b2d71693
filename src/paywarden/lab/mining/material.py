"""Values of every mined feature at the payments that teach and judge, by the engine itself.

Guards: windows and present rules run over the whole file by the machine code that decides live, so
that a mined threshold means live what it means here; only the rows that are needed are kept.
Memory: kept rows times features. Not done here: which rows (`periods.py`), thresholds
(`conditions.py`). Shapes: n kept rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.deciding import Deciding
from paywarden.lab.file_lists import FileLists
from paywarden.lab.mapping import Mapping as FileMapping
from paywarden.lab.mining.features import AMOUNT, Window
from paywarden.lab.mining.periods import Part
from paywarden.lab.mining.request import MineRequest
from paywarden.lab.observations import Observations
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import Prepared, conditions_of, reports_of
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.column_program import FiredRules
from paywarden.risk.rules.columns import Column

Progress = Callable[[int, int], None]
CUSTOMERS = ("payer.id", "card.fingerprint", "device.id")


@dataclass(frozen=True, slots=True)
class Values:
    """One feature at the kept rows: `data` float64 or codes, `valid` where it is there, [n]."""

    data: npt.NDArray[np.float64]
    valid: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Material:
    """Kept rows of one part. `value`: minor units, [n]; `stopped`: present outcome is not allow.

    `windows`: values by text of the window; `columns`: fields by path; `customer`: [n].
    """

    part: Part
    windows: Mapping[str, Values]
    columns: Mapping[str, Column]
    value: npt.NDArray[np.int64]
    stopped: npt.NDArray[np.bool_]
    customer: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.part.rows)

    def wanted(self, burst: bool) -> npt.NDArray[np.float64]:
        """What catching each target is worth, [targets]; nothing where present rules stop it.

        Half of it goes by value and half by count, all targets together being 1: a tester's cents
        announce more than they cost. In a burst count alone decides, since most of its value is
        that of honest payments.
        """
        value = self.value[self.part.target].astype(np.float64)
        count = max(len(value), 1)
        shares = (
            value / value.sum() if value.sum() and not burst else np.full(len(value), 1 / count)
        )
        open_targets = ~self.stopped[self.part.target]
        return np.asarray((shares + 1 / count) / 2 * open_targets)


def gather(
    request: MineRequest,
    prepared: Prepared,
    mapping: FileMapping,
    runtime: PolicyRuntime,
    windows: tuple[Window, ...],
    parts: tuple[Part, Part],
    progress: Progress,
) -> tuple[Material, Material]:
    """Run the engine over the file and keep what is needed of both parts."""
    label = mapping.label
    delay_us = label.delay_us if label else None
    texts = conditions_of(runtime.policy)
    prepared = with_posteriors(prepared, label, delay_us, request.key, texts)
    table = prepared.table
    engine = Deciding(runtime, table, FileLists(runtime.policy.lists, request.policy))
    observations = Observations(
        table,
        runtime.plan,
        Digester(request.key),
        reports_of(
            prepared,
            label,
            delay_us,
            runtime.compiled.filters,
            runtime.plan,
        ),
        label.source if label else "",
    )
    keeping = [_Keeping(part, windows) for part in parts]

    def watch(start: int, features: FeatureColumns, _fired: FiredRules) -> None:
        for one in keeping:
            one.take(start, features)

    decided = engine.run(observations, progress, watch)
    outcomes = np.array([case.outcome for case in decided.verdicts.cases], np.int8)
    stopped = outcomes[decided.numbers] != Outcome.ALLOW
    first, second = (_material(one, prepared, stopped) for one in keeping)
    return first, second


class _Keeping:
    """Takes windows of one part's rows, block by block."""

    def __init__(self, part: Part, windows: tuple[Window, ...]) -> None:
        self.part = part
        self._texts = {one.aggregate.name: one.text for one in windows}
        count = len(part.rows)
        self.values = {
            one.text: Values(np.zeros(count), np.zeros(count, np.bool_)) for one in windows
        }

    def take(self, start: int, features: FeatureColumns) -> None:
        rows = self.part.rows
        low, high = np.searchsorted(rows, (start, start + len(features.rows)))
        if low == high:
            return
        here = rows[low:high] - start
        for index, name in enumerate(features.names):
            text = self._texts.get(name)
            if text is None or features.kinds[index] == "string":
                continue
            data, valid = features.column(index)
            self.values[text].data[low:high] = data[here]
            self.values[text].valid[low:high] = valid[here]


def _material(keeping: _Keeping, prepared: Prepared, stopped: npt.NDArray[np.bool_]) -> Material:
    rows = keeping.part.rows
    table = prepared.table
    columns = {
        path: Column(
            column.kind,
            column.data[rows],
            None if column.valid is None else column.valid[rows],
            column.dictionary,
        )
        for path, column in table.columns.items()
    }
    amount = columns.get(AMOUNT)
    value = np.zeros(len(rows), np.int64)
    if amount is not None:
        value = np.where(amount.present(), amount.data, 0).astype(np.int64)
    return Material(
        keeping.part, keeping.values, columns, value, stopped[rows], _customers(columns, len(rows))
    )


def _customers(columns: Mapping[str, Column], count: int) -> npt.NDArray[np.int64]:
    """A number per payment, equal for payments of one customer; -1 - row where nobody is named."""
    found = -1 - np.arange(count)
    for offset, path in enumerate(CUSTOMERS):
        column = columns.get(path)
        if column is not None:
            codes = column.data.astype(np.int64) * len(CUSTOMERS) + offset
            found = np.where((found < 0) & (column.data >= 0), codes, found)
    return found
