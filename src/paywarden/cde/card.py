"""A card's number, security code and expiry: checked once, never printed.

Guards: a `Pan` or `Cvv` exists only after its checks; neither prints, copies, pickles, hashes or
compares in variable time, and both can be wiped (they hold a bytearray). A refusal is a stable code
that names the rule and never the digits. In this order: ASCII digits only (a digit of another
script is refused, not translated), length of the brand, Luhn; then expiry, then the code's length.
Standards: ISO/IEC 7812-1 (issuer number, Luhn); PCI DSS 4.0.1, 3.3.1, 3.4.1. Not done here: keeping
the octets that a wire decoder made out of memory, which CPython cannot promise.

>>> Pan.of(b"4111111111111111")
<card number>
>>> Pan.of("4111111111111112")
<CardRefusal.CHECK_DIGIT: 'card_number_check_digit'>
"""

from __future__ import annotations

import enum
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from paywarden.reference.card_brands import card_brands
from paywarden.reference.card_numbers import MAX_DIGITS, MIN_DIGITS

BIN_DIGITS: Final = 8
LAST_DIGITS: Final = 4
FARTHEST_EXPIRY_MONTHS: Final = 20 * 12
_SHORT: Final = 16
_EXPIRY = re.compile(r"([0-9]{4})-([0-9]{2})\Z", re.ASCII)
_DOUBLED = bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9))


class CardRefusal(enum.StrEnum):
    """Why a card is not taken: stable codes, none of which tells a digit."""

    NOT_DIGITS = "card_number_not_digits"
    LENGTH = "card_number_length"
    CHECK_DIGIT = "card_number_check_digit"
    EXPIRY_FORM = "card_expiry_malformed"
    EXPIRED = "card_expired"
    EXPIRY_FAR = "card_expiry_too_far"
    CODE_FORM = "card_code_malformed"


class _Hidden:
    """Octets that do not print, copy, hash or pickle; `expose` and `wipe` are all there is."""

    __slots__ = ("_held",)
    _word = "hidden"

    def __init__(self, octets: bytes | bytearray) -> None:
        self._held = bytearray(octets)

    def expose(self) -> bytes:
        """The digits as ASCII. Every call site is a place to review."""
        return bytes(self._held)

    def wipe(self) -> None:
        """Overwrite the digits held here (copies that others made are theirs)."""
        for place in range(len(self._held)):
            self._held[place] = 0

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<{self._word}>"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._held, other._held)

    def __hash__(self) -> int:
        raise TypeError("card data has no hash: it must not become a dictionary key")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("card data cannot be pickled or copied")


class Pan(_Hidden):
    """A primary account number of 13-19 ASCII digits that passed every check."""

    __slots__ = ()
    _word = "card number"

    @classmethod
    def of(cls, given: bytes | bytearray | str) -> Pan | CardRefusal:
        """Check a number; a refusal says which rule it broke, never with what."""
        digits = _ascii_digits(given)
        if digits is None:
            return CardRefusal.NOT_DIGITS
        if not MIN_DIGITS <= len(digits) <= MAX_DIGITS or not _length_fits(digits):
            return CardRefusal.LENGTH
        return cls(digits) if luhn_passes(digits) else CardRefusal.CHECK_DIGIT

    @property
    def bin(self) -> str:
        """Leading digits that may be shown: 8 of a number of 16 or more, else 6 (PCI FAQ 1091)."""
        count = BIN_DIGITS if len(self._held) >= _SHORT else BIN_DIGITS - 2
        return self._held[:count].decode("ascii")

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self._held[-LAST_DIGITS:].decode("ascii")

    @property
    def brand(self) -> str | None:
        """The brand of the leading digits; None when no published range says."""
        return card_brands().brand_of(self._held[:BIN_DIGITS].decode("ascii"))


class Cvv(_Hidden):
    """A card security code of three or four ASCII digits; lives in memory only."""

    __slots__ = ()
    _word = "card code"

    @classmethod
    def of(cls, given: bytes | bytearray | str) -> Cvv | CardRefusal:
        """Check a code's form (the issuer alone can say whether it is right)."""
        digits = _ascii_digits(given)
        if digits is None or len(digits) not in (3, 4):
            return CardRefusal.CODE_FORM
        return cls(digits)


@dataclass(frozen=True, slots=True)
class Expiry:
    """The month in which a card ends; it is good until that month is over."""

    year: int
    month: int

    @classmethod
    def of(cls, text: str, now_us: int) -> Expiry | CardRefusal:
        """Check `YYYY-MM`: not over, and at most 20 years ahead."""
        found = _EXPIRY.match(text)
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) == 0:
            return CardRefusal.EXPIRY_FORM
        expiry = cls(int(found[1]), int(found[2]))
        ahead = expiry.months - month_of(now_us)
        if ahead < 0:
            return CardRefusal.EXPIRED
        return CardRefusal.EXPIRY_FAR if ahead > FARTHEST_EXPIRY_MONTHS else expiry

    @property
    def months(self) -> int:
        """Months since year 0."""
        return self.year * 12 + self.month - 1

    @property
    def text(self) -> str:
        """`YYYY-MM`."""
        return f"{self.year:04d}-{self.month:02d}"


def month_of(now_us: int) -> int:
    """Months since year 0 of an instant, UTC."""
    moment = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    return moment.year * 12 + moment.month - 1


def luhn_passes(digits: bytes | bytearray) -> bool:
    """Whether ASCII digits end in their Luhn check digit; makes no text of them."""
    plain = sum(digits[::-2]) - 48 * len(digits[::-2])
    return (plain + sum(_DOUBLED[digit - 48] for digit in digits[-2::-2])) % 10 == 0


def _ascii_digits(given: bytes | bytearray | str) -> bytes | bytearray | None:
    if isinstance(given, str):
        if not given.isascii():
            return None
        given = given.encode("ascii")
    return given if given.isdigit() else None


def _length_fits(digits: bytes | bytearray) -> bool:
    """Whether a brand of this prefix knows this length; an unknown prefix may have any."""
    brands = card_brands()
    head = digits[:BIN_DIGITS].decode("ascii")
    if brands.brand_of(head) is None and not _known_prefix(head):
        return True
    return brands.accepts(head.ljust(len(digits), "0"))


def _known_prefix(head: str) -> bool:
    brands = card_brands()
    return any(
        brands.accepts(head.ljust(length, "0")) for length in range(MIN_DIGITS, MAX_DIGITS + 1)
    )
