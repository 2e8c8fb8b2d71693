"""Exchange rates frozen into integers, so that a replayed decision converts to the same unit.

Guards: no float ever touches an amount. A rate is read as decimal text and becomes (rate,
rate_scale) with both currencies' exponents inside, ready for `paywarden.core.money.rescale`. What
is not in the table has no rate: the amount stays absent and the decision says so. Exponents:
ISO 4217 (JPY 0, KWD 3). Not done here: fetching rates; the operator's file names its day.

File: CSV with header `currency,rate,as_of`; `rate` is how much of the base currency one whole unit
of `currency` is worth (decimal text such as 0.9214), `as_of` is YYYY-MM-DD.

>>> rate = freeze("JPY", "EUR", "0.0061", "2026-11-20")
>>> (rate.rate, rate.rate_scale), rate.convert(10_000)
((61, 100), 6100)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from math import gcd

from paywarden.core.money import INT64_MAX, rescale
from paywarden.reference.currencies import currency
from paywarden.reference.provenance import Provenance
from paywarden.reference.reading import (
    TableFile,
    TableText,
    check_width,
    columns,
    csv_rows,
    provenance_of,
    read_text,
    refuse,
)

MAX_AGE_DAYS_RATES = 7
MAX_RATE_ROWS = 1_000
_DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,12}))?").fullmatch


@dataclass(frozen=True, slots=True)
class FrozenRate:
    """Minor units of `base` per minor unit of `currency`, as the fraction rate / rate_scale."""

    currency: str
    base: str
    rate: int
    rate_scale: int
    as_of: str | None

    def convert(self, amount_minor: int) -> int:
        """Base minor units, rounded half to even."""
        return rescale(amount_minor, self.rate, self.rate_scale)


def freeze(code: str, base: str, rate: str, as_of: str | None) -> FrozenRate:
    """Integers of a decimal rate; ValueError names what is wrong with the input."""
    match = _DECIMAL(rate)
    if match is None or not any(ch in "123456789" for ch in rate):
        raise ValueError("rate must be a positive decimal with at most 12 + 12 digits")
    whole, fraction = match.group(1), match.group(2) or ""
    over = int(whole + fraction) * 10 ** _exponent(base)
    under = 10 ** (len(fraction) + _exponent(code))
    common = gcd(over, under)
    over, under = over // common, under // common
    if max(over, under) > INT64_MAX:
        raise ValueError("rate has more digits than 64 bits can hold; round it")
    return FrozenRate(code, base, over, under, as_of)


def _exponent(code: str) -> int:
    known = currency(code)
    if known is None or known.exponent is None:
        raise ValueError("currency must be an ISO 4217 code with minor units")
    return known.exponent


class Rates:
    """Rates into one base currency; the base itself is always 1."""

    def __init__(
        self, base: str, rates: Mapping[str, FrozenRate], provenance: Provenance | None = None
    ) -> None:
        if any(rate.base != base for rate in rates.values()):
            raise ValueError("every rate must lead to the base currency")
        self.base = base
        self.provenance = provenance
        self._rates = {**rates, base: freeze(base, base, "1", None)}

    def __len__(self) -> int:
        return len(self._rates)

    def frozen(self, code: object) -> FrozenRate | None:
        """The rate of a currency code, or None when there is none."""
        return self._rates.get(code) if isinstance(code, str) else None


def load_rates(file: TableFile, base: str) -> Rates:
    """Read the operator's rates into `base`.

    Errors: those of `reading`, and InvalidRequest `rate_bad_cell`, `rate_repeated` with file:line.
    The table's date is that of its oldest rate.
    """
    table = read_text(file.path)
    rows = csv_rows(table, max_rows=MAX_RATE_ROWS)
    line, header = next(rows, (1, []))
    where = columns(table, header, line, ("currency", "rate", "as_of"))
    rates: dict[str, FrozenRate] = {}
    for line, cells in rows:
        check_width(table, cells, len(header), line)
        rate = _row(table, line, {name: cells[n].strip() for name, n in where.items()}, base)
        if rate.currency in rates:
            raise refuse(table, line, "rate_repeated", "one rate for each currency")
        rates[rate.currency] = rate
    days = [date.fromisoformat(rate.as_of) for rate in rates.values() if rate.as_of]
    dated = replace(file, as_of=file.as_of or min(days, default=None))
    return Rates(base, rates, provenance_of("rates", dated, table, len(rates), MAX_AGE_DAYS_RATES))


def _row(table: TableText, line: int, row: dict[str, str], base: str) -> FrozenRate:
    try:
        as_of = date.fromisoformat(row["as_of"]).isoformat()
    except ValueError as error:
        raise refuse(table, line, "rate_bad_cell", "as_of must be YYYY-MM-DD") from error
    try:
        rate = freeze(row["currency"], base, row["rate"], as_of)
    except ValueError as error:
        raise refuse(table, line, "rate_bad_cell", str(error)) from error
    if rate.currency == base and rate.rate != rate.rate_scale:
        raise refuse(table, line, "rate_bad_cell", "the base currency's rate must be 1")
    return rate
