"""Instants: RFC 3339 both ways, and everything that is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core import instants

ZONES = st.integers(-(23 * 60 + 59), 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=ZONES,
)


@given(MOMENTS)
def test_text_and_instant_are_inverse(moment: datetime) -> None:
    instant_us = instants.from_datetime(moment)
    text = instants.format_rfc3339(instant_us)
    assert text.endswith("Z")
    assert instants.parse_rfc3339(text) == instant_us
    assert instants.to_datetime(instant_us) == moment


@given(MOMENTS)
def test_any_zone_gives_the_same_instant(moment: datetime) -> None:
    assert instants.parse_rfc3339(moment.isoformat()) == instants.from_datetime(moment)


@given(MOMENTS, MOMENTS)
def test_text_in_utc_sorts_as_instants_do(one: datetime, two: datetime) -> None:
    a, b = instants.from_datetime(one), instants.from_datetime(two)
    assert (instants.format_rfc3339(a) < instants.format_rfc3339(b)) == (a < b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00.000001-00:30", 1),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.1234569Z", 123_456),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_known_instants(text: str, expected: int) -> None:
    assert instants.parse_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T01:02:03",
        "2026-11-22T01:02Z",
        "2026-11-22T01:02:03.Z",
        "2026-11-22T01:02:03,5Z",
        "2026-11-22T01:02:03+0100",
        "2026-11-22T01:02:03+24:00",
        "2026-11-22T01:02:03+01:60",
        "2026-11-22T01:02:03+ 1:00",
        "2026-11-22T01:02:03+-1:00",
        "2026-11-22T24:00:00Z",
        "2026-11-22T23:60:00Z",
        "2026-11-22T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-1-011T00:00:00Z",
        "2026-11-22T1:02:003Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "２０２６-11-22T01:02:03Z",
        "2026-11-22T01:02:03.٥Z",
        "2026-11-22T01:02:03Z\n",
        " 2026-11-22T01:02:03Z",
        "2026-11-22T01:02:03.00000000000000000000Z0",
        "2026-11-22T01:02:03." + "0" * 30 + "Z",
        "2026-W47-7T01:02:03Z",
        "1795309323",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        instants.parse_rfc3339(text)


@given(st.text(max_size=45))
def test_hostile_text_never_raises_anything_else(text: str) -> None:
    try:
        instants.parse_rfc3339(text)
    except ValueError:
        return
    assert text.isascii()


def test_a_naive_datetime_is_a_fault() -> None:
    with pytest.raises(TypeError, match="time zone"):
        instants.from_datetime(datetime(2026, 1, 1))  # noqa: DTZ001


def test_units() -> None:
    second = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert instants.from_datetime(second) == instants.MICROSECONDS
    assert timedelta(microseconds=instants.DAY_US) == timedelta(days=1)
