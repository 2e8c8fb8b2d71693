"""Values never seen before: a sender that starts to spell a category otherwise.

Guards: only texts of few values that the log keeps in the clear are watched; nothing personal. The
values of the first hour are known; a later one is fresh for an hour after its first payment, and
known from then on. Judged is the share of payments with a fresh value. Memory: KNOWN and FRESH
values a field; a field with more known values is no category and is judged no more, fresh values
beyond the bound count as fresh and are not kept. Operators are shown at most SHOWN of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from paywarden.risk.drift.alarms import AlarmBook, Change, Key
from paywarden.risk.drift.shares import Hits, Rule, judge
from paywarden.risk.drift.slots import Slots
from paywarden.risk.features.catalogue import FIELDS

KIND: Final = "novelty"
KNOWN: Final = 1_024
FRESH: Final = 256
SHOWN: Final = 5
LEARN_MINUTES: Final = 60
FRESH_MINUTES: Final = 60
RULE: Final = Rule(least=50, least_before=200, change=0.05, z=6.0)
CATEGORIES: Final = tuple(
    path
    for path, field in FIELDS.items()
    if field.type == "string" and field.storage == "symbol" and not field.sealed
    and path not in ("card.bin", "payment.challenge_result")
)  # fmt: skip
"""Paths by column."""


class NoveltyWatch:
    """Known and fresh values of each category, and how many payments had fresh ones."""

    def __init__(self) -> None:
        self.slots = Slots(1, len(CATEGORIES), plain=True)
        self._known: list[set[str | None]] = [{None} for _ in CATEGORIES]
        self._fresh: list[dict[str, int]] = [{} for _ in CATEGORIES]
        self._paths = tuple(zip(CATEGORIES, self._known, range(len(CATEGORIES)), strict=True))
        self._minute = self._learnt = 0

    def seen(self, fields: Mapping[str, Any]) -> None:
        """Count one payment."""
        get = fields.get
        for path, known, column in self._paths:
            if (value := get(path)) not in known:
                self._unknown(column, value)

    def _unknown(self, column: int, value: Any) -> None:
        if self._minute < self._learnt or not self._learnt:
            self._learn(column, value)
            return
        fresh = self._fresh[column]
        if value not in fresh and len(fresh) < FRESH:
            fresh[value] = self._minute
        self.slots.counts[column] += 1

    def _learn(self, column: int, value: str) -> None:
        if len(self._known[column]) <= KNOWN:
            self._known[column].add(value)

    def turn(self, minute: int, now_us: int, book: AlarmBook, payments: Sequence[float]) -> None:
        """Close the minute and judge. `payments`: all of them, recent, reference, near hours."""
        self._minute = minute
        self._learnt = self._learnt or minute + LEARN_MINUTES
        self._grow_old(minute)
        self.slots.roll(minute)
        parts = (self.slots.recent, self.slots.whole, *self.slots.near(minute))
        now, before, *near = (
            Hits(hits[0], np.full(len(CATEGORIES), total))
            for hits, total in zip(parts, payments, strict=True)
        )
        judged = judge(RULE, now, before, lambda: near)
        open_ = np.array([len(known) <= KNOWN for known in self._known])
        rising = {
            _key(column): Change(float(before.share[column]), float(now.share[column]))
            for column in np.flatnonzero(judged.rises & open_).tolist()
        }
        held = np.flatnonzero(judged.stays & open_).tolist()
        book.take(KIND, rising, [_key(column) for column in held], now_us)

    def _grow_old(self, minute: int) -> None:
        """What has been fresh for long enough is known."""
        for column, fresh in enumerate(self._fresh):
            for value in [one for one, at in fresh.items() if minute - at >= FRESH_MINUTES]:
                del fresh[value]
                self._learn(column, value)

    def fresh(self, path: str) -> list[str]:
        """Some fresh values of a category, newest first."""
        held = self._fresh[CATEGORIES.index(path)]
        return [value[:64] for value in list(held)[: -SHOWN - 1 : -1]]


def _key(column: int) -> Key:
    return Key(KIND, CATEGORIES[column], "")
