"""Floods of labels that wait for a second person: the values and their fold over the log.

Guards: a hold is known by its first log entry and moves by log entries alone: opened, closed (asked
about; later labels open another), released or refused, released step by step. Labels that are held
are log entries that no window sees; nothing of them is lost, whatever is decided. Memory: the
sequences of labels that may still be released, HELD_LIMIT in a scope.
Not done here: staging and approval (`label_holding.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from paywarden.decision.entries import HeldLabel, HoldEntry

HELD_LIMIT = 20_000
OPENED, CLOSED, RELEASED, REFUSED, STEPPED = "open", "close", "release", "refuse", "step"
State = Literal["waiting", "closed", "releasing", "released", "refused"]
SETTLED: frozenset[State] = frozenset(("released", "refused"))


@dataclass(slots=True)
class Hold:
    """One sender's flood. `labels`: sequences that may still count; `done`: released so far.

    `source`, `actor`: whose labels they are; `usual`: the source's largest hour of a usual day.
    """

    seq: int
    source: str
    actor: str
    opened_us: int
    usual: float
    count: int = 0
    closed: bool = False
    verdict: str = ""
    done: int = 0
    labels: list[int] = field(default_factory=list)

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.verdict == REFUSED:
            return "refused"
        if self.verdict == RELEASED:
            return "released" if self.done >= self.count else "releasing"
        return "closed" if self.closed else "waiting"


class LabelHolds:
    """Every hold of a scope."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}

    def __iter__(self) -> Iterator[Hold]:
        return iter(list(self._holds.values()))

    def find(self, seq: int) -> Hold | None:
        """The hold of that first entry."""
        return self._holds.get(seq)

    def open_of(self, source: str, actor: str) -> Hold | None:
        """The hold that takes in this sender's labels now."""
        for one in reversed(self._holds.values()):
            if (one.source, one.actor, one.closed) == (source, actor, False):
                return one
        return None

    @property
    def waiting(self) -> int:
        """Labels about which nothing is decided."""
        return sum(one.count for one in self._holds.values() if not one.verdict)

    def unsettled(self) -> list[Hold]:
        """Holds whose labels may still count, oldest first."""
        return [one for one in self._holds.values() if one.state not in SETTLED]

    def fold(self, seq: int, body: HoldEntry) -> None:
        """Move by one log entry."""
        if body.act == OPENED:
            self._holds[seq] = Hold(seq, body.source, body.actor, body.at_us, body.usual)
            return
        hold = self._holds[body.hold]
        hold.closed = True
        if body.act in (RELEASED, REFUSED):
            hold.verdict, hold.count = body.act, body.count
        if body.act == STEPPED:
            hold.done = body.count
        if hold.state in SETTLED:
            hold.labels = []

    def add(self, seq: int, body: HeldLabel) -> None:
        """Note a held label."""
        hold = self._holds[body.hold]
        hold.labels.append(seq)
        hold.count = len(hold.labels)
