"""The window store in plain Python: slow, readable, and the meaning of every aggregate.

Guards: this twin is what the compiled store must equal, bit for bit; it keeps every event of every
key and looks at all of them on each read. Rules that both stores obey:

- an event counts at t when it lies in [start, t], start being t - window + 1 microsecond, or the
  first of the whole UTC days, or the beginning (`all`); equal times are ordered by sequence;
- where a part of an aggregate's keys is absent, the event does not count and the value is absent;
- with all keys, an empty count or sum is 0 and every other empty aggregate is absent;
- an event without the `of` field does not count for that aggregate; a sum beyond 64 bits is absent;
- `exclude_current` leaves out the observation itself (`observe`) or `excluding_seq` (`read`); in an
  `all` window the latter only while the event is younger than EXCLUSION_HOLD_US;
- `retracts` takes back an observation of kind `label`, from then on and everywhere; naming
  anything else has no effect;
- the clock never goes back: observations arrive with rising seq, non-decreasing t and s <= t, and a
  read before the clock is a read at the clock.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.aggregates import registry as functions
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.observation import (
    KEY_COUNT,
    VALUE_COUNT,
    Observation,
    ObservedValue,
)
from paywarden.risk.features.plan import (
    EXCLUSION_HOLD_US,
    PartialClock,
    PlannedAggregate,
    WindowPlan,
)

FeatureValue: TypeAlias = int | float | str | None

KIND_FIELD = OBSERVED_INDEX["event.kind"]
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    s_us: int
    seq: int
    values: tuple[ObservedValue, ...] = field(compare=False)
    passes: frozenset[int] = field(compare=False)


class PlainWindows:
    """Windows of one scope, exact and slow (see the module for the rules)."""

    def __init__(self, plan: WindowPlan, history_start_us: int) -> None:
        self.plan = plan
        self._partial = PartialClock(plan, history_start_us)
        self._events: dict[tuple[tuple[int, int], ...], list[_Event]] = {}
        self._labels: dict[int, tuple[int, ...]] = {}
        self._clock_us: int | None = None
        self._seq = 0

    def observe(self, observation: Observation) -> list[FeatureValue]:
        """Add the observation and read at its t; values in the order of `plan.names`."""
        self.add(observation)
        return self._read(observation.keys, observation.t_us, observation.seq, None)

    def add(self, observation: Observation) -> None:
        """Add without reading. Raises InvalidRequest when the order of the log is broken."""
        check_order(observation, self._seq, self._clock_us)
        self._seq, self._clock_us = observation.seq, observation.t_us
        if observation.retracts:
            self._retract(observation.retracts)
        if observation.values[KIND_FIELD] == "label":
            self._labels[observation.seq] = observation.keys
        passes = frozenset(i for i, f in enumerate(self.plan.filters) if f.test(observation))
        event = _Event(observation.s_us, observation.seq, observation.values, passes)
        for name in self._names(observation.keys):
            bisect.insort(self._events.setdefault(name, []), event)

    def read(self, keys: Sequence[int], t_us: int, excluding_seq: int = 0) -> list[FeatureValue]:
        """Values at max(t, clock) for these keys; counts nothing."""
        t_us = t_us if self._clock_us is None else max(t_us, self._clock_us)
        return self._read(tuple(keys), t_us, excluding_seq, t_us - EXCLUSION_HOLD_US)

    def partial(self, t_us: int) -> frozenset[int]:
        """Indexes of aggregates whose window reaches before the start of the log."""
        return self._partial.at(t_us)

    def _read(
        self, keys: tuple[int, ...], t_us: int, excluded: int, hold_us: int | None
    ) -> list[FeatureValue]:
        return [self._value(a, keys, t_us, excluded, hold_us) for a in self.plan.aggregates]

    def _value(
        self,
        aggregate: PlannedAggregate,
        keys: tuple[int, ...],
        t_us: int,
        excluded: int,
        hold_us: int | None,
    ) -> FeatureValue:
        name = tuple((kind, keys[kind]) for kind in aggregate.kinds)
        if any(key == 0 for _, key in name):
            return None
        start = aggregate.start_us(t_us)
        found = [
            event
            for event in self._events.get(name, ())
            if (start is None or event.s_us >= start)
            and (aggregate.where < 0 or aggregate.where in event.passes)
            and (aggregate.of < 0 or _present(event.values[aggregate.of], aggregate.storage))
            and not (
                aggregate.exclude_current
                and event.seq == excluded
                and (start is not None or hold_us is None or event.s_us > hold_us)
            )
        ]
        return _FINISH[aggregate.function](found, aggregate.of, t_us)

    def _names(self, keys: tuple[int, ...]) -> set[tuple[tuple[int, int], ...]]:
        kinds = {aggregate.kinds for aggregate in self.plan.aggregates}
        names = (tuple((kind, keys[kind]) for kind in each) for each in kinds)
        return {name for name in names if all(key for _, key in name)}

    def _retract(self, seq: int) -> None:
        keys = self._labels.pop(seq, None)
        if keys is None:
            return
        for name in self._names(keys):
            kept = [event for event in self._events[name] if event.seq != seq]
            self._events[name] = kept


def check_order(observation: Observation, seq: int, clock_us: int | None) -> None:
    """Refuse what no log can hold: see the last rule of the module."""
    if len(observation.keys) != KEY_COUNT or len(observation.values) != VALUE_COUNT:
        raise InvalidRequest("observation_shape", "an observation has a wrong number of fields")
    if observation.seq <= seq:
        raise InvalidRequest("observation_order", "sequence numbers must rise")
    if clock_us is not None and observation.t_us < clock_us:
        raise InvalidRequest("observation_order", "the decision clock must not go back")
    if observation.s_us > observation.t_us:
        raise InvalidRequest("observation_order", "an event cannot count after its clock")


def _present(value: ObservedValue, storage: str | None) -> bool:
    return value is not None and not (storage == "hash" and value == 0)


def _numbers(events: list[_Event], of: int) -> list[int]:
    return [int(event.values[of] or 0) for event in events]


def _output(value: ObservedValue) -> FeatureValue:
    return value


def _sum(events: list[_Event], of: int, _t_us: int) -> FeatureValue:
    total = sum(_numbers(events, of))
    return total if total in _INT64 else None


def _avg(events: list[_Event], of: int, _t_us: int) -> FeatureValue:
    return float(sum(_numbers(events, of))) / len(events) if events else None


def _stddev(events: list[_Event], of: int, _t_us: int) -> FeatureValue:
    if not events:
        return None
    numbers = _numbers(events, of)
    spread = len(numbers) * sum(x * x for x in numbers) - sum(numbers) ** 2
    return math.sqrt(float(spread)) / len(numbers)


def _distinct(events: list[_Event], of: int, _t_us: int) -> FeatureValue:
    return len({event.values[of] for event in events}) or None


_Finish: TypeAlias = Callable[[list[_Event], int, int], FeatureValue]
_FINISH: Mapping[int, _Finish] = MappingProxyType(
    {
        functions.COUNT: lambda events, of, t: len(events),
        functions.SUM: _sum,
        functions.AVG: _avg,
        functions.MIN: lambda events, of, t: min(_numbers(events, of), default=None),
        functions.MAX: lambda events, of, t: max(_numbers(events, of), default=None),
        functions.STDDEV: _stddev,
        functions.DISTINCT: _distinct,
        functions.FIRST: lambda events, of, t: _output(events[0].values[of]) if events else None,
        functions.LAST: lambda events, of, t: _output(events[-1].values[of]) if events else None,
        functions.SINCE_FIRST: lambda events, of, t: (
            (t - events[0].s_us) // 1_000_000 if events else None
        ),
        functions.SINCE_LAST: lambda events, of, t: (
            (t - events[-1].s_us) // 1_000_000 if events else None
        ),
    }
)
