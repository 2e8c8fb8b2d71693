"""ISO 4217 currencies: code, number, exponent, kind.

Guards: minor units mean the right thing (JPY has none, KWD three). `active_currency` is what a new
payment may be in; withdrawn codes stay known so that old files can be read. Funds, metals and test
codes are known too; those without an exponent cannot carry an amount. Source: ISO 4217 list one.

>>> currency("KWD").exponent
3
>>> currency("XAU").exponent is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paywarden.reference.shipped import load_shipped


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency; `status` is tender, fund, metal, reserved or withdrawn."""

    code: str
    numeric: str
    exponent: int | None
    name: str
    status: str


@cache
def currencies() -> dict[str, Currency]:
    """All currencies by code."""
    return {
        code: Currency(code, numeric, int(exponent) if exponent else None, name, status)
        for code, numeric, exponent, name, status in load_shipped("currencies").rows
    }


@cache
def _by_numeric() -> dict[str, Currency]:
    found: dict[str, Currency] = {}
    for known in currencies().values():
        if known.status != "withdrawn" or known.numeric not in found:
            found[known.numeric] = known
    return found


def currency(code: str) -> Currency | None:
    """Currency of an upper-case alphabetic code, withdrawn ones included, or None."""
    return currencies().get(code)


def currency_by_numeric(numeric: str) -> Currency | None:
    """Currency of a three-digit code as ISO 8583 messages carry it, or None."""
    return _by_numeric().get(numeric)


def active_currency(code: str) -> bool:
    """Whether a payment of today may be in this currency (tender or fund with an exponent)."""
    known = currencies().get(code)
    return known is not None and known.status in ("tender", "fund") and known.exponent is not None
