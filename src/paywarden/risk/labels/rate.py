"""Labels in bulk: how many a source and its sender bring in an hour, against what is usual.

Guards: labels move what counts as known fraud at once, so whoever can send many can poison windows
and training. More than `floor` labels of one source and sender within an hour are an alarm when
they are also `factor` times the usual hour, or `share` of all payments known here. The alarm rings
again at each doubling, so that a flood is heard and not each drop. What follows (alarm alone, or
refusal of what is over the rate) is the caller's. Memory is bounded: SENDERS senders, the least
recent goes first; HOURS active hours each. After a restart nothing is usual yet: `floor` decides.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from paywarden.core.instants import HOUR_US

SENDERS = 4_096
HOURS = 168


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

    def over(self, sender: Hashable, at_us: int, payments: int) -> bool:
        """Whether one more label would be over the rate; counts nothing."""
        found = self._senders.get(sender)
        count = found.count if found is not None and found.hour == at_us // HOUR_US else 0
        return self._too_many(count + 1, found.usual if found is not None else 0.0, payments)

    def note(self, sender: Hashable, at_us: int, payments: int) -> Alarm | None:
        """Count one label; the alarm that it raises, if any. `payments`: how many are known."""
        one = self._sender(sender, at_us // HOUR_US)
        one.count += 1
        usual = one.usual
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
