"""No card number passes: columns of card numbers are refused, chance likenesses are hashed.

Guards: PCI DSS 4.0.1, 3.2: account data stays outside. A card-number column may only be mapped as
`fingerprint(column)`. Identifiers may look like a card number by chance (numeric order numbers);
such a value is replaced by a keyed hash, as the HTTP face does (API.md section 1), and a column of
identifiers in which QUARTER of the distinct values look like cards is a column of card numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.reference.card_numbers import MIN_DIGITS, looks_like_card_number

QUARTER = 4
_LEAST = 10.0 ** (MIN_DIGITS - 1)
IDENTIFIERS = frozenset(
    {
        "payment.id",
        "payment.attempt",
        "payment.par",
        "merchant.id",
        "payer.id",
        "payer.phone",
        "payee.id",
        "payee.account",
        "card.fingerprint",
        "device.id",
    }
)
_DIGEST = re.compile(r"(?=(?:[^a-fA-F]*[a-fA-F]){4})[0-9a-fA-F-]{24,128}")


class CardScreen:
    """Looks through fields for card numbers, with one key for all keyed hashes of a run.

    `identifier`: the hash of identifiers that look like card numbers, where one is given already
    (an installation's own, so that imported and live names meet).
    """

    def __init__(self, key: Secret[bytes], identifier: Callable[[str], str] | None = None) -> None:
        self._key = key.expose()
        self._identifier = identifier or (lambda text: self.hashed("h_", text))

    def passed(self, path: str, series: pl.Series, place: Callable[[int], str]) -> pl.Series:
        """The column, card-like identifiers hashed. Errors: `card_number_not_accepted`."""
        words = series
        if series.dtype.is_integer() or series.dtype.is_float():
            words = _long_numbers(series)
        elif series.dtype != pl.String:
            return series
        found = _card_like(words, path in IDENTIFIERS)
        if not found:
            return series
        if path not in IDENTIFIERS or QUARTER * len(found) >= series.n_unique():
            row = words.is_in(found).arg_true()[0]
            detail = f"{path} holds card numbers; map it as fingerprint(column)"
            raise InvalidRequest("card_number_not_accepted", detail, pointer=place(row))
        return series.replace(found, [self._identifier(text) for text in found])

    def fingerprints(self, series: pl.Series) -> pl.Series:
        """Keyed hashes of a column of card numbers; spaces and dashes do not matter."""
        distinct = series.drop_nulls().unique()
        plain = distinct.str.replace_all(r"[\s\-]", "")
        hashed = [self.hashed("fp_", text) for text in plain.to_list()]
        return series.replace_strict(distinct, hashed, default=None, return_dtype=pl.String)

    def hashed(self, prefix: str, text: str) -> str:
        """A keyed hash of 160 bits (BLAKE2b, RFC 7693) in hex."""
        keyed = hashlib.blake2b(text.encode(), key=self._key, digest_size=20, person=b"lab-screen")
        return prefix + keyed.hexdigest()


def _long_numbers(series: pl.Series) -> pl.Series:
    """Whole numbers of 13 and more digits as text, null for all others."""
    numbers = series.cast(pl.Float64)
    long = (numbers >= _LEAST) & (numbers < 1e19)
    if series.dtype.is_float():
        long = long & (series == series.round())
        series = series.set(~long.fill_null(False), None).cast(pl.UInt64)
    return series.set(~long.fill_null(False), None).cast(pl.String)


def _card_like(series: pl.Series, identifiers: bool) -> list[str]:
    """Distinct values that look like a card number."""
    distinct = series.drop_nulls().unique()
    ascii_only = distinct.str.len_bytes() == distinct.str.len_chars()
    enough = distinct.str.count_matches("[0-9]") >= MIN_DIGITS
    suspects = distinct.filter(enough | ~ascii_only).to_list()
    found = [text for text in suspects if looks_like_card_number(text)]
    if not identifiers:
        return found
    # Digits in the middle of a hexadecimal digest or UUID are no card number that anybody wrote.
    return [text for text in found if not _DIGEST.fullmatch(text)]
