"""From a column of a file to the values of one field: type, form and bounds of the HTTP contract.

Guards: a value that a live payment could not carry (API.md section 2) is refused with its row and
column, never bent into shape. Empty texts are absent. Not done here: card numbers
(`card_numbers.py`), amounts and times (`amounts.py`, `times.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.expressions import instants
from paywarden.reference.currencies import currencies
from paywarden.risk.features.catalogue import FIELDS

Place = Callable[[int], str]
"""Names the place of a row (counted from 0) in the file."""

_INT = r"^[+-]?[0-9]{1,18}$"
_EXACT = 2**53
_COUNTRY = ("^[A-Z]{2}$", "two capital letters (ISO 3166-1 alpha-2)")
_FORMS: Mapping[str, tuple[str, str]] = {
    "payment.type": (
        "^(card_payment|transfer|payout|top_up|withdrawal|refund|account_event)$",
        "card_payment, transfer, payout, top_up, withdrawal, refund or account_event",
    ),
    "payment.phase": (
        "^(onboarding|pre_auth|post_auth|capture|payout|refund)$",
        "onboarding, pre_auth, post_auth, capture, payout or refund",
    ),
    "payment.channel": (
        "^(ecommerce|in_app|pos|atm|moto|recurring|branch|api|other)$",
        "ecommerce, in_app, pos, atm, moto, recurring, branch, api or other",
    ),
    "payment.initiator": ("^(customer|merchant)$", "customer or merchant"),
    "payment.entry_mode": (
        "^(manual|chip|contactless|magstripe|on_file|wallet|qr|other)$",
        "manual, chip, contactless, magstripe, on_file, wallet, qr or other",
    ),
    "payment.instrument_kind": ("^(card|account|wallet)$", "card, account or wallet"),
    "payment.billing_address.country": _COUNTRY,
    "payment.shipping_address.country": _COUNTRY,
    "merchant.country": _COUNTRY,
    "merchant.mcc": ("^[0-9]{4}$", "four digits"),
    "payer.country": _COUNTRY,
    "payer.birth_date": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date as YYYY-MM-DD"),
    "payee.country": _COUNTRY,
    "card.bin": ("^[0-9]{6,8}$", "six to eight digits"),
    "card.last4": ("^[0-9]{4}$", "four digits"),
    "card.expiry": ("^[0-9]{4}-(0[1-9]|1[0-2])$", "a month as YYYY-MM"),
    "card.country": _COUNTRY,
    "ip.country": _COUNTRY,
    "device.language": ("^[A-Za-z0-9-]{1,35}$", "a language tag"),
}
_LENGTHS: Mapping[str, int] = {"device.user_agent": 1024, "device.ip": 64, "payee.account": 64}
_LONGEST = 256
_IDENTIFIER = 128


def convert(path: str, series: pl.Series, place: Place) -> pl.Series:
    """Values of a catalogue field (String, Int64, Boolean, or Int64 microseconds for instants).

    Errors: InvalidRequest `field_type` or `field_value` with the row.
    """
    kind = FIELDS[path].type
    if kind == "int":
        return _ints(series, place)
    if kind == "bool":
        return _bools(series, place)
    if kind == "timestamp":
        return _moments(series, place)
    return _checked(path, texts(series, place), place)


def texts(series: pl.Series, place: Place) -> pl.Series:
    """The column as text; whole floats lose their point. Errors: InvalidRequest `field_type`."""
    kind = series.dtype
    if kind == pl.Null:
        return series.cast(pl.String)
    if kind.is_float():
        whole = _whole(series)
        refuse_where(
            series.is_not_null() & whole.is_null(), "field_type", "is no whole text", place
        )
        return whole.cast(pl.String)
    if isinstance(kind, pl.List | pl.Array | pl.Struct | pl.Object | pl.Binary | pl.Duration):
        raise InvalidRequest("field_type", f"a column of {kind} is no text", pointer=place(0))
    if isinstance(kind, pl.Datetime):
        return instants(series).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    if isinstance(kind, pl.Date):
        return series.dt.strftime("%Y-%m-%d")
    as_text = series.cast(pl.String)
    return as_text.set(as_text == "", None)


def refuse_where(wrong: pl.Series, code: str, detail: str, place: Place) -> None:
    """Raise InvalidRequest for the first row that is wrong, if any."""
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        raise InvalidRequest(code, detail, pointer=place(rows[0]))


def _whole(series: pl.Series) -> pl.Series:
    """Whole floats as Int64, null for the rest."""
    good = series.is_finite() & (series.abs() <= _EXACT) & (series == series.round())
    return series.set(~good.fill_null(False), None).cast(pl.Int64)


def _ints(series: pl.Series, place: Place) -> pl.Series:
    kind = series.dtype
    if kind.is_integer():
        found = series.cast(pl.Int64, strict=False)
    elif kind.is_float():
        found = _whole(series)
    else:
        series = texts(series, place)
        found = series.set(~series.str.contains(_INT).fill_null(True), None)
        found = found.cast(pl.Int64, strict=False)
    refuse_where(series.is_not_null() & found.is_null(), "field_type", "is no whole number", place)
    return found


def _bools(series: pl.Series, place: Place) -> pl.Series:
    if series.dtype == pl.Boolean:
        return series
    words = texts(series, place).str.to_lowercase()
    found = words.replace_strict(
        ["true", "false", "1", "0"],
        [True, False, True, False],
        default=None,
        return_dtype=pl.Boolean,
    )
    detail = "is neither true nor false"
    refuse_where(words.is_not_null() & found.is_null(), "field_type", detail, place)
    return found


def _moments(series: pl.Series, place: Place) -> pl.Series:
    if isinstance(series.dtype, pl.Datetime | pl.Date):
        return instants(series).to_physical()
    return text_instants(texts(series, place), place)


def text_instants(series: pl.Series, place: Place, form: str | None = None) -> pl.Series:
    """Microseconds of texts: RFC 3339 or ISO 8601 (without a zone: UTC), or a strftime `form`."""
    distinct = series.drop_nulls().unique()
    if form is None:
        spelled = distinct.str.replace("[ tT]", "T", n=1).str.replace("[zZ]$", "+00:00")
        spelled = spelled.zip_with(spelled.str.len_chars() != 10, spelled + "T00:00:00")
        zoned = spelled.str.contains(r"[+-][0-9]{2}:?[0-9]{2}$") & spelled.str.contains("T.*[+-]")
        found = pl.select(
            pl.when(zoned)
            .then(_parsed(spelled.set(~zoned, None), "%Y-%m-%dT%H:%M:%S%.f%z"))
            .otherwise(_parsed(spelled.set(zoned, None), "%Y-%m-%dT%H:%M:%S%.f"))
        ).to_series()
    else:
        found = _parsed(distinct, form)
    table = pl.DataFrame({"text": distinct, "us": found})
    answer = (
        series.alias("text")
        .to_frame()
        .join(table, on="text", how="left", maintain_order="left")["us"]
    )
    detail = "is no time of the form asked for" if form else "is no RFC 3339 time"
    refuse_where(series.is_not_null() & answer.is_null(), "time_value", detail, place)
    return answer


def _parsed(series: pl.Series, form: str) -> pl.Series:
    try:
        found = series.str.to_datetime(form, time_unit="us", strict=False, ambiguous="earliest")
        if "%" in form and found.null_count() == len(found) and "%H" not in form:
            found = series.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    except pl.exceptions.PolarsError as error:
        raise InvalidRequest("time_format", "is no format of a time", pointer=form) from error
    return found.to_physical()


def _checked(path: str, series: pl.Series, place: Place) -> pl.Series:
    longest = _LENGTHS.get(path, _IDENTIFIER if path.endswith(".id") else _LONGEST)
    detail = f"has over {longest} characters"
    refuse_where(series.str.len_chars() > longest, "field_value", detail, place)
    form = _FORMS.get(path)
    if form is not None:
        wrong = ~series.str.contains(form[0])
        refuse_where(wrong, "field_value", f"{path} has to be {form[1]}", place)
    if path == "payment.currency":
        codes = [code for code, known in currencies().items() if known.exponent is not None]
        refuse_where(~series.is_in(codes), "unknown_currency", "is no ISO 4217 currency", place)
    return series
