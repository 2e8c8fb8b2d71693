"""Finding card numbers where none may be: any text field outside the card data environment.

Guards: a request that carries a primary account number is refused before anything is stored
(PCI DSS 4.0.1, 3.3 and 12.5.2: keep the rest of the house out of scope). A number counts when 13
to 19 digits, with blanks or dashes between them or none, are valid for a brand's prefix and
length and pass the Luhn check (ISO/IEC 7812-1 annex B). Digits of every script count, invisible
characters between them do not hide them. Groups of digits are never cut: a longer unbroken run of
digits is another number. Dots, slashes and other marks also stand in dates, addresses and
versions; between groups they count only where they are alike and the groups are a card's: of three
digits or more, or all of one size. Colons, commas, double quotes, brackets and braces end a number
(IPv6, times, lists, JSON).
Not done here: masking; encodings such as base64 (the scanner's job).

>>> looks_like_card_number("card 4111-1111 1111 1111, thanks")
True
>>> looks_like_card_number("4111.1111.1111.1111")
True
>>> looks_like_card_number("4111111111111112")
False
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

from paywarden.reference.canonical import ascii_digits
from paywarden.reference.card_brands import card_brands

MIN_DIGITS = 13
MAX_DIGITS = 19
LEAST_GROUP = 3
_LEAST, _BEYOND = 10 ** (MIN_DIGITS - 1), 10**MAX_DIGITS
_PLAIN = r"\s\-\u2010-\u2015\u2212\u2043\ufe58\ufe63"
_MARKS = r"./_|*~+\\!#$%&'();<=>?@^`\u00b7\u2022\u2027\u2044\u2215\u2219\u22c5\u3002\u30fb"
SEPARATOR_OCTETS = b" \t\n\r-./_|*~+\\!#$%&'();<=>?@^`"
"""Every ASCII character that may stand between the digits of a card number."""
# Possessive parts: no backtracking, so the scan is linear in the text.
_RUNS = re.compile(rf"[0-9]++(?:[{_PLAIN}{_MARKS}]{{1,3}}+[0-9]++)*+").findall
_MARK = re.compile(rf"[{_MARKS}]")
_GROUP = re.compile(r"[0-9]+")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def looks_like_card_number(text: str) -> bool:
    """Whether the text holds a card number; linear in its length."""
    if len(text) < MIN_DIGITS and (text.isascii() or 3 * len(text) < MIN_DIGITS):
        return False
    if text.isascii():
        # Most fields stop here: counting digits is far cheaper than looking for runs.
        if len(text) - len(text.encode().translate(None, b"0123456789")) < MIN_DIGITS:
            return False
    else:
        text = unicodedata.normalize("NFKC", text)
        if sum(map(str.isdigit, text)) < MIN_DIGITS:
            return False
        text = _flatten(text)
    return any(len(run) >= MIN_DIGITS and _run_holds_card(run) for run in _RUNS(text))


def value_looks_like_card_number(value: object) -> bool:
    """The same for a JSON scalar: text, or a whole number of 13-19 digits; else False."""
    if isinstance(value, str):
        return looks_like_card_number(value)
    if type(value) is int or (type(value) is float and value.is_integer()):
        whole = abs(int(value))
        return _LEAST <= whole < _BEYOND and looks_like_card_number(str(whole))
    return False


def luhn_valid(digits: str) -> bool:
    """Whether ASCII digits end in their Luhn check digit."""
    plain = sum(map(int, digits[::-2]))
    return (plain + sum(_DOUBLED[int(d)] for d in digits[-2::-2])) % 10 == 0


def luhn_check_digit(body: str) -> str:
    """The digit to append to `body` (ASCII digits) so that the Luhn check passes."""
    plain = sum(map(int, body[-2::-2])) + sum(_DOUBLED[int(d)] for d in body[::-2])
    return str(-plain % 10)


def _flatten(text: str) -> str:
    visible = "".join(ch for ch in text if unicodedata.category(ch) not in ("Cf", "Mn", "Me"))
    return ascii_digits(visible)


def _run_holds_card(run: str) -> bool:
    digits = "".join(_GROUP.findall(run))
    sums = None
    brands = card_brands()
    for start, end in _windows(run):
        if digits[start] in "01":
            continue
        if sums is None:
            sums = _luhn_sums(digits)
        last = (end - 1) % 2
        if (sums[last][end] - sums[last][start]) % 10 == 0 and brands.accepts(digits[start:end]):
            return True
    return False


def _windows(run: str) -> Iterator[tuple[int, int]]:
    """Positions of every 13-19 digit stretch of whole groups that may be one number."""
    sizes = [len(group) for group in _GROUP.findall(run)]
    between = _GROUP.split(run)[1:-1]
    marked = _MARK.search(run) is not None
    edges = [0, *accumulate(sizes)]
    for first, start in enumerate(edges):
        for last, end in enumerate(edges[first + 1 : first + 1 + MAX_DIGITS], first + 1):
            if end - start > MAX_DIGITS:
                break
            if end - start < MIN_DIGITS:
                continue
            if not marked or _is_one_number(sizes[first:last], between[first : last - 1]):
                yield start, end


def _is_one_number(sizes: list[int], between: list[str]) -> bool:
    """Whether groups with marks between them look like one number, not a date or an address."""
    if not any(map(_MARK.search, between)):
        return True
    if any(mark != between[0] for mark in between):
        return False
    alike = all(size == sizes[0] for size in sizes[:-1]) and sizes[-1] <= sizes[0]
    return alike or min(sizes) >= LEAST_GROUP


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Running Luhn sums for windows whose last digit lies at an even, and at an odd, position."""
    values = [int(digit) for digit in digits]
    even = [v if n % 2 == 0 else _DOUBLED[v] for n, v in enumerate(values)]
    odd = [v if n % 2 == 1 else _DOUBLED[v] for n, v in enumerate(values)]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))
