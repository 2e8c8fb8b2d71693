"""Derived fields of whole files: exactly the values of `paywarden.decision.derive`, by the column.

Guards: a file is decided on the fields that a live payment would have had. Each distinct value is
canonicalised once, by the same functions; facts come from `enrich_columns`. A fact that enrichment
knows replaces a mapped one; a mapped one stands where enrichment knows nothing. Files are taken at
their own time: nothing is late. Order: as in `decision.derive`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.reference.canonical import (
    canonical_account,
    canonical_address,
    canonical_bin,
    canonical_ip,
    canonical_phone,
)
from paywarden.risk.enrichment.columns import DEGRADED, enrich_columns
from paywarden.risk.enrichment.enricher import Enricher

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_ADDRESS = tuple(f"payment.shipping_address.{part}" for part in ("country", "postal_code", "line1"))


def derive_columns(
    enricher: Enricher, given: pl.DataFrame, time_us: npt.NDArray[np.int64]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """All fields of every payment, and how many payments are degraded by word.

    `given`: columns by catalogue path; `time_us`: when each payment counts.
    """
    fields = {name: given[name] for name in given.columns}
    degraded: Counter[str] = Counter()
    _canonical(fields, degraded)
    facts = enrich_columns(enricher, _for_enrichment(fields))
    degraded.update(facts[DEGRADED].drop_nulls().to_list())
    for name in facts.columns:
        if name != DEGRADED and facts[name].null_count() < facts.height:
            mapped = fields.get(name)
            found = facts[name]
            fields[name] = found if mapped is None else found.zip_with(found.is_not_null(), mapped)
    if "payer.email" in fields:
        read = fields.get("email.canonical", pl.Series([None] * given.height))
        unread = int((fields["payer.email"].is_not_null() & read.is_null()).sum())
        degraded["payer_email_unreadable"] += unread
    fields.pop("=bin", None)
    _time(fields, time_us)
    frame = pl.DataFrame([series.alias(name) for name, series in fields.items()])
    return frame, {word: count for word, count in sorted(degraded.items()) if count}


def _canonical(fields: dict[str, pl.Series], degraded: Counter[str]) -> None:
    if "device.ip" in fields:
        address = _each(fields["device.ip"], _ip)
        fields["ip.address"] = address
        degraded["device_ip_unreadable"] += _lost(fields["device.ip"], address)
    if "payer.phone" in fields:
        phone = _each(fields["payer.phone"], canonical_phone)
        fields["phone.canonical"] = phone
        degraded["payer_phone_unreadable"] += _lost(fields["payer.phone"], phone)
    if "payee.account" in fields:
        account = _each(fields["payee.account"], canonical_account)
        degraded["payee_account_unreadable"] += _lost(fields["payee.account"], account)
        fields["payee.account"] = account
    if "card.bin" in fields:
        digits = _each(fields["card.bin"], canonical_bin)
        degraded["card_bin_unreadable"] += _lost(fields["card.bin"], digits)
        fields["card.bin"] = digits.zip_with(digits.is_not_null(), fields["card.bin"])
        fields["=bin"] = digits
    if _ADDRESS[0] in fields:
        fields["shipping_address.key"] = _addresses(fields)


def _for_enrichment(fields: dict[str, pl.Series]) -> pl.DataFrame:
    sources = {
        "device.ip": "ip.address",
        "payer.email": "payer.email",
        "instrument.bin": "=bin",
        "merchant.mcc": "merchant.mcc",
        "payment.amount_minor": "payment.amount_minor",
        "payment.currency": "payment.currency",
    }
    height = len(next(iter(fields.values())))
    here = [fields[path].alias(name) for name, path in sources.items() if path in fields]
    return pl.DataFrame(here) if here else pl.DataFrame({"none": [None] * height})


def _ip(text: object) -> str | None:
    address = canonical_ip(text)
    return None if address is None else address.text


def _each(series: pl.Series, function: Callable[[object], str | None]) -> pl.Series:
    """`function` once per distinct value; null stays null."""
    distinct = series.drop_nulls().unique()
    answers = pl.Series([function(text) for text in distinct.to_list()], dtype=pl.String)
    return series.replace_strict(distinct, answers, default=None, return_dtype=pl.String)


def _lost(before: pl.Series, after: pl.Series) -> int:
    return int((before.is_not_null() & after.is_null()).sum())


def _addresses(fields: dict[str, pl.Series]) -> pl.Series:
    parts = [fields[path] for path in _ADDRESS if path in fields]
    frame = pl.DataFrame(parts)
    distinct = frame.unique()
    keys = [
        None if row.get(_ADDRESS[0]) is None else canonical_address(*map(row.get, _ADDRESS))
        for row in distinct.iter_rows(named=True)
    ]
    known = distinct.with_columns(pl.Series("=key", keys, dtype=pl.String))
    names = frame.columns
    joined = frame.join(known, on=names, how="left", nulls_equal=True, maintain_order="left")
    return joined["=key"]


def _time(fields: dict[str, pl.Series], time_us: npt.NDArray[np.int64]) -> None:
    fields["payment.occurred_at"] = pl.Series(time_us)
    fields["payment.hour"] = pl.Series(time_us % DAY_US // HOUR_US)
    fields["payment.weekday"] = pl.Series((time_us // DAY_US + _EPOCH_WEEKDAY) % 7)
    fields["payment.late"] = pl.Series(np.zeros(len(time_us), np.bool_))
    for party in ("merchant", "payer", "payee"):
        created = fields.get(f"{party}.created_at")
        if created is not None:
            days = (pl.Series(time_us) - created) // DAY_US
            aged = days.clip(lower_bound=0)
            mapped = fields.get(f"{party}.age_days")
            fields[f"{party}.age_days"] = (
                aged if mapped is None else aged.zip_with(aged.is_not_null(), mapped)
            )
