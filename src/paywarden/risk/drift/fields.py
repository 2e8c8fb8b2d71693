"""Missing fields by merchant: a broken integration is seen within a quarter of an hour.

Guards: counted is which fields a payment has, never their values. A payment's set of fields is one
of few shapes, kept as a row of ones and zeros, so that counting is one addition for everything
together and one for the merchant. Judged are fields that were usually there; what is derived here
is judged against its source, so an address table that fails is told apart from addresses that are
not sent. Merchants with an alarm are left out of the sum that judges everything together: one
broken shop is one alarm. A merchant stands for the integration that sends its payments.
Shapes: merchants by fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from paywarden.risk.drift.alarms import STANDING, AlarmBook, Change, Key
from paywarden.risk.drift.places import ALL, Places
from paywarden.risk.drift.shares import Bools, Counts, Hits, Rule, judge
from paywarden.risk.drift.slots import Slots
from paywarden.risk.features.catalogue import FIELDS

KIND: Final = "missing"
MERCHANTS: Final = 2_000
SHAPES: Final = 4_096
USUAL: Final = 0.8
"""Share of payments with the field, from which on it is usually there."""
RULE: Final = Rule(least=30, least_before=100, change=0.10, z=6.0)
_ALWAYS: Final = frozenset(
    {"payment.id", "payment.attempt", "payment.type", "payment.phase", "payment.occurred_at",
     "payment.initiator"}
)  # fmt: skip
DERIVED: Final[Mapping[str, str]] = {
    "payment.amount_base_minor": "payment.amount_minor",
    "card.brand": "card.bin",
    "card.country": "card.bin",
    "ip.country": "device.ip",
    "email.domain": "payer.email",
}
"""What is derived here, and from which given field."""
_GIVEN: Final = tuple(
    path
    for path, field in FIELDS.items()
    if not field.derived and path not in _ALWAYS
    and not path.startswith(("ip.", "email.", "card.brand"))
)  # fmt: skip
PATHS: Final = (*_GIVEN, *DERIVED)
"""Paths by column, behind column 0."""
_SOURCES: Final = [1 + PATHS.index(path) for path in DERIVED.values()]
_COLUMNS: Final = {path: column for column, path in enumerate(PATHS)}

Vector = npt.NDArray[np.uint32]


class FieldWatch:
    """Which fields payments have, for everything together and by merchant."""

    def __init__(self, merchants: int = MERCHANTS) -> None:
        self.slots = Slots(merchants + 1, 1 + len(PATHS))
        self.merchants: Places[str] = Places(self.slots)
        self._shapes: dict[tuple[str, ...], Vector] = {}

    def seen(self, merchant: str | None, fields: Mapping[str, Any]) -> None:
        """Count one payment."""
        shape = tuple(fields)
        vector = self._shapes.get(shape)
        if vector is None:
            vector = self._shape(shape)
        views = self.slots.views
        total = views[0]
        np.add(total, vector, total)
        if merchant is not None:
            row = self.merchants.row(merchant)
            if row:
                own = views[row]
                np.add(own, vector, own)

    def _shape(self, shape: tuple[str, ...]) -> Vector:
        if len(self._shapes) >= SHAPES:
            self._shapes.clear()
        names = frozenset(shape)
        vector = np.array([1, *(path in names for path in PATHS)], np.uint32)
        self._shapes[shape] = vector
        return vector

    def turn(self, minute: int, now_us: int, book: AlarmBook) -> None:
        """Close the minute and judge."""
        self.slots.roll(minute)
        now, before, near = self.slots.parts(minute, _missing)
        judged = judge(RULE, now, before, near)
        usual = before.share <= 1 - USUAL
        rises, stays = judged.rises & usual, judged.stays & usual
        marked = rises | (stays & self._standing(book))
        marked[ALL] = False
        everything = judge(
            RULE,
            _without(now, marked),
            _without(before, marked),
            lambda: [_without(hour, marked) for hour in near()],
        )
        rises[ALL], stays[ALL] = everything.rises[0] & usual[ALL], everything.stays[0] & usual[ALL]
        self._take(book, rises, stays, (now, before), now_us)
        self.merchants.turn()

    def _standing(self, book: AlarmBook) -> Bools:
        """Where alarms stand, [used, fields]."""
        found = np.zeros((self.slots.used, len(PATHS)), np.bool_)
        for key in book.standing:
            row = self.merchants.find(key.where) if key.where else ALL
            if key.kind == KIND and row is not None:
                found[row, _COLUMNS[key.what]] = True
        return found

    def _take(
        self, book: AlarmBook, rises: Bools, stays: Bools, parts: tuple[Hits, Hits], now_us: int
    ) -> None:
        now, before = parts[0].share, parts[1].share
        places = np.argwhere(rises)[:STANDING].tolist()
        rising = {
            self._key(row, column): Change(float(before[row, column]), float(now[row, column]))
            for row, column in places
        }
        held = np.argwhere(stays & self._standing(book)).tolist()
        book.take(KIND, rising, [self._key(row, column) for row, column in held], now_us)

    def _key(self, row: int, column: int) -> Key:
        return Key(KIND, PATHS[column], self.merchants.name(row) or "")


def _missing(counts: Counts) -> Hits:
    """Payments without each field, of those that could have it; [rows, fields]."""
    total = np.empty((len(counts), len(PATHS)))
    total[:, : len(_GIVEN)] = counts[:, :1]
    total[:, len(_GIVEN) :] = counts[:, _SOURCES]
    return Hits(np.maximum(total - counts[:, 1:], 0.0), total)


def _without(part: Hits, marked: Bools) -> Hits:
    """Everything together less what is `marked`, [1, fields]."""
    rows = np.flatnonzero(marked.any(axis=1))
    left = (np.where(marked[rows], each[rows], 0.0).sum(axis=0) for each in part)
    hits, total = (np.maximum(each[ALL] - less, 0.0) for each, less in zip(part, left, strict=True))
    return Hits(hits[np.newaxis], total[np.newaxis])
