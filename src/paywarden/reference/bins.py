"""BIN table: issuer number ranges to brand, funding, prepaid, country and issuer.

Guards: the operator's file is checked cell by cell; nested and crossing ranges are settled when it
is loaded (`ranges`: most specific first). A 6-digit BIN spans a hundred 8-digit ones: a fact is
given only when the whole span agrees on it. Standard: ISO/IEC 7812-1 (8-digit IIN).

File: CSV with header. Columns iin_start (required, 4-11 digits), iin_end, brand or scheme, type
or funding (credit, debit, charge, prepaid), prepaid (yes/no), country (alpha-2), issuer or
bank_name; blank cells are unknown, other columns are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from paywarden.reference.card_brands import digit_span
from paywarden.reference.provenance import MAX_AGE_DAYS_BIN, Provenance
from paywarden.reference.ranges import Ranges, Span
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

_ALIASES = {
    "scheme": "brand",
    "funding": "type",
    "bank_name": "issuer",
    "iin": "iin_start",
    "bin": "iin_start",
}
_BRANDS = {
    "american express": "amex",
    "american_express": "amex",
    "diners club": "diners",
    "diners club international": "diners",
    "china unionpay": "unionpay",
    "china union pay": "unionpay",
    "union pay": "unionpay",
    "master card": "mastercard",
}
_FUNDING = frozenset({"credit", "debit", "charge", "prepaid"})
_YES = frozenset({"yes", "y", "true", "t", "1"})
_NO = frozenset({"no", "n", "false", "f", "0"})
_WORD = re.compile(r"[a-z0-9][a-z0-9 _.&+-]{0,39}").fullmatch
_IIN = re.compile(r"[0-9]{4,11}").fullmatch
_COUNTRY = re.compile(r"[A-Z]{2}").fullmatch
_MAX_ISSUER = 120
_WIDTH = 11
_REMEMBERED = 65_536


class BinFacts(NamedTuple):
    """What the table says about an issuer range; None is unknown."""

    brand: str | None
    funding: str | None
    is_prepaid: bool | None
    country: str | None
    issuer: str | None


NOTHING = BinFacts(None, None, None, None, None)
"""The facts of a range of which nothing is known."""


class BinTable:
    """`find(digits)`: facts that hold for every number with these 6-8 ASCII digits, or None."""

    def __init__(self, spans: list[Span], facts: list[BinFacts], provenance: Provenance) -> None:
        self._index = Ranges.build(spans)
        self._facts = facts
        self.provenance = provenance
        # The table never changes, BINs repeat, and a coarse one may meet many ranges.
        self.find: Callable[[str], BinFacts | None] = lru_cache(_REMEMBERED)(self._look_up)

    def _look_up(self, digits: str) -> BinFacts | None:
        """Facts that hold for every number beginning with these 6-8 ASCII digits, or None."""
        low, high = digit_span(digits, _WIDTH)
        rows = self._index.find_all(low, high)
        if len(rows) == 1:
            return self._facts[rows[0]] if rows[0] >= 0 else None
        agreed = _agree([self._facts[n] if n >= 0 else NOTHING for n in set(rows)])
        return agreed if agreed != NOTHING else None


def _agree(found: list[BinFacts]) -> BinFacts:
    first = found[0]
    same = [value if all(f[n] == value for f in found) else None for n, value in enumerate(first)]
    return BinFacts(*same)  # type: ignore[arg-type]


def load_bins(file: TableFile) -> BinTable:
    """Read the operator's BIN file (CSV or CSV.gz; format in the module docstring).

    Errors: those of `reading`, and InvalidRequest `bin_bad_range`, `bin_bad_cell` with file:line.
    """
    table = read_text(file.path)
    rows = csv_rows(table)
    line, header = next(rows, (1, []))
    where = _header(table, header, line)
    spans: list[Span] = []
    facts: dict[BinFacts, int] = {}
    for line, cells in rows:
        check_width(table, cells, len(header), line)
        row = {name: cells[n].strip() for name, n in where.items()}
        low, high = _span(table, row, line)
        number = facts.setdefault(_facts(table, row, line), len(facts))
        spans.append((low, high, number))
    provenance = provenance_of("bin", file, table, len(spans), MAX_AGE_DAYS_BIN)
    return BinTable(spans, list(facts), provenance)


def _header(table: TableText, header: list[str], line: int) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    # binlist-like files have both; `scheme` holds the plain word there.
    both = "scheme" in names and "brand" in names
    plain = ["" if both and name == "brand" else _ALIASES.get(name, name) for name in names]
    optional = ("iin_end", "brand", "type", "prepaid", "country", "issuer")
    return columns(table, plain, line, ("iin_start",), optional, strict=False)


def _span(table: TableText, row: dict[str, str], line: int) -> tuple[int, int]:
    first = row["iin_start"]
    last = row.get("iin_end") or first
    if not (_IIN(first) and _IIN(last)) or len(first) != len(last) or first > last:
        detail = "iin_start and iin_end must be 4-11 digits, equally long, in order"
        raise refuse(table, line, "bin_bad_range", detail)
    return digit_span(first, _WIDTH)[0], digit_span(last, _WIDTH)[1]


def _facts(table: TableText, row: dict[str, str], line: int) -> BinFacts:
    brand = row.get("brand", "").lower()
    funding = row.get("type", "").lower()
    prepaid = row.get("prepaid", "").lower()
    country = row.get("country", "").upper()
    issuer = row.get("issuer", "")
    for name, good in (
        ("brand", not brand or _WORD(brand)),
        ("type", not funding or funding in _FUNDING),
        ("prepaid", not prepaid or prepaid in _YES | _NO),
        ("country", not country or _COUNTRY(country)),
        ("issuer", len(issuer) <= _MAX_ISSUER and issuer.isprintable()),
    ):
        if not good:
            raise refuse(table, line, "bin_bad_cell", f"column {name} holds no such value")
    name = _BRANDS.get(brand, brand.replace(" ", "_"))
    is_prepaid = _prepaid(prepaid, funding)
    return BinFacts(name or None, funding or None, is_prepaid, country or None, issuer or None)


def _prepaid(word: str, funding: str) -> bool | None:
    if word:
        return word in _YES
    return True if funding == "prepaid" else None
