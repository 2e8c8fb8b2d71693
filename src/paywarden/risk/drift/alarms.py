"""Alarms that stand, and what is still to be told of them.

Guards: an alarm begins and ends once, however often it is found; one that comes again within the
hour stands again and is not told again; at most STANDING of them are kept and UNTOLD wait to be
told, so that a fault everywhere is no flood. What is told stays waiting until it is durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from paywarden.core.instants import HOUR_US

STANDING: Final = 1_000
UNTOLD: Final = 1_000
QUIET_US: Final = HOUR_US


class Key(NamedTuple):
    """What changed (`kind`, `what`) and where; `where` is empty for everything together."""

    kind: str
    what: str
    where: str


class Change(NamedTuple):
    """From what to what: shares, or for PSI and ratios the bound and the value."""

    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that began at `since_us`, or (`raised` false) has ended.

    `told`: somebody is told; not so when the same was told within the hour before.
    """

    key: Key
    change: Change
    since_us: int
    raised: bool = True
    told: bool = True


class AlarmBook:
    """The alarms of one scope."""

    def __init__(self) -> None:
        self.standing: dict[Key, Alarm] = {}
        self.untold: deque[Alarm] = deque(maxlen=UNTOLD)
        self._told_us: dict[Key, int] = {}

    def take(
        self, kind: str, rising: Mapping[Key, Change], staying: Iterable[Key], now_us: int
    ) -> None:
        """Take over a round of one kind: what may begin, and what may go on if it stands."""
        kept = set(staying)
        for key in [key for key in self.standing if key.kind == kind]:
            if key not in kept and key not in rising:
                self._end(key)
        for key, change in rising.items():
            if key not in self.standing and len(self.standing) < STANDING:
                self._begin(key, change, now_us)

    def told(self, alarm: Alarm) -> None:
        """What was told is durable and waits no more."""
        if alarm in self.untold:  # a flood may have pushed it out
            self.untold.remove(alarm)

    def forget_old(self, now_us: int) -> None:
        """Drop what was told over an hour ago: it may be told again."""
        held = self._told_us.items()
        self._told_us = {key: at_us for key, at_us in held if now_us - at_us < QUIET_US}

    def _begin(self, key: Key, change: Change, now_us: int) -> None:
        last_us = self._told_us.get(key)
        told = last_us is None or now_us - last_us >= QUIET_US
        alarm = self.standing[key] = Alarm(key, change, now_us, told=told)
        if told:
            self._told_us[key] = now_us
            self.untold.append(alarm)

    def _end(self, key: Key) -> None:
        ended = self.standing.pop(key)
        if ended.told:  # who was told that it began is told that it ended
            self.untold.append(replace(ended, raised=False))
