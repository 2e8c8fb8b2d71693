"""First pass: every window at every payment, by the machine code that decides live.

Guards: the observations are replayed in order from the first, once for each unit of aggregates, and
a unit holds whole groups of equal keys, since only these share state; so units may run side by side
(the compiled code lets the interpreter go) and a finished unit is never computed again. What the
store already has is not asked for. Order within a unit: as live.
Not done here: rules (`rule_pass.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from paywarden.lab.backtest.feature_store import ColumnWriter, FeatureStore, aggregate_digest
from paywarden.lab.backtest.material import Material
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet

UNIT_AGGREGATES = 48
"""Aggregates of a unit: what a killed run can lose at most, in each thread."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Feature:
    """An aggregate of a policy, its kind, and the name of its column in the store."""

    aggregate: Aggregate
    kind: str
    column: str


def features_of(
    material: Material, plan: WindowPlan, aggregates: Sequence[Aggregate]
) -> list[Feature]:
    """Aggregates in plan order with their columns."""
    stream, start = material.stream.digest, material.history_start_us
    return [
        Feature(one, kind, aggregate_digest(stream, one, kind, start))
        for one, kind in zip(aggregates, plan.kinds, strict=True)
    ]


class WindowPass:
    """Computes the columns that a store does not have yet."""

    def __init__(self, material: Material, store: FeatureStore, threads: int) -> None:
        self._material = material
        self._store = store
        self._threads = threads
        self._lock = threading.Lock()
        self._done = 0

    def run(self, features: Sequence[Feature], progress: Progress) -> int:
        """Fill the store; the number of columns that had to be computed."""
        wanted = {one.column: one for one in features if self._store.find(one.column) is None}
        units = _units(list(wanted.values()), self._threads)
        total = len(units) * len(self._material)
        self._done = 0

        def advance(count: int) -> None:
            with self._lock:
                self._done += count
                progress(self._done, total)

        with ThreadPoolExecutor(self._threads, "windows") as pool:
            running = [pool.submit(self._unit, unit, advance) for unit in units]
            for one in running:
                one.result()
        self._store.touch([one.column for one in features])
        return len(wanted)

    def _unit(self, unit: Sequence[Feature], advance: Callable[[int], None]) -> None:
        material, rows = self._material, len(self._material)
        aggregates = [one.aggregate for one in unit]
        filters = FilterSet([one.where for one in aggregates if one.where is not None])
        plan = WindowPlan(aggregates, filters.filters)
        windows = Windows(plan, material.history_start_us)
        writers = [
            self._store.writer(one.column, one.aggregate.function, one.kind, rows) for one in unit
        ]
        place = 0
        seen: FeatureColumns | None = None
        for block, wanted in material.stream.blocks(plan, filters):
            seen = windows.observe_columns(block, wanted)
            _write(writers, seen, place)
            place += len(seen.rows)
            advance(len(seen.rows))
        assert place == rows, "every payment has its windows"
        for writer in writers:
            writer.finish(seen.symbols if seen is not None else ())


def _write(writers: Sequence[ColumnWriter], seen: FeatureColumns, place: int) -> None:
    for index, writer in enumerate(writers):
        values, valid = seen.column(index)
        writer.write(place, np.where(valid, values, 0), valid)


def _units(wanted: list[Feature], threads: int) -> list[list[Feature]]:
    """Groups of equal keys, packed into units of about the same size, largest first."""
    groups: dict[tuple[bool, tuple[str, ...]], list[Feature]] = {}
    for one in wanted:
        key = (one.aggregate.window_us is None, tuple(sorted(one.aggregate.by)))
        groups.setdefault(key, []).append(one)
    count = max(min(threads, len(groups)), -(-len(wanted) // UNIT_AGGREGATES))
    units: list[list[Feature]] = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(units, key=len).extend(group)
    return sorted((unit for unit in units if unit), key=len, reverse=True)
