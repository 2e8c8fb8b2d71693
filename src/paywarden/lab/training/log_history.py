"""The training set of a log: what this installation saw, as it stood when each payment was decided.

Guards: windows are counted from the observations of the log itself, in its order, by the code that
decides live, so an input has the value that the live model read (a test compares them bit by bit).
A label counts in windows from its receipt, and teaches only what had come, and stood, when the
judged days begin. In life nobody reports what went well: a payment without a standing label counts
as genuine once `delay` has passed, and is left out before that. Payments of imported history are
rows like others. Fields are opened for the run and never written. Of erased persons only what was
not theirs is left.
Shapes: n payments in order of the log. Not done here: reading it (`lab.backtest.log_material`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import Corrupt
from paywarden.core.instants import DAY_US
from paywarden.lab.backtest.material import Material
from paywarden.lab.deciding import Progress
from paywarden.lab.labels import GENUINE, UNKNOWN
from paywarden.lab.prepared import Prepared
from paywarden.lab.training.collecting import Bools, Collecting, Dataset
from paywarden.lab.training.filling import fitting_recipe
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.labels.known import known_at
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.scoring.inputs import InputColumns
from paywarden.risk.scoring.recipe import Input

Marks = npt.NDArray[np.int8]
NOTHING = WindowPlan((), {})


@dataclass(frozen=True, slots=True)
class LogHistory:
    """A log's payments and the policy beside which the model will serve.

    `identity` uint64 [n]: of each attempt, by which labels find it; `delay_us`: see the module.
    """

    policy: Policy
    prepared: Prepared
    source: Mapping[str, str]
    material: Material
    identity: npt.NDArray[np.uint64]
    delay_us: int

    def ever(self, filters: FilterSet) -> Sequence[bool]:
        """A log holds events of every kind: whatever a filter asks may happen."""
        return [True] * len(filters.filters)

    def known_at(self, at_us: int) -> Marks:
        """Labels that had come and stood at an instant, and what was old enough without one."""
        return _known(self.material, self.identity, at_us, self.delay_us)

    def build(
        self, inputs: Sequence[Input], delay_us: int, keep: Bools, progress: Progress
    ) -> Dataset:
        """One pass over the log; `keep` [n]: payments whose inputs are wanted."""
        recipe = fitting_recipe(self, inputs)
        read = {path for one in recipe.inputs for path in one.paths}
        every = (*self.policy.aggregates, *recipe.windows)
        aggregates = [one for one in every if f"agg.{one.name}" in read]
        filters = FilterSet([one.where for one in aggregates if one.where is not None])
        plan = WindowPlan(aggregates, filters.filters)
        windows = Windows(plan, self.material.history_start_us)
        types = condition_types(every, self.policy.lists)
        collecting = Collecting(InputColumns(recipe.inputs, types), self.prepared.table, keep)
        done, total = 0, len(self.material)
        for block, wanted in self.material.stream.blocks(plan, filters):
            seen = windows.observe_columns(block, wanted)
            collecting.take(done, seen)
            done += len(seen.rows)
            progress(done, total)
        if done != total:
            detail = f"{done} of {total} payments have their windows"
            raise Corrupt("history_incomplete", detail, pointer=self.material.source)
        recorded = self.material.recorded
        outcomes = recorded.outcome if recorded is not None else np.zeros(total, np.int8)
        return collecting.dataset(outcomes, delay_us)


def log_history(
    material: Material, policy: Policy, ruleset: str, delay_us: int, now_us: int
) -> LogHistory:
    """A log's material as a history. `now_us`: how old payments without a label are by now."""
    blocks = material.stream.blocks(NOTHING, FilterSet([]))
    identity = np.concatenate([block.identity[wanted] for block, wanted in blocks])
    prepared = Prepared(
        material.table,
        _known(material, identity, now_us, delay_us),
        pl.Series(np.arange(len(material))),
        {},
    )
    source = {
        "log": material.source,
        "log digest": material.digest,
        "ruleset": ruleset,
        "without a label": f"genuine after {delay_us / DAY_US:g} days",
    }
    return LogHistory(policy, prepared, source, material, identity, delay_us)


def _known(
    material: Material, identity: npt.NDArray[np.uint64], at_us: int, delay_us: int
) -> Marks:
    blocks = material.stream.blocks(NOTHING, FilterSet([]))
    marks = known_at((block for block, _ in blocks), at_us).of(identity)
    old = material.table.time_us <= at_us - delay_us
    return np.where((marks == UNKNOWN) & old, np.int8(GENUINE), marks)
