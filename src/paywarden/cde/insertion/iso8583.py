"""The card of an ISO 8583 message: DE 2 (number, LLVAR n..19) and DE 14 (expiry, n 4, YYMM).

A message is encoded without them; here their bits are set and their octets put in place, so that
whoever builds messages never holds a number. Guards: neither field is there yet; the message is of
the 1987 or 1993 version; every field before DE 14 must be whole; nothing else changes. DE 35, 36
and 45 are no concern: track data is never kept (PCI DSS 4.0.1, 3.3.1).
Source: ISO 8583-1:2003, annexes for 1987 and 1993: attributes of DE 2 to DE 14. An odd number of
digits in BCD gets a leading zero nibble, or a trailing F where `bcd_trailing` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from paywarden.cde.card import Expiry, Pan
from paywarden.cde.insertion.three_ds import yymm
from paywarden.core.errors import InvalidRequest

Digits = Literal["ascii", "ebcdic", "bcd"]
_1987: Final = {3: 6, 4: 12, 5: 12, 6: 12, 7: 10, 8: 8, 9: 8, 10: 8, 11: 6, 12: 6, 13: 4}
_1993: Final = {**_1987, 12: 12}
_LENGTHS: Final = {"0": _1987, "1": _1993}
_EBCDIC: Final = "cp500"
NUMBER_FIELD, EXPIRY_FIELD = 2, 14


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a message is encoded: digits of fields, of the type, of lengths; bitmap binary or hex.

    `bcd_trailing` puts the filler nibble of an odd number behind it (F) instead of before (0).
    """

    digits: Digits = "ascii"
    message_type: Digits = "ascii"
    length: Digits = "ascii"
    hex_bitmap: bool = False
    header_octets: int = 0
    bcd_trailing: bool = False


def insert_card(message: bytes, pan: Pan, expiry: Expiry, how: Encoding) -> bytearray:
    """The message with DE 2 and DE 14. The caller wipes it.

    Errors: InvalidRequest `iso_message_invalid`, `card_field_taken`.
    """
    lengths, bitmap_at = _version(message, how)
    bitmap, fields_at = _bitmap(message, bitmap_at, how)
    if _is_set(bitmap, NUMBER_FIELD) or _is_set(bitmap, EXPIRY_FIELD):
        raise InvalidRequest("card_field_taken", "the message holds DE 2 or DE 14 already")
    expiry_at = fields_at + sum(
        _octets(count, how.digits) for number, count in lengths.items() if _is_set(bitmap, number)
    )
    if expiry_at > len(message):
        raise _invalid("the fields before DE 14 are cut off")
    for number in (NUMBER_FIELD, EXPIRY_FIELD):
        bitmap[(number - 1) // 8] |= 0x80 >> (number - 1) % 8
    made = bytearray(message[:bitmap_at])
    made += bitmap.hex().upper().encode(_text(how.message_type)) if how.hex_bitmap else bitmap
    made += _number(pan, how) + message[fields_at:expiry_at]
    made += _encoded(yymm(expiry).encode(), how.digits, how)
    made += message[expiry_at:]
    return made


def _version(message: bytes, how: Encoding) -> tuple[dict[int, int], int]:
    """Lengths of the fields between, and where the bitmap begins."""
    start, end = how.header_octets, how.header_octets + _octets(4, how.message_type)
    octets = message[start:end]
    try:
        text = octets.hex() if how.message_type == "bcd" else octets.decode(_text(how.message_type))
    except UnicodeDecodeError:
        raise _invalid("the message type is no digits") from None
    if len(text) != 4 or not (text.isascii() and text.isdigit()) or text[0] not in _LENGTHS:
        raise _invalid("the message is neither of 1987 nor of 1993")
    return _LENGTHS[text[0]], end


def _bitmap(message: bytes, at: int, how: Encoding) -> tuple[bytearray, int]:
    """Primary bitmap (with the secondary, when it is there), and where the fields begin."""
    unit = 16 if how.hex_bitmap else 8
    first = _bits(message[at : at + unit], how)
    end = at + unit * (2 if first[0] & 0x80 else 1)
    return _bits(message[at:end], how), end


def _bits(octets: bytes, how: Encoding) -> bytearray:
    try:
        text = octets.decode(_text(how.message_type)) if how.hex_bitmap else octets.hex()
        made = bytearray.fromhex(text)
    except ValueError:
        raise _invalid("the bitmap is not hexadecimal") from None
    if len(made) not in (8, 16) or len(text) != 2 * len(made):
        raise _invalid("the bitmap is cut off")
    return made


def _is_set(bitmap: bytearray, number: int) -> bool:
    return bool(bitmap[(number - 1) // 8] & 0x80 >> (number - 1) % 8)


def _number(pan: Pan, how: Encoding) -> bytes:
    length = f"{len(pan):02d}".encode()
    return _encoded(length, how.length, how) + _encoded(pan.expose(), how.digits, how)


def _encoded(digits: bytes, kind: Digits, how: Encoding) -> bytes:
    if kind != "bcd":
        return digits if kind == "ascii" else digits.decode().encode(_EBCDIC)
    if len(digits) % 2:
        digits = digits + b"F" if how.bcd_trailing else b"0" + digits
    return bytes.fromhex(digits.decode())


def _octets(digits: int, kind: Digits) -> int:
    return (digits + 1) // 2 if kind == "bcd" else digits


def _text(kind: Digits) -> str:
    return _EBCDIC if kind == "ebcdic" else "ascii"


def _invalid(detail: str) -> InvalidRequest:
    return InvalidRequest("iso_message_invalid", detail)
