"""Dates in every form that lists use, and countries by all their names."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.screening.sources.countries import alpha2_of
from paywarden.aml.screening.sources.dates import parse_dates
from paywarden.reference.countries import countries


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1962", ["1962"]),
        ("c. 1962", ["c. 1962"]),
        ("circa 1962", ["c. 1962"]),
        ("c1962", ["c. 1962"]),
        ("Approximately 1962", ["c. 1962"]),
        ("circa 01 Jan 1962", ["c. 1962-01-01"]),
        ("01 Jan 1962", ["1962-01-01"]),
        ("Jan 1962", ["1962-01"]),
        ("12 December 1962", ["1962-12-12"]),
        ("December 12, 1962", ["1962-12-12"]),
        ("1962-00-00", ["1962"]),
        ("1962-03-00", ["1962-03"]),
        ("1962-03-05", ["1962-03-05"]),
        ("1962-03-05T00:00:00Z", ["1962-03-05"]),
        ("05/03/1962", ["1962-03-05"]),
        ("03/25/1962", ["1962-03-25"]),
        ("dd/mm/1962", ["1962"]),
        ("00/00/1962", ["1962"]),
        ("5.3.1962", ["1962-03-05"]),
        ("19620305", ["1962-03-05"]),
        ("31 Feb 1962", ["1962-02"]),
        ("1962-13-01", ["1962"]),
        ("between 1960 and 1962", ["c. 1960", "c. 1961", "c. 1962"]),
        ("1960 to 1961", ["c. 1960", "c. 1961"]),
        ("1960-1961", ["c. 1960", "c. 1961"]),
        ("circa 1960-1961", ["c. 1960", "c. 1961"]),
        ("01 Jan 1960 to 31 Dec 1961", ["c. 1960", "c. 1961"]),
        ("01 Mar 1960 to 31 Mar 1960", ["c. 1960-03"]),
        ("1900 to 1950", ["c. 1900", "c. 1950"]),
        ("unknown", []),
        ("", []),
        ("na", []),
        ("99999", []),
    ],
)
def test_forms(text, expected):
    assert [one.text for one in parse_dates(text)] == expected


@given(st.dates(date(1800, 1, 1), date(2100, 1, 1)))
def test_exact_dates_survive(day):
    forms = (
        day.isoformat(),
        f"{day:%d/%m/%Y}",
        f"{day:%d %b %Y}",
        f"{day:%B %d, %Y}",
        f"{day:%Y%m%d}",
    )
    for form in forms:
        (found,) = parse_dates(form)
        assert (found.year, found.month, found.day, found.circa) == (
            day.year, day.month, day.day, False,
        )  # fmt: skip


@given(st.text())
def test_rubbish_never_raises(text):
    for one in parse_dates(text):
        assert 1_000 <= one.year <= 2_999


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Iran (Islamic Republic of)", "IR"),
        ("Iran", "IR"),
        ("Korea, North", "KP"),
        ("Democratic People's Republic of Korea", "KP"),
        ("Korea, South", "KR"),
        ("Congo, Democratic Republic of the", "CD"),
        ("Congo", "CG"),
        ("United Kingdom of Great Britain and Northern Ireland", "GB"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("Burma", "MM"),
        ("Turkey", "TR"),
        ("TÜRKİYE", "TR"),
        ("Côte d’Ivoire", "CI"),
        ("deu", "DE"),
        ("276", "DE"),
        ("State of Palestine", "PS"),
        ("Region: Gaza", "PS"),
        ("former Soviet Union", None),
        ("na", "NA"),
        ("", None),
        ("Korea", None),
    ],
)
def test_countries(text, code):
    assert alpha2_of(text) == code


def test_every_country_is_found_by_its_name():
    assert {alpha2_of(one.name) for one in countries().values()} == set(countries())
