"""The engine over a table of payments: windows, segments, rules and verdicts, block by block.

Guards: the same answers as `decision.conduct` for each payment in order of time, by the machine
code that decides live. Windows are whole only as far back as the file's first payment: rules that
need more history than there is stay silent, as they do live. A block ends where a list entry
expires. Memory beside the table is bounded by the block and the policy.
Not done here: reading files (`sources.py`), deadlines and recording (live only).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.event_observations import EventObservations
from paywarden.lab.file_lists import FileLists
from paywarden.lab.firing import (
    ALWAYS,
    Placing,
    feature_columns,
    whole_from,
)
from paywarden.lab.tables import PaymentTable
from paywarden.lab.verdicts import CONTEXT, Verdicts, surroundings_of
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.rules.column_program import FiredRules
from paywarden.risk.rules.columns import Column
from paywarden.risk.rules.program import SEGMENT

BLOCK = 32_768

Progress = Callable[[int, int], None]
Watch = Callable[[int, FeatureColumns, FiredRules], None]


@dataclass(slots=True)
class Decided:
    """Verdict number per payment in order of time, [n], and the verdicts."""

    numbers: npt.NDArray[np.int32]
    verdicts: Verdicts
    memory: dict[str, int] = field(default_factory=dict)


class Deciding:
    """Decides one table under one policy."""

    def __init__(
        self, runtime: PolicyRuntime, table: PaymentTable, lists: FileLists, block: int = BLOCK
    ) -> None:
        self._runtime = runtime
        self._table = table
        self._lists = lists
        self._block = block
        policy = runtime.policy
        self._placing = Placing(policy.segments, policy.merchant_groups, policy.lists)
        self._paths = self._read_paths()
        start_us = int(table.time_us[0])
        self._windows = Windows(runtime.plan, start_us)
        self._whole_from = whole_from(runtime.plan, runtime.compiled.needs_whole, start_us)
        self._verdicts = Verdicts(runtime)

    def run(
        self, observations: EventObservations, progress: Progress, watch: Watch | None = None
    ) -> Decided:
        """Decide everything. `progress(done, total)` after every block; `watch` sees its values."""
        total = len(self._table)
        numbers = np.empty(total, np.int32)
        for start, stop, features in self._ahead(observations):
            fired, segment = self._fire(start, stop, features)
            numbers[start:stop] = self._judge(start, stop, fired, segment)
            if watch is not None:
                watch(start, features, fired)
            progress(stop, total)
        return Decided(numbers, self._verdicts, self._windows.memory())

    def _ahead(self, observations: EventObservations) -> Iterator[tuple[int, int, FeatureColumns]]:
        """Features block by block; windows count the next block while rules judge this one."""

        def count(start: int, stop: int) -> tuple[int, int, FeatureColumns]:
            block, payments = observations.block(start, stop)
            return start, stop, self._windows.observe_columns(block, payments)

        with ThreadPoolExecutor(1, "windows") as worker:
            waiting: Future[tuple[int, int, FeatureColumns]] | None = None
            for start, stop in self._bounds():
                coming = worker.submit(count, start, stop)
                if waiting is not None:
                    yield waiting.result()
                waiting = coming
            if waiting is not None:
                yield waiting.result()

    def _bounds(self) -> list[tuple[int, int]]:
        total = len(self._table)
        cuts = set(range(0, total, self._block)) | {total}
        cuts.update(np.searchsorted(self._table.time_us, self._lists.turns).tolist())
        edges = sorted(cuts)
        return list(pairwise(edges))

    def _read_paths(self) -> frozenset[str]:
        read = {path for rule in self._runtime.compiled.rules for path in rule.references.paths}
        return frozenset(read | self._placing.paths)

    # --- rules -----------------------------------------------------------------------------

    def _fire(self, start: int, stop: int, features: FeatureColumns) -> tuple[FiredRules, Column]:
        count = stop - start
        lists = self._lists.at(int(self._table.time_us[start]))
        columns = self._table.part(start, stop, self._paths)
        self._placing.place(columns, lists, count)
        columns.update(feature_columns(features))
        fired = self._runtime.compiled.columns.evaluate(columns, lists, count)
        return self._whole_only(fired, self._table.time_us[start:stop]), columns[SEGMENT]

    def _whole_only(self, fired: FiredRules, time_us: npt.NDArray[np.int64]) -> FiredRules:
        """Fired rules without those that need more history than the file has yet."""
        if not len(fired.rules) or int(self._whole_from.max(initial=ALWAYS)) <= int(time_us[0]):
            return fired
        rows = np.repeat(np.arange(len(time_us)), np.diff(fired.offsets))
        kept = self._whole_from[fired.rules] <= time_us[rows]
        offsets = np.zeros(len(time_us) + 1, np.int64)
        np.cumsum(np.bincount(rows[kept], minlength=len(time_us)), out=offsets[1:])
        rules = fired.rules[kept]
        counts = np.bincount(rules, minlength=len(fired.fired)).astype(np.int64)
        return FiredRules(offsets, rules, counts, fired.errors)

    # --- verdicts --------------------------------------------------------------------------

    def _judge(
        self, start: int, stop: int, fired: FiredRules, segment: Column
    ) -> npt.NDArray[np.int32]:
        parts = self._table.part(start, stop, CONTEXT)
        around, which = surroundings_of(parts, segment)
        return self._verdicts.numbers(fired.offsets, fired.rules, around, which)
