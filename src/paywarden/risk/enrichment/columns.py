"""Enrichment of whole files: exactly the values of `Enricher.enrich`, a column at a time.

Guards: a back-test sees what the live decision saw. Each distinct value is looked up once, by the
scalar enricher itself; only plain IPv4 look-ups and amounts have vector code of their own (the
property tests hold both against the scalar one). Not done here: reading files, naming columns.

Shapes: input columns are named by dotted path (`SOURCE_FIELDS`; any may be missing); the answer
has one row per input row, in order, every column of `DERIVED_FIELDS` (null is absent) and
`enrichment.degraded` (one word or null).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import polars as pl

from paywarden.core.money import INT64_MAX
from paywarden.risk.enrichment.enricher import (
    AMOUNT_OUT_OF_RANGE,
    DERIVED_FIELDS,
    RATE_MISSING,
    Enricher,
    Fields,
)
from paywarden.risk.enrichment.rates import FrozenRate

DEGRADED: Final = "enrichment.degraded"
_TYPES: Final = {"int": pl.Int64(), "string": pl.String(), "bool": pl.Boolean()}
_SAFE = 2**62
_KEY = "key"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
_NARROW: Final = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)

_Part = Callable[[object, Fields], None]


def enrich_columns(enricher: Enricher, frame: pl.DataFrame) -> pl.DataFrame:
    """Derived columns of `frame`; same height and order."""
    parts = [
        _ip(enricher, _column(frame, "device.ip", texts_only=True)),
        _looked_up(_column(frame, "payer.email", texts_only=True), "email.", enricher.add_email),
        _looked_up(_column(frame, "instrument.bin"), "card.", enricher.add_card),
        _looked_up(_column(frame, "merchant.mcc"), "merchant.", enricher.add_merchant),
        _amounts(enricher, frame),
    ]
    return pl.concat(parts, how="horizontal")


def _column(frame: pl.DataFrame, name: str, *, texts_only: bool = False) -> pl.Series:
    """The column as text or whole numbers; a column of another type has no values."""
    if name not in frame.columns:
        return pl.Series(_KEY, [None] * frame.height, dtype=pl.String)
    column = frame[name].alias(_KEY)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String or (column.dtype.is_integer() and not texts_only):
        return column
    return pl.Series(_KEY, [None] * frame.height, dtype=pl.String)


def _names(prefix: str) -> list[str]:
    return [name for name in DERIVED_FIELDS if name.startswith(prefix)]


def _frame_of(rows: Sequence[Fields], names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(name, [row.get(name) for row in rows], dtype=_TYPES[DERIVED_FIELDS[name][0]])
            for name in names
        ]
    )


def _looked_up(column: pl.Series, prefix: str, part: _Part) -> pl.DataFrame:
    distinct = column.drop_nulls().unique()
    rows: list[Fields] = []
    for value in distinct.to_list():
        found: Fields = {}
        part(value, found)
        rows.append(found)
    return _spread(column, distinct, _frame_of(rows, _names(prefix)))


def _spread(column: pl.Series, distinct: pl.Series, facts: pl.DataFrame) -> pl.DataFrame:
    known = facts.with_columns(distinct)
    joined = column.to_frame().join(known, on=_KEY, how="left", maintain_order="left")
    return joined.drop(_KEY)


def _ip(enricher: Enricher, column: pl.Series) -> pl.DataFrame:
    distinct = column.drop_nulls().unique(maintain_order=True)
    plain = distinct.str.contains(_IPV4)
    simple, other = distinct.filter(plain), distinct.filter(~plain)
    facts = pl.concat([_ipv4(enricher, simple), _looked_up(other, "ip.", enricher.add_ip)])
    return _spread(column, pl.concat([simple, other]), facts)


def _ipv4(enricher: Enricher, texts: pl.Series) -> pl.DataFrame:
    octets = texts.str.extract_groups(_IPV4).struct.unnest().cast(pl.Int64)
    a, b, c, d = (octets[:, n].to_numpy() for n in range(4))
    values = a << 24 | b << 16 | c << 8 | d
    tables = enricher.tables
    none = pl.Series([None] * len(texts), dtype=pl.String)
    found = {
        "ip.version": pl.repeat(4, len(texts), dtype=pl.Int64, eager=True),
        "ip.prefix": texts.str.replace(r"\.[0-9]+$", ".0/24"),
        "ip.country": none,
        "ip.asn": none.cast(pl.Int64),
        "ip.is_datacenter": none.cast(pl.Boolean),
        "ip.is_vpn": none.cast(pl.Boolean),
    }
    if tables.ip_country is not None:
        countries = pl.Series([f.country for f in tables.ip_country.facts], dtype=pl.String)
        found["ip.country"] = _gather(countries, tables.ip_country.v4.find_many(values))
    if tables.ip_asn is not None:
        numbers = pl.Series([f.asn for f in tables.ip_asn.facts], dtype=pl.Int64)
        found["ip.asn"] = _gather(numbers, tables.ip_asn.v4.find_many(values))
    if tables.datacenters is not None:
        found["ip.is_datacenter"] = pl.Series(tables.datacenters.v4.find_many(values) >= 0)
    if tables.vpns is not None:
        found["ip.is_vpn"] = pl.Series(tables.vpns.v4.find_many(values) >= 0)
    return pl.DataFrame([series.alias(name) for name, series in found.items()])


def _gather(facts: pl.Series, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    index = pl.Series(rows)
    return facts.gather(index.set(index < 0, None))


def _amounts(enricher: Enricher, frame: pl.DataFrame) -> pl.DataFrame:
    amounts = _column(frame, "payment.amount_minor")
    codes = _column(frame, "payment.currency", texts_only=True)
    converted = pl.Series([None] * frame.height, dtype=pl.Int64)
    words = pl.Series([None] * frame.height, dtype=pl.String)
    if amounts.dtype.is_integer():
        present = amounts.is_not_null() & codes.is_not_null()
        for code in codes.filter(present).unique().to_list():
            places = (present & (codes == code)).fill_null(False).arg_true()
            rate = enricher.tables.rates.frozen(code)
            if rate is None:
                words = words.scatter(places, RATE_MISSING)
                continue
            values = _convert(amounts.gather(places), rate)
            converted = converted.scatter(places, values)
            words = words.scatter(places.filter(values.is_null()), AMOUNT_OUT_OF_RANGE)
    return pl.DataFrame([converted.alias("payment.amount_base_minor"), words.alias(DEGRADED)])


def _convert(amounts: pl.Series, rate: FrozenRate) -> pl.Series:
    """Base minor units; null where the result (or the amount) is beyond 64 bits."""
    widest = max(abs(int(amounts.min() or 0)), abs(int(amounts.max() or 0)))  # type: ignore[arg-type]
    # Past this bound a product would wrap silently, so plain integers take over.
    if amounts.dtype not in _NARROW or max(widest * rate.rate, rate.rate_scale) >= _SAFE:
        exact = (rate.convert(amount) for amount in amounts.to_list())
        kept = [
            value if max(abs(amount), abs(value)) <= INT64_MAX else None
            for amount, value in zip(amounts.to_list(), exact, strict=True)
        ]
        return pl.Series(kept, dtype=pl.Int64)
    quotient, remainder = np.divmod(
        amounts.cast(pl.Int64).to_numpy() * np.int64(rate.rate), np.int64(rate.rate_scale)
    )
    twice = 2 * remainder
    up = (twice > rate.rate_scale) | ((twice == rate.rate_scale) & (quotient % 2 != 0))
    return pl.Series(quotient + up)
