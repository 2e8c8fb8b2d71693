"""Merchant category codes (ISO 18245) with our risk groups.

Guards: a rule speaks of `gambling` or `crypto`, not of code lists that each author remembers
differently. The groups are our own reading and one word each; `risk_groups` lists them.
Descriptions come from greggles/mcc-codes (Unlicense), a few rows are ours (column `source`).

>>> merchant_category("7995").risk_group
'gambling'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paywarden.reference.shipped import load_shipped


@dataclass(frozen=True, slots=True)
class MerchantCategory:
    """One category: four digits, text, risk group."""

    code: str
    description: str
    risk_group: str


@cache
def merchant_categories() -> dict[str, MerchantCategory]:
    """All categories by code."""
    rows = load_shipped("mcc").rows
    return {code: MerchantCategory(code, text, group) for code, text, group, _source in rows}


def merchant_category(code: str) -> MerchantCategory | None:
    """Category of a four-digit code, or None."""
    return merchant_categories().get(code)


@cache
def risk_groups() -> tuple[str, ...]:
    """Every risk-group word in use, sorted."""
    return tuple(sorted({c.risk_group for c in merchant_categories().values()}))
