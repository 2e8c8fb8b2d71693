"""Fairness: whether some groups of people are challenged or blocked more often than the rest.

Guards: a monitor only. What it groups by (country, age band, script of the name) decides nothing
here; a name is read for the script of its first letter and forgotten, a birth date for its band:
nothing is kept but counts by group. A ratio of rates tells of a difference, not of its cause: read
it beside the rates of fraud. Compared is each slice with everybody else of its group, over the
faded reference and the last minutes. Source: the four-fifths rule, 29 CFR 1607.4 D, both ways.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from paywarden.core.outcome import Outcome
from paywarden.risk.drift.alarms import AlarmBook, Change, Key
from paywarden.risk.drift.places import Places
from paywarden.risk.drift.shares import Counts, Hits, signed_root
from paywarden.risk.drift.slots import Slots

KIND: Final = "fairness"
SLICES: Final = 300
LOW, HIGH = 0.8, 1.25
LEAST: Final = 500
LEAST_HITS: Final = 20
Z: Final = 4.0
MEASURES: Final = ("challenge", "block")
_WIDTH: Final = 1 + len(MEASURES)
COUNTRY, AGE, SCRIPT = "country", "age", "script"
GROUPS: Final = (COUNTRY, AGE, SCRIPT)
AGES: Final = (18, 25, 35, 50, 65)
BANDS: Final = ("65+", "50-64", "35-49", "25-34", "18-24", "under 18")
"""By number of birthdays that lie before the birth date; see `_births`."""
_SCRIPTS: Final = (
    (0x0041, 0x024F, "latin"), (0x1E00, 0x1EFF, "latin"), (0x0400, 0x052F, "cyrillic"),
    (0x0600, 0x06FF, "arabic"), (0x0750, 0x077F, "arabic"), (0x08A0, 0x08FF, "arabic"),
    (0xFB50, 0xFDFF, "arabic"), (0xFE70, 0xFEFF, "arabic"), (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"), (0xF900, 0xFAFF, "han"), (0x20000, 0x3FFFF, "han"),
)  # fmt: skip


def script_of(name: str) -> str:
    """Script of the first letter: latin, cyrillic, han, arabic or other.

    >>> script_of("1. Мария")
    'cyrillic'
    """
    head = name[:1]
    if head.isascii() and head.isalpha():  # most names, at once
        return "latin"
    first = next((ord(sign) for sign in name if sign.isalpha()), 0)
    for low, high, script in _SCRIPTS:
        if low <= first <= high:
            return script
    return "other"


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of a group: payments, rate of a measure, ratio to everybody else's rate."""

    group: str
    name: str
    measure: str
    payments: float
    rate: float
    ratio: float | None
    judged: bool


class SliceWatch:
    """Challenges and blocks by slice."""

    def __init__(self) -> None:
        self.slots = Slots(SLICES + 1, _WIDTH, plain=True)
        self.places: Places[tuple[str, str]] = Places(self.slots)
        self._births: list[str] = []

    def seen(self, fields: Mapping[str, Any], outcome: int) -> None:
        """Count one payment in each group that it tells about."""
        get = fields.get
        column = 1 if outcome == Outcome.CHALLENGE else 2 if outcome == Outcome.BLOCK else 0
        if (country := get("payer.country")) is not None:
            self._count((COUNTRY, country), column)
        if (birth := get("payer.birth_date")) is not None and self._births:
            self._count((AGE, BANDS[bisect_right(self._births, birth)]), column)
        if (name := get("payer.name")) is not None:
            self._count((SCRIPT, script_of(name)), column)

    def _count(self, place: tuple[str, str], column: int) -> None:
        counts, first = self.slots.counts, self.places.row(place) * _WIDTH
        counts[first] += 1
        if column:
            counts[first + column] += 1

    def turn(self, minute: int, now_us: int, book: AlarmBook) -> None:
        """Close the minute and judge."""
        self._births = births(minute)
        self.slots.roll(minute)
        rising: dict[Key, Change] = {}
        staying = []
        for one in self.shown():
            key = Key(KIND, one.measure, f"{one.group}:{one.name}")
            if one.ratio is None:
                continue
            if one.judged and not LOW <= one.ratio <= HIGH:
                rising[key] = Change(1.0, one.ratio)
            if not LOW * 1.05 <= one.ratio <= HIGH / 1.05:
                staying.append(key)
        book.take(KIND, rising, staying, now_us)
        self.places.turn()

    def shown(self) -> list[Slice]:
        """Every slice with its ratios."""
        counts = self.slots.recent + self.slots.whole
        named = [(row, self.places.name(row)) for row in range(1, self.slots.used)]
        found: list[Slice] = []
        for group in GROUPS:
            rows = [(row, name[1]) for row, name in named if name and name[0] == group]
            together = counts[[row for row, _name in rows]].sum(axis=0)
            for row, name in rows:
                found += _compared(group, name, counts[row], together - counts[row])
        return found


def births(minute: int) -> list[str]:
    """Latest birth dates of those who are at least 65, 50, 35, 25 and 18 on the day of a minute."""
    day = datetime.fromtimestamp(minute * 60, UTC)
    return [f"{day.year - age:04d}-{day.month:02d}-{day.day:02d}~" for age in reversed(AGES)]


def _compared(group: str, name: str, own: Counts, rest: Counts) -> list[Slice]:
    found = []
    for column, measure in enumerate(MEASURES, start=1):
        mine = Hits(own[column : column + 1], own[:1])
        others = Hits(rest[column : column + 1], rest[:1])
        other = float(others.share[0])
        ratio = float(mine.share[0]) / other if other > 0 else None
        enough = min(own[0], rest[0]) >= LEAST and own[column] + rest[column] >= LEAST_HITS
        sure = bool(abs(signed_root(mine, others)[0]) >= Z)
        rate = float(mine.share[0])
        found.append(Slice(group, name, measure, float(own[0]), rate, ratio, enough and sure))
    return found
