"""Who is counted by name: at most so many, those with the most traffic.

Guards: a million names take no more memory than the first few thousand. While there is room a new
name gets a row. Later it must first show itself: up to CANDIDATES unseen names are counted each
minute, and one that came more often in that minute than the least of those with a row came in all
its (faded) history takes over that row. A name without a row counts in row 0, where everything
does, and nowhere else. Names that are sent once can so never push out who is there.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import numpy as np

from paywarden.risk.drift.slots import Slots

CANDIDATES: Final = 4_096
TAKEN_AT_ONCE: Final = 256
ALL: Final = 0
Name = TypeVar("Name", bound=Hashable)


class Places(Generic[Name]):
    """Rows of a table by name; row 0 is everything."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._limit = len(slots.now)
        self._rows: dict[Name, int] = {}
        self._names: list[Name | None] = [None]
        self._candidates: dict[Name, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, name: Name) -> int:
        """The row of a name, or 0."""
        found = self._rows.get(name)
        return self._unseen(name) if found is None else found

    def find(self, name: Name) -> int | None:
        """The row of a name that has one; asking counts nothing."""
        return self._rows.get(name)

    def name(self, row: int) -> Name | None:
        """The name of a row; None for row 0."""
        return self._names[row]

    def _unseen(self, name: Name) -> int:
        row = len(self._names)
        if row < self._limit:
            self._rows[name] = row
            self._names.append(name)
            self._slots.used = row + 1
            return row
        count = self._candidates.get(name, 0)
        if count or len(self._candidates) < CANDIDATES:
            self._candidates[name] = count + 1
        return ALL

    def turn(self) -> None:
        """End of a minute: who came more often than the least of those counted takes its row."""
        candidates, self._candidates = self._candidates, {}
        if not candidates:
            return
        weights = self._slots.weights()
        order = np.argsort(weights[1:], kind="stable")[:TAKEN_AT_ONCE] + 1
        loudest = sorted(candidates.items(), key=lambda pair: -pair[1])
        for row, (name, count) in zip(order.tolist(), loudest, strict=False):
            if count <= weights[row]:
                return
            self._give(row, name)

    def _give(self, row: int, name: Name) -> None:
        former = self._names[row]
        if former is not None:
            del self._rows[former]
        self._slots.clear(row)
        self._rows[name], self._names[row] = row, name
