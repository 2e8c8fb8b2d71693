"""A window plan: the aggregates of a policy, checked and grouped for the stores.

Guards: everything that could go wrong in a store because of a policy goes wrong here instead, with
the name of the aggregate in the pointer: unknown fields and keys, functions that do not fit the
type, windows over the limits, filters that were not compiled, too many aggregates.
Aggregates with the same keys share a slot; `all` windows have slots of their own, since they keep
running totals where the others keep events. Equal (filter, field) pairs of a slot share a lane.
Not here: the numbers that the compiled store reads (`program.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.risk.features.aggregates.registry import AGGREGATE_FUNCTIONS, OutputKind
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX, Storage
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.model import DAY_LIMIT_DAYS, EXACT_LIMIT_US, SECOND_US, Aggregate
from paywarden.risk.features.observation import Observation

AGGREGATE_LIMIT = 4096
EXCLUSION_HOLD_US = DAY_US
"""How long `read` can still leave an event out of an `all` window (bounded windows: always)."""


class Filter(Protocol):
    """A compiled `where`: decides one observation, or a column of them, alike."""

    def test(self, observation: Observation) -> bool:
        """True when the observation counts; an evaluation error is False."""
        ...

    def columns(self, columns: ObservationColumns) -> npt.NDArray[np.bool_]:
        """The same answer for each row, shape [len(columns)]."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedAggregate:
    """One aggregate with names resolved.

    `kinds`: sorted indexes in KEY_KINDS. `of`: index in OBSERVED, -1 without. `where`: index in
    `WindowPlan.filters`, -1 without. `whole_after_us`: window length for `partial`.
    """

    name: str
    function: int
    kind: OutputKind
    kinds: tuple[int, ...]
    of: int
    storage: Storage | None
    where: int
    window_us: int | None
    daily: bool
    exclude_current: bool

    def start_us(self, t_us: int) -> int | None:
        """First instant that counts at t, None for `all`."""
        if self.window_us is None:
            return None
        if self.daily:
            return t_us - t_us % DAY_US - (self.window_us - DAY_US)
        return t_us - self.window_us + 1

    def whole_from_us(self, history_start_us: int) -> int | None:
        """First t at which a log that starts there covers the window, None for `all`."""
        if self.window_us is None:
            return None
        if self.daily:
            return -(-history_start_us // DAY_US) * DAY_US + self.window_us - DAY_US
        return history_start_us + self.window_us - 1


class WindowPlan:
    """The checked aggregates of one policy, in order; immutable.

    `names`, `kinds`: name and output kind (int, double, string) per aggregate, in output order.
    Raises InvalidRequest, with the aggregate's name as pointer.
    """

    def __init__(self, aggregates: Sequence[Aggregate], filters: Mapping[str, Filter]) -> None:
        if len(aggregates) > AGGREGATE_LIMIT:
            raise InvalidRequest(
                "too_many_aggregates", f"a policy has at most {AGGREGATE_LIMIT} aggregates"
            )
        texts = tuple(dict.fromkeys(a.where for a in aggregates if a.where is not None))
        positions = {text: index for index, text in enumerate(texts)}
        self.aggregates = tuple(_planned(a, positions, filters) for a in aggregates)
        self.filters: tuple[Filter, ...] = tuple(filters[text] for text in texts)
        self.names: tuple[str, ...] = tuple(a.name for a in self.aggregates)
        self.kinds: tuple[OutputKind, ...] = tuple(a.kind for a in self.aggregates)
        if len(set(self.names)) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InvalidRequest(
                "duplicate_aggregate", "two aggregates share a name", pointer=twice
            )


class PartialClock:
    """Which aggregates are partial at t: their windows reach before the start of the log."""

    def __init__(self, plan: WindowPlan, history_start_us: int) -> None:
        found = ((a.whole_from_us(history_start_us), i) for i, a in enumerate(plan.aggregates))
        self._pending = sorted(((at, i) for at, i in found if at is not None), reverse=True)
        self._now = frozenset(i for _, i in self._pending)

    def at(self, t_us: int) -> frozenset[int]:
        """Indexes of partial aggregates; t never goes back, so each is dropped once."""
        if self._pending and self._pending[-1][0] <= t_us:
            while self._pending and self._pending[-1][0] <= t_us:
                self._pending.pop()
            self._now = frozenset(i for _, i in self._pending)
        return self._now


def _planned(
    aggregate: Aggregate, positions: Mapping[str, int], filters: Mapping[str, Filter]
) -> PlannedAggregate:
    name = aggregate.name
    function = AGGREGATE_FUNCTIONS.get(aggregate.function)
    if function is None:
        raise InvalidRequest(
            "unknown_function", f"functions are {', '.join(AGGREGATE_FUNCTIONS)}", pointer=name
        )
    if aggregate.where is not None and aggregate.where not in filters:
        raise InvalidRequest("missing_filter", "the filter was not compiled", pointer=name)
    _check_window(aggregate)
    of, storage = _of(aggregate, function.takes)
    return PlannedAggregate(
        name=name,
        function=function.number,
        kind=function.gives or ("string" if storage == "symbol" else "int"),
        kinds=_key_kinds(aggregate),
        of=of,
        storage=storage,
        where=-1 if aggregate.where is None else positions[aggregate.where],
        window_us=aggregate.window_us,
        daily=aggregate.daily,
        exclude_current=aggregate.exclude_current,
    )


def _of(aggregate: Aggregate, takes: frozenset[Storage]) -> tuple[int, Storage | None]:
    if not takes:
        if aggregate.of is not None:
            raise InvalidRequest(
                "aggregate_takes_no_of",
                f"{aggregate.function} takes no `of`",
                pointer=aggregate.name,
            )
        return -1, None
    if aggregate.of is None:
        raise InvalidRequest(
            "aggregate_needs_of", f"{aggregate.function} needs `of`", pointer=aggregate.name
        )
    index = OBSERVED_INDEX.get(aggregate.of)
    if index is None:
        raise InvalidRequest(
            "unknown_field", "`of` names no field that windows keep", pointer=aggregate.name
        )
    storage = OBSERVED[index].storage
    if storage not in takes:
        allowed = ", ".join(sorted(takes))
        raise InvalidRequest(
            "aggregate_type_mismatch",
            f"{aggregate.function} takes fields kept as {allowed}; this one is kept as {storage}",
            pointer=aggregate.name,
        )
    return index, storage


def _key_kinds(aggregate: Aggregate) -> tuple[int, ...]:
    by = aggregate.by
    if not 1 <= len(by) <= 3 or len(set(by)) != len(by):
        raise InvalidRequest(
            "aggregate_keys", "`by` has one to three different keys", pointer=aggregate.name
        )
    unknown = [kind for kind in by if kind not in KEY_KINDS]
    if unknown:
        raise InvalidRequest(
            "unknown_key", f"keys are {', '.join(KEY_KINDS)}", pointer=aggregate.name
        )
    return tuple(sorted(KEY_KINDS.index(kind) for kind in by))


def _check_window(aggregate: Aggregate) -> None:
    window = aggregate.window_us
    if window is None:
        good = not aggregate.daily
        remedy = "`all` has no resolution"
    elif aggregate.daily:
        good = window % DAY_US == 0 and DAY_US <= window <= DAY_LIMIT_DAYS * DAY_US
        remedy = f"with a resolution of one day, whole days up to {DAY_LIMIT_DAYS}"
    else:
        good = SECOND_US <= window <= EXACT_LIMIT_US
        remedy = "one second to 90 days, beyond that `resolution: 1d`"
    if not good:
        raise InvalidRequest("window_out_of_range", remedy, pointer=aggregate.name)
