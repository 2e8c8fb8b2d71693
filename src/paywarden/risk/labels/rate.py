"""Labels in bulk: how many a source and its sender bring in an hour, against what is usual.

Guards: labels move what counts as known fraud at once, so whoever can send many can poison windows
and training. More than `floor` labels of one source and sender within an hour are an alarm when
they are also `factor` times the usual hour, or `share` of all payments known here. The alarm rings
again at each doubling, so that a flood is heard and not each drop. What follows is the caller's.
What is usual is the larger of two: the mean of the sender's own active hours, in memory, and the
median of the largest hour of each of the source's last days (`LabelPeaks`), which is a function of
the log: a file a day is usual where one came every day, a restart forgets nothing, and one day of
lies does not move a median. Memory is bounded: SENDERS senders, the least recent goes first; HOURS
active hours each; DAYS active days a source.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.model import SOURCES

SENDERS = 4_096
HOURS = 168
DAYS = 28
KIND, SOURCE = OBSERVED_INDEX["event.kind"], OBSERVED_INDEX["event.source"]

Peaks = dict[str, tuple[tuple[tuple[int, int], ...], tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """`floor` labels an hour are never too many; beyond, `factor` times the usual or `share`."""

    floor: int = 500
    factor: float = 10.0
    share: float = 0.02


@dataclass(frozen=True, slots=True)
class Alarm:
    """Too many labels: `count` in the hour that began at `hour_us`, where `usual` are the mean."""

    count: int
    usual: float
    hour_us: int


@dataclass(slots=True)
class _Sender:
    hour: int
    count: int = 0
    rung: int = 0
    hours: deque[int] = field(default_factory=lambda: deque(maxlen=HOURS))

    @property
    def usual(self) -> float:
        return sum(self.hours) / len(self.hours) if self.hours else 0.0


class LabelRates:
    """Counts labels by sender (any hashable name) and hour."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._senders: OrderedDict[Hashable, _Sender] = OrderedDict()

    def over(self, sender: Hashable, at_us: int, payments: int, usual: float = 0.0) -> bool:
        """Whether one more label would be over the rate; counts nothing. `usual`: the source's."""
        found = self._senders.get(sender)
        count = found.count if found is not None and found.hour == at_us // HOUR_US else 0
        own = found.usual if found is not None else 0.0
        return self._too_many(count + 1, max(own, usual), payments)

    def note(self, sender: Hashable, at_us: int, payments: int, usual: float = 0.0) -> Alarm | None:
        """Count one label; the alarm that it raises, if any. `payments`: how many are known."""
        one = self._sender(sender, at_us // HOUR_US)
        one.count += 1
        usual = max(one.usual, usual)
        if one.count < 2 * one.rung or not self._too_many(one.count, usual, payments):
            return None
        one.rung = one.count
        return Alarm(one.count, usual, one.hour * HOUR_US)

    def _too_many(self, count: int, usual: float, payments: int) -> bool:
        limits = self._limits
        if count <= limits.floor:
            return False
        return count > limits.factor * usual or count > limits.share * payments

    def _sender(self, name: Hashable, hour: int) -> _Sender:
        one = self._senders.get(name)
        if one is None:
            one = self._senders[name] = _Sender(hour)
            if len(self._senders) > SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(name)
        if one.hour != hour:
            one.hours.append(one.count)
            one.hour, one.count, one.rung = hour, 0, 0
        return one


class LabelPeaks:
    """The largest hour of labels of each of a source's last DAYS active days; a fold over the log.

    `image`: by source its (day, labels of the largest hour) and the (hour, labels) at hand.
    """

    def __init__(self, image: Peaks | None = None) -> None:
        self._days: dict[str, dict[int, int]] = {}
        self._hours: dict[str, tuple[int, int]] = {}
        for source, (days, hour) in (image or {}).items():
            self._days[source], self._hours[source] = dict(days), hour

    def usual(self, source: str, at_us: int) -> float:
        """Labels of the largest hour of a usual day before the day of `at_us`; 0 for no history."""
        today = at_us // DAY_US
        peaks = [peak for day, peak in self._days.get(source, {}).items() if day < today]
        return float(median(peaks)) if peaks else 0.0

    def remember(self, label: Observation) -> None:
        """Count one label observation."""
        self._count(str(label.values[SOURCE] or ""), label.t_us // HOUR_US, 1)

    def fold(self, columns: ObservationColumns) -> None:
        """Count the labels among many observations, in log order."""
        names = {text: number for number, text in enumerate(columns.symbols)}
        labels = columns.values[KIND] == names.get("label", -2)
        if not labels.any():
            return
        sources, hours = columns.values[SOURCE][labels], columns.t_us[labels] // HOUR_US
        for source in ("", *SOURCES):
            mine = hours[sources == (names.get(source, -2) if source else -1)]
            for hour, count in zip(*np.unique(mine, return_counts=True), strict=True):
                self._count(source, int(hour), int(count))

    def image(self) -> Peaks:
        """Everything, as values."""
        return {
            source: (tuple(days.items()), self._hours[source])
            for source, days in self._days.items()
        }

    def _count(self, source: str, hour: int, count: int) -> None:
        last, so_far = self._hours.get(source, (hour, 0))
        so_far = so_far + count if last == hour else count
        self._hours[source] = (hour, so_far)
        days = self._days.setdefault(source, {})
        day = hour * HOUR_US // DAY_US
        days[day] = max(days.get(day, 0), so_far)
        if len(days) > DAYS:
            del days[min(days)]
