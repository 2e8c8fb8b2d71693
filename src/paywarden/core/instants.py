"""Instants as integer microseconds since 1970 UTC, and their RFC 3339 text.

Why integers: windows, the journal and replay compare instants exactly; floats and local zones
would make the same log give two answers. Range: years 1 to 9999. Leap seconds are refused.

>>> parse_rfc3339("2026-11-22T01:02:03.5Z")
1795309323500000
>>> format_rfc3339(1795309323500000)
'2026-11-22T01:02:03.500000Z'
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

MICROSECONDS = 1_000_000
DAY_US = 86_400 * MICROSECONDS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


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
    """Microseconds of an RFC 3339 text with a zone; ValueError for anything else."""
    if len(text) > 40 or len(text) < 20 or text[10] not in "Tt ":
        raise ValueError("not an RFC 3339 time with a zone")
    body = text.upper()
    zone = UTC
    if body.endswith("Z"):
        body = body[:-1]
    else:
        sign, offset = body[-6], body[-5:]
        if sign not in "+-" or offset[2] != ":":
            raise ValueError("not an RFC 3339 time with a zone")
        hours, minutes = int(offset[:2]), int(offset[3:])
        if hours > 23 or minutes > 59:
            raise ValueError("zone offset out of range")
        delta = timedelta(hours=hours, minutes=minutes)
        zone = timezone(-delta if sign == "-" else delta)
        body = body[:-6]
    head, _, fraction = body.partition(".")
    if len(head) != 19 or (fraction and not (fraction.isascii() and fraction.isdigit())):
        raise ValueError("not an RFC 3339 time with a zone")
    if "." in body and not fraction:
        raise ValueError("not an RFC 3339 time with a zone")
    moment = datetime.strptime(head.replace(" ", "T"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    micros = int((fraction + "000000")[:6]) if fraction else 0
    return from_datetime(moment) + micros
