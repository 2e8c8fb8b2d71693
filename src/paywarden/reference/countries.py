"""ISO 3166-1 countries with currency and membership of the EU and the EEA.

Guards: a country is one of these or it is a mistake. Territories with codes of their own carry no
membership flag even where EU law applies there (for instance GP, RE, AX): rules that need them
name them. `XK` (Kosovo) is user-assigned and marked so. Source: ISO 3166-1, EU and EFTA treaties.

>>> country("DE").alpha3, country("NO").eea, country("NO").eu
('DEU', True, False)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paywarden.reference.shipped import load_shipped


@dataclass(frozen=True, slots=True)
class Country:
    """One country; `numeric` and `currency` are None where there is none."""

    alpha2: str
    alpha3: str
    numeric: str | None
    name: str
    currency: str | None
    eu: bool
    eea: bool
    official: bool


@cache
def countries() -> dict[str, Country]:
    """All countries by alpha-2 code."""
    return {row[0]: _country(row) for row in load_shipped("countries").rows}


def _country(row: tuple[str, ...]) -> Country:
    alpha2, alpha3, numeric, name, money, eu, eea, status = row
    return Country(
        alpha2=alpha2,
        alpha3=alpha3,
        numeric=numeric or None,
        name=name,
        currency=money or None,
        eu=eu == "yes",
        eea=eea == "yes",
        official=status == "official",
    )


@cache
def _others() -> dict[str, Country]:
    known = countries().values()
    return {c.alpha3: c for c in known} | {c.numeric: c for c in known if c.numeric}


def country(code: str) -> Country | None:
    """Country of an upper-case alpha-2 code, or None."""
    return countries().get(code)


def country_by_alpha3_or_numeric(code: str) -> Country | None:
    """Country of an alpha-3 or three-digit code, or None."""
    return _others().get(code)
