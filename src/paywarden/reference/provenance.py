"""Where a table came from, how old it is, and when to ring.

Guards: a decision can say which facts it was made on (name, date, SHA-256, rows), and a table that
has quietly grown old raises an alarm instead of misleading in silence. The clock comes in as an
argument. Not done here: fetching a newer table; the operator does (docs/operate/tables.md).

>>> from datetime import date
>>> p = Provenance("ip_country", "registry", "CC0-1.0", date(2026, 11, 1), "00", 1, 7)
>>> day = 86_400_000_000
>>> p.alarm(p.as_of_us + 8 * day).word
'table_stale'
>>> p.alarm(p.as_of_us + 7 * day) is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from paywarden.core.instants import DAY_US, from_datetime

MAX_AGE_DAYS_IP = 7
MAX_AGE_DAYS_EMAIL = 30
MAX_AGE_DAYS_BIN = 90


@dataclass(frozen=True, slots=True)
class Alarm:
    """A table that should not be trusted without a look; `word` is stable."""

    table: str
    word: str
    detail: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of one loaded table.

    `sha256` is of the file as stored (before decompression), so `sha256sum FILE` compares.
    `as_of` None means that nobody said how old the facts are. `max_age_days` None means that the
    table does not age (ISO codes change by publication, which comes with a release).
    """

    name: str
    source: str
    licence: str
    as_of: date | None
    sha256: str
    rows: int
    max_age_days: int | None

    @property
    def as_of_us(self) -> int:
        """Midnight UTC of `as_of` in microseconds; 0 when unknown."""
        if self.as_of is None:
            return 0
        return from_datetime(datetime.combine(self.as_of, datetime.min.time(), UTC))

    def age_days(self, now_us: int) -> int | None:
        """Whole days since `as_of` (negative when dated in the future); None when unknown."""
        return None if self.as_of is None else (now_us - self.as_of_us) // DAY_US

    def alarm(self, now_us: int) -> Alarm | None:
        """The alarm to raise at `now_us`, or None.

        `table_stale`: older than `max_age_days`; `table_age_unknown`: it ages and has no date;
        `table_from_future`: dated more than a day ahead, so its age cannot be believed.
        """
        if self.max_age_days is None:
            return None
        if self.as_of is None:
            return Alarm(self.name, "table_age_unknown", "give the table an as_of date")
        age_us = now_us - self.as_of_us
        if age_us < -DAY_US:
            return Alarm(self.name, "table_from_future", f"as_of is {self.as_of.isoformat()}")
        if age_us <= self.max_age_days * DAY_US:
            return None
        detail = f"{age_us // DAY_US} days old, limit {self.max_age_days}; load a newer file"
        return Alarm(self.name, "table_stale", detail)

    def facts(self) -> dict[str, str | int | None]:
        """Flat values for a decision record or a health answer."""
        return {
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "sha256": self.sha256,
            "rows": self.rows,
            "max_age_days": self.max_age_days,
        }
