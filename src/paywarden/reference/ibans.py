"""International bank account numbers: their form, their length by country, and their check digits.

Guards: an account that was mistyped is refused before it names anybody. A country that the table
does not know is judged by its check digits alone. Not done here: whether the account exists.
Source: ISO 13616-1 (structure; check digits by ISO/IEC 7064, MOD 97-10), and the lengths of the
register that belongs to it, as published up to 2025.

>>> iban_fault("DE89370400440532013000")
>>> iban_fault("DE88370400440532013000")
'check_digits'
"""

from __future__ import annotations

import re
from typing import Final, Literal

Fault = Literal["form", "length", "check_digits"]

_FORM: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}\Z", re.ASCII)
_LENGTHS: Final = {
    15: "NO",
    16: "BE",
    18: "DK FK FI FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTH_OF: Final = {
    country: length for length, countries in _LENGTHS.items() for country in countries.split()
}


def electronic(text: str) -> str:
    """The electronic form: no spaces, capital letters."""
    return "".join(text.split()).upper()


def iban_fault(iban: str) -> Fault | None:
    """What is wrong with an IBAN in electronic form, or None."""
    if not _FORM.match(iban):
        return "form"
    length = _LENGTH_OF.get(iban[:2])
    if length is not None and len(iban) != length:
        return "length"
    digits = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return None if int(digits) % 97 == 1 else "check_digits"
