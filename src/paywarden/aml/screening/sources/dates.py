"""Dates as lists write them, as far as they are known.

Guards: rubbish gives no date and no error; an impossible day or month is left out and the year
kept, since a wrong day must not hide a right year; what is about or between is marked `circa`.
In `05/03/1962` the day stands first (UK, EU, UN lists), the month only where that is impossible.

>>> [one.text for one in parse_dates("c. 1962")], [one.text for one in parse_dates("1962-00-00")]
(['c. 1962'], ['1962'])
>>> [one.text for one in parse_dates("between 1960 and 1962")]
['c. 1960', 'c. 1961', 'c. 1962']
"""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Final

from paywarden.aml.screening.model import PartialDate

YEAR_FIRST: Final = 1_000
YEAR_LAST: Final = 2_999
SPREAD_LIMIT_YEARS: Final = 15
"""A longer range is told by its ends."""
_TEXT_LIMIT: Final = 200

_MONTHS: Final = {
    name: place + 1
    for place, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"),
            ("may",), ("jun", "june"), ("jul", "july"), ("aug", "august"),
            ("sep", "september", "sept"), ("oct", "october"), ("nov", "november"),
            ("dec", "december"),
        )
    )
    for name in names
}  # fmt: skip
_ABOUT: Final = re.compile(
    r"\b(?:c(?:irca|a)?\b\.?|c(?=\d{4})|circ\b\.?|approx(?:imately)?\b\.?|about\b|around\b|est(?:imated)?\b\.?"
    r"|between\b|possibly\b)|[~?]",
    re.IGNORECASE,
)
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2}|mm)(?:-(\d{1,2}|dd))?(?:[T ].*)?\Z", re.IGNORECASE)
_SLASHED: Final = re.compile(r"(\d{1,2}|dd)[/.-](\d{1,2}|mm)[/.-](\d{4})\Z", re.IGNORECASE)
_YEAR_SLASHED: Final = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})\Z")
_NUMBERS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})\Z")
_WORDS: Final = re.compile(
    r"(?:(\d{1,2})(?:st|nd|rd|th)?[ -])?([a-z]{3,9})\.?,?[ -](\d{4})\Z", re.I
)
_MONTH_FIRST: Final = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\Z", re.I)
_MONTH_YEAR: Final = re.compile(r"(\d{1,2})/(\d{4})\Z")
_YEAR: Final = re.compile(r"(\d{4})\Z")
_RANGE: Final = re.compile(r"(.+?)(?:\s+(?:to|and|or)\s+|\s*[\u2013\u2014]\s*|\s+-\s+)(.+)\Z", re.I)
_YEARS: Final = re.compile(r"(\d{4})\s*[-/]\s*(\d{4})\Z")


def parse_dates(text: str) -> tuple[PartialDate, ...]:
    """All dates that a text tells; empty when it tells none. Never raises."""
    given = " ".join(text[:_TEXT_LIMIT].split())
    bare = _ABOUT.sub(" ", given)
    circa = bare != given
    bare = bare.strip(" .,;()")
    ends = _YEARS.match(bare) or _RANGE.match(bare)
    if ends is not None:
        return _between(ends[1], ends[2])
    found = _single(bare, circa)
    return (found,) if found is not None else ()


def made_date(year: str, month: str, day: str, circa: bool = False) -> PartialDate | None:
    """A date of separate fields, of which all but the year may be empty or 0."""
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        return None
    return _checked(int(year), _number(month), _number(day), circa)


def spread(first: int, last: int) -> tuple[PartialDate, ...]:
    """The years from `first` to `last`: each of them, or the ends of a long range."""
    low, high = min(first, last), max(first, last)
    years = range(low, high + 1) if high - low <= SPREAD_LIMIT_YEARS else (low, high)
    made = (_checked(year, None, None, circa=True) for year in years)
    return tuple(one for one in made if one is not None)


def _between(first: str, last: str) -> tuple[PartialDate, ...]:
    low, high = _single(first.strip(), True), _single(last.strip(), True)
    if low is None or high is None:
        return tuple(one for one in (low, high) if one is not None)
    if low.year == high.year:
        return (PartialDate(low.year, low.month if low.month == high.month else None, None, True),)
    return spread(low.year, high.year)


def _single(text: str, circa: bool) -> PartialDate | None:
    if not text.isascii():
        return None
    if found := _ISO.match(text) or _YEAR_SLASHED.match(text) or _NUMBERS.match(text):
        return _checked(int(found[1]), _number(found[2]), _number(found[3]), circa)
    if found := _SLASHED.match(text):
        day, month = _number(found[1]), _number(found[2])
        if month is not None and month > 12 and day is not None and day <= 12:
            day, month = month, day
        return _checked(int(found[3]), month, day, circa)
    if found := _WORDS.match(text):
        return _checked(int(found[3]), _MONTHS.get(found[2].lower()), _number(found[1]), circa)
    if found := _MONTH_FIRST.match(text):
        return _checked(int(found[3]), _MONTHS.get(found[1].lower()), _number(found[2]), circa)
    if found := _MONTH_YEAR.match(text):
        return _checked(int(found[2]), _number(found[1]), None, circa)
    if found := _YEAR.match(text):
        return _checked(int(found[1]), None, None, circa)
    return None


def _number(text: str | None) -> int | None:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 4:
        return None
    return int(text) or None


def _checked(year: int, month: int | None, day: int | None, circa: bool) -> PartialDate | None:
    if not YEAR_FIRST <= year <= YEAR_LAST:
        return None
    if month is None or not 1 <= month <= 12:
        return PartialDate(year, None, None, circa)
    if day is None or not 1 <= day <= monthrange(year, month)[1]:
        return PartialDate(year, month, None, circa)
    return PartialDate(year, month, day, circa)
