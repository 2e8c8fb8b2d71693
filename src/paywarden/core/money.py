"""Money: integer minor units and a currency; floats never, mixed currencies never.

Source: ISO 4217 exponents (JPY 0, KWD 3). Converting between currencies is not done here: the
decision freezes a rate in the event (`paywarden.risk.enrichment`).

>>> Money(1250, "EUR") + Money(50, "EUR")
Money(amount_minor=1300, currency='EUR')
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INT64_MAX = 2**63 - 1
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (int) of one ISO 4217 currency."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError("amount_minor must be an int: money is never a float")
        if not -INT64_MAX <= self.amount_minor <= INT64_MAX:
            raise OverflowError("amount_minor exceeds 64 bits")
        if type(self.currency) is not str or not _CURRENCY.fullmatch(self.currency):
            raise ValueError("currency must be three upper-case letters (ISO 4217)")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __le__(self, other: Money) -> bool:
        return self.amount_minor <= self._same(other).amount_minor

    def _same(self, other: Money) -> Money:
        if not isinstance(other, Money):
            raise TypeError("only Money can be combined with Money")
        if other.currency != self.currency:
            raise ValueError("two currencies cannot be combined without a rate")
        return other


def rescale(amount_minor: int, rate: int, rate_scale: int) -> int:
    """Convert minor units by an integer rate: round half to even of amount * rate / rate_scale.

    Args: `rate` and `rate_scale` as frozen in the event. Integers only, so replay is exact.
    """
    if rate_scale <= 0:
        raise ValueError("rate_scale must be positive")
    quotient, remainder = divmod(amount_minor * rate, rate_scale)
    twice = 2 * remainder
    if twice > rate_scale or (twice == rate_scale and quotient % 2):
        quotient += 1
    return quotient
