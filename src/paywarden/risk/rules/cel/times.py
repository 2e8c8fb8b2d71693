"""Timestamps and durations with nanoseconds: text forms, ranges, calendar fields, time zones.

Guards: a timestamp lies in 0001-01-01T00:00:00Z .. 9999-12-31T23:59:59.999999999Z; a duration fits
64 bits of nanoseconds (about 292 years), so a difference beyond that is an error. Every refusal is
a ValueError whose text holds no value. Calendar fields are computed from days, not with datetime,
because a zone can move an instant of year 1 into year 0. Zones are IANA names (zoneinfo: the
system's data or the package tzdata) or fixed offsets such as `+01:00`. A leap second (:60) is
refused. Source: google/cel-spec, doc/langdef.md, "Timestamps"; RFC 3339 section 5.6.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000_000
DAY_SECONDS = 86_400
MIN_INSTANT = -62_135_596_800 * SECOND
MAX_INSTANT = 253_402_300_800 * SECOND - 1
MAX_SPAN = (1 << 63) - 1
MIN_SPAN = -(1 << 63)
MAX_TEXT = 200

_UNITS = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ns": 1,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ms|us|µs|μs|ns|h|m|s)")
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp(NamedTuple):
    """An instant: nanoseconds since 1970-01-01T00:00:00Z."""

    nanoseconds: int


class Duration(NamedTuple):
    """A span of time: nanoseconds, possibly negative."""

    nanoseconds: int


def instant(nanoseconds: int) -> Timestamp:
    """A timestamp in range. Errors: ValueError."""
    if not MIN_INSTANT <= nanoseconds <= MAX_INSTANT:
        raise ValueError("a timestamp lies in the years 0001 to 9999")
    return Timestamp(nanoseconds)


def span(nanoseconds: int) -> Duration:
    """A duration in range. Errors: ValueError."""
    if not MIN_SPAN <= nanoseconds <= MAX_SPAN:
        raise ValueError("a duration fits 64 bits of nanoseconds (about 292 years)")
    return Duration(nanoseconds)


def parse_duration(text: str) -> Duration:
    """A duration of a text such as `1h30m`, `-1.5s`, `0`. Errors: ValueError."""
    if len(text) > MAX_TEXT:
        raise ValueError("the text of a duration is too long")
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return Duration(0)
    total = 0
    position = 0
    while position < len(body) or position == 0:
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            raise ValueError("a duration is numbers with the units h m s ms us ns, like 1h30m")
        total += _nanoseconds(part[1], part[2] or "", _UNITS[part[3]])
        position = part.end()
    return span(sign * total)


def _nanoseconds(whole: str, fraction: str, unit: int) -> int:
    return int(whole or "0") * unit + (
        int(fraction) * unit // 10 ** len(fraction) if fraction else 0
    )


def duration_text(value: Duration) -> str:
    """Seconds with as many decimals as needed, such as `1.5s`."""
    seconds, rest = divmod(abs(value.nanoseconds), SECOND)
    sign = "-" if value.nanoseconds < 0 else ""
    return f"{sign}{seconds}{_fraction(rest)}s"


def parse_timestamp(text: str) -> Timestamp:
    """An instant of an RFC 3339 text; digits beyond nanoseconds are cut. Errors: ValueError."""
    found = _STAMP.fullmatch(text) if len(text) <= MAX_TEXT else None
    if found is None:
        raise ValueError("a timestamp is an RFC 3339 text such as 2026-01-02T03:04:05Z")
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    offset = _seconds_east(found[8], found[9], found[10]) if found[8] else 0
    try:
        base = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    except ValueError:
        raise ValueError("the text names no date or time that exists") from None
    seconds = base.days * DAY_SECONDS + base.seconds - offset
    return instant(seconds * SECOND + int((found[7] or "0")[:9].ljust(9, "0")))


def timestamp_text(value: Timestamp) -> str:
    """RFC 3339 in UTC with as many decimals as needed, such as `2026-01-02T03:04:05.5Z`."""
    seconds, rest = divmod(value.nanoseconds, SECOND)
    days, clock = divmod(seconds, DAY_SECONDS)
    year, month, day = civil(days)
    hours, minutes = clock // 3600, clock // 60 % 60
    date = f"{year:04d}-{month:02d}-{day:02d}"
    return f"{date}T{hours:02d}:{minutes:02d}:{clock % 60:02d}{_fraction(rest)}Z"


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""


def civil(days: int) -> tuple[int, int, int]:
    """Year, month (1..12) and day (1..31) of days since 1970-01-01, proleptic Gregorian."""
    era, of_era = divmod(days + 719_468, 146_097)
    of_cycle = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * of_cycle + of_cycle // 4 - of_cycle // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = of_cycle + era * 400 + (month <= 2)
    return year, month, of_year - (153 * shifted + 2) // 5 + 1


def first_day(year: int) -> int:
    """Days from 1970-01-01 to 1 January of `year`."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 - 719_162


def zone_offset(zone: str, value: Timestamp) -> int:
    """Seconds east of UTC of `zone` at that instant. Errors: ValueError."""
    fixed = _OFFSET.fullmatch(zone)
    if fixed:
        return _seconds_east(fixed[1], fixed[2], fixed[3])
    if zone in ("UTC", "Z"):
        return 0
    seconds = value.nanoseconds // SECOND
    inside = min(max(seconds, -62_135_596_800 + 2 * DAY_SECONDS), 253_402_128_000)
    offset = (_EPOCH + timedelta(seconds=inside)).astimezone(zone_of(zone)).utcoffset()
    assert offset is not None
    return offset.days * DAY_SECONDS + offset.seconds


def zone_of(name: str) -> ZoneInfo:
    """The IANA time zone of that name. Errors: ValueError."""
    if len(name) <= 64 and _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    raise ValueError(
        "a time zone is an IANA name such as Europe/Berlin or an offset such as +01:00"
    )


def refuse_zone(zone: str) -> None:
    """Refuse a text that names no time zone. Errors: ValueError."""
    zone_offset(zone, Timestamp(0))


def _seconds_east(sign: str, hours: str, minutes: str) -> int:
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("an offset lies between -23:59 and +23:59")
    seconds = int(hours) * 3600 + int(minutes) * 60
    return -seconds if sign == "-" else seconds


def field_of(name: str, value: Timestamp, zone: str | None) -> int:
    """What the getter `name` (such as getHours) answers for the instant in `zone` (None: UTC)."""
    seconds, rest = divmod(value.nanoseconds, SECOND)
    if zone is not None:
        seconds += zone_offset(zone, value)
    days, clock = divmod(seconds, DAY_SECONDS)
    year, month, day = civil(days)
    fields = {
        "getFullYear": year,
        "getMonth": month - 1,
        "getDate": day,
        "getDayOfMonth": day - 1,
        "getDayOfWeek": (days + 4) % 7,
        "getDayOfYear": days - first_day(year),
        "getHours": clock // 3600,
        "getMinutes": clock // 60 % 60,
        "getSeconds": clock % 60,
        "getMilliseconds": rest // 1_000_000,
    }
    return fields[name]


def span_field_of(name: str, value: Duration) -> int:
    """What the getter `name` answers for a duration; whole units, milliseconds of the second."""
    units = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND}
    size = abs(value.nanoseconds)
    if name == "getMilliseconds":
        answer = size % SECOND // 1_000_000
    else:
        answer = size // units[name]
    return -answer if value.nanoseconds < 0 else answer
