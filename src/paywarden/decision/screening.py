"""The search for card numbers in whole bodies, before their meaning is known.

Guards: a card number is found in any name, text or number of a body, also where the field's form
would refuse it anyway, so that the answer is always the same one and nothing digests, keeps or
repeats the body. Identifiers and accounts are the exception: numbers that look like a card number
are kept there as keyed hashes (`intake`). Linear in the body. Standard: PCI DSS 4.0.1, 3.2.

>>> place_of_card_number({"payment": {"payer": {"name": "4111 1111 1111 1111"}}})
'/payment/payer/name'
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.decision import errors
from paywarden.kit.http.decoding import shown_pointer
from paywarden.reference.card_numbers import (
    MIN_DIGITS,
    SEPARATOR_OCTETS,
    looks_like_card_number,
    value_looks_like_card_number,
)

Steps = tuple[str | int, ...]

IDENTIFIERS = frozenset(
    {
        ("id",),
        ("attempt",),
        ("payment_id",),
        ("par",),
        ("merchant", "id"),
        ("payer", "id"),
        ("payer", "phone"),
        ("payee", "id"),
        ("payee", "account"),
        ("instrument", "reference"),
        ("instrument", "token"),
        ("device", "id"),
    }
)
"""Places of a payment or event that may hold numbers which look like card numbers."""

_FLAT = bytes.maketrans(b"123456789E", b"000000000e")
_ENOUGH_DIGITS = b"0" * MIN_DIGITS
_EXPONENT = re.compile(rb"(?:\A|[:\[,])[ \t\r\n]*+-?[0-9]++(?:\.[0-9]++)?+[eE]")
_DIGIT_RUN = re.compile(r"(?:[0-9][^0-9]{0,3}){12}[0-9]")


def no_card_digits(body: bytes) -> bool:
    """Whether a JSON body certainly holds no card number: one quick look instead of one a field.

    Quotes and colons end a run of digits, so what a field holds stands in the body as it is. Not
    certain, hence False, when the body holds escapes, anything but ASCII, or a number with an
    exponent; then each field is searched.
    """
    if not body.isascii() or b"\\" in body:
        return False
    flat = body.translate(_FLAT, SEPARATOR_OCTETS)
    if b"0e0" in flat and _EXPONENT.search(body):
        return False
    return _ENOUGH_DIGITS not in flat or not looks_like_card_number(body.decode())


def refusal_of(raw: bytes) -> InvalidRequest | None:
    """The refusal of a JSON body that holds a card number; None for one that does not."""
    if no_card_digits(raw):
        return None
    place = place_of_card_number(_read(raw))
    return errors.card_number(place) if place is not None else None


def refusal_of_files(raw: bytes) -> InvalidRequest | None:
    """The same for text files (`{"files": {path: text}}`), line by line and cell by cell."""
    body = _read(raw)
    files = body.get("files") if isinstance(body, dict) else None
    if not isinstance(files, dict):
        return refusal_of(raw)
    for path, text in files.items():
        if looks_like_card_number(path):
            return errors.card_number("/files")
        if isinstance(text, str) and _file_holds_card(text):
            return errors.card_number(shown_pointer(("files", path)))
    return None


def place_of_card_number(body: Any) -> str | None:
    """JSON pointer of the first card number that stands where none may be."""
    waiting: list[tuple[Any, Steps]] = [(body, ())]
    while waiting:
        value, steps = waiting.pop()
        if isinstance(value, dict):
            for name in value:
                if looks_like_card_number(name):
                    return shown_pointer(steps)
            waiting += [(held, (*steps, name)) for name, held in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(value[n], (*steps, n)) for n in range(len(value) - 1, -1, -1)]
        elif value_looks_like_card_number(value) and _within(steps) not in IDENTIFIERS:
            return shown_pointer(steps)
    return None


def _within(steps: Steps) -> Steps:
    """The place within its payment or event."""
    if steps[:1] == ("payment",):
        return steps[1:]
    if steps[:1] in (("payments",), ("events",)) and len(steps) > 1 and type(steps[1]) is int:
        return steps[2:]
    return ("", *steps)


def _file_holds_card(text: str) -> bool:
    if text.isascii() and not _DIGIT_RUN.search(text):
        return False
    return any(
        looks_like_card_number(cell)
        for line in text.splitlines()
        for cell in re.split("[,;]", line)
    )


def _read(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None  # the typed decoder says what is wrong with it
