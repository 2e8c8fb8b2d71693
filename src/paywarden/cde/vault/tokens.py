"""Tokens and fingerprints: drawn at random, never derived, never a card number.

Guards: 128 random bits in base 62, so that a token tells nothing of its card and is not guessed.
Forms: `tk_test_...` (many uses, one merchant), `ot_test_...` (one use, 15 minutes) and, where a
system takes digits only, a numeric one of 16-19 digits: it begins with 0, which ISO/IEC 7812-1
gives to no card scheme, keeps the last four and always fails the Luhn check, so that no reader of
card numbers takes it for one. Texts that the house's own finder would take for a card are redrawn.
"""

from __future__ import annotations

import re
from typing import Final

from paywarden.cde.card import luhn_passes
from paywarden.core.clock import Randomness
from paywarden.core.scope import Scope
from paywarden.reference.card_numbers import looks_like_card_number

SINGLE_USE_SECONDS: Final = 15 * 60
NUMERIC_FIRST: Final = "0"
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _LETTERS for second in _LETTERS)
_LENGTH: Final = 22  # 62^22 > 2^128
_NUMERIC_LEAST: Final = 16
_WORDED = re.compile(r"(?:tk|ot)_(?:test|live)_[0-9A-Za-z]{22}\Z", re.ASCII)
_NUMERIC = re.compile(r"0[0-9]{15,18}\Z", re.ASCII)


def base62(octets: bytes) -> str:
    """16 octets as 22 letters and digits."""
    number, pairs = int.from_bytes(octets, "big"), []
    for _ in range(_LENGTH // 2):
        number, place = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[place])
    return "".join(reversed(pairs))


def new_token(form: str, scope: str, last4: str, digits: int, randomness: Randomness) -> str:
    """A fresh token of `form` (tk, ot, numeric) for a card of so many digits."""
    if form == "numeric":
        return _numeric(last4, digits, randomness)
    return _drawn(f"{form}_{Scope.parse(scope).environment.value}_", randomness)


def new_fingerprint(randomness: Randomness) -> str:
    """A fresh fingerprint."""
    return _drawn("fp_", randomness)


def new_record_id(randomness: Randomness) -> str:
    """A fresh record identifier."""
    return _drawn("rec_", randomness)


def is_token(text: str) -> bool:
    """Whether a text has a form that tokens have; only such texts reach a store."""
    return bool(_WORDED.match(text) or (_NUMERIC.match(text) and not luhn_passes(text.encode())))


def _drawn(prefix: str, randomness: Randomness) -> str:
    while True:
        text = prefix + base62(randomness.octets(16))
        if not looks_like_card_number(text):
            return text


def _numeric(last4: str, digits: int, randomness: Randomness) -> str:
    middle = max(_NUMERIC_LEAST, digits) - 1 - len(last4)
    while True:
        number = int.from_bytes(randomness.octets(16), "big") % 10**middle
        text = f"{NUMERIC_FIRST}{number:0{middle}d}{last4}"
        if not luhn_passes(text.encode("ascii")):
            return text
