"""Instants as integer microseconds since 1970 UTC, and their RFC 3339 text.

Why integers: windows, the journal and replay compare instants exactly; floats and local zones
would make the same log give two answers. Range: years 1 to 9999. Leap seconds are refused.

>>> parse_rfc3339("2026-11-22T01:02:03.5Z")
1795309323500000
>>> format_rfc3339(1795309323500000)
'2026-11-22T01:02:03.500000Z'
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

MICROSECONDS = 1_000_000
MINUTE_US = 60 * MICROSECONDS
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _STEP
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _STEP
INSTANT_PATTERN = (
    r"^(?!0000|.*:60|0001-01-01.*[+](?!00:?00$)"
    r"|9999-12-31.*(-(?!00:?00$)[0-9:]+$|[.]9{6}[5-9]))"
)
"""No year 0 and no leap second, nor what a zone or rounding may move out of
the years 1 to 9999; the format says the rest."""
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)


def from_datetime(moment: datetime) -> int:
    """Microseconds of an aware datetime; a naive one is a programmer's error."""
    if moment.tzinfo is None:
        raise TypeError("an instant needs a time zone")
    return (moment - _EPOCH) // _STEP


def to_datetime(instant_us: int) -> datetime:
    """Aware UTC datetime of an instant in microseconds."""
    return _EPOCH + timedelta(microseconds=instant_us)


def format_rfc3339(instant_us: int) -> str:
    """RFC 3339 text in UTC with six decimals and a Z."""
    return to_datetime(instant_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 text with a zone; ValueError for anything else.

    Digits beyond the sixth decimal are cut off. ASCII only: digits of other scripts are refused.
    """
    found = _RFC3339.fullmatch(text) if len(text) <= 40 else None
    if found is None:
        raise ValueError("not an RFC 3339 time with a zone")
    date, hour, fraction, zulu, sign, offset_hours, offset_minutes = found.groups()
    moment = datetime.fromisoformat(f"{date}T{hour}+00:00")
    instant_us = from_datetime(moment) + int(((fraction or "") + "000000")[:6])
    if not zulu:
        hours, minutes = int(offset_hours), int(offset_minutes)
        if hours > 23 or minutes > 59:
            raise ValueError("zone offset out of range")
        shift_us = (hours * 3600 + minutes * 60) * MICROSECONDS
        instant_us += shift_us if sign == "-" else -shift_us
    if not _FIRST_US <= instant_us <= _LAST_US:
        raise ValueError("instant outside the years 1 to 9999")
    return instant_us
