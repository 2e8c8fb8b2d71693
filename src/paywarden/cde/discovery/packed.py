"""Packed decimal (BCD) card numbers in binary octets: two digits an octet.

Eight octets of a random file look like a card number far too often, so packed numbers count only
where their edges are marked: a whole block, zero or filler octets on both sides, the length octet
of ISO 8583 (field 2), the tags of EMV (5A for the number, 57 for track 2), or the `D` of track 2
with an expiry month after it (ISO/IEC 7813). Octets that are all readable text are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from paywarden.cde.discovery.encodings import packed_starts
from paywarden.cde.discovery.published_numbers import TEST_NUMBERS
from paywarden.reference.card_brands import card_brands
from paywarden.reference.card_numbers import luhn_valid

_EDGES = b"\x00\xff"
_TRACK = re.compile(r"([0-9]{13,19})d[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}")
_LONGEST = 10
_MOST = 1 << 18
"""Places of one block that are looked at."""


def packed_numbers(block: bytes) -> Iterator[tuple[int, int, str, bool]]:
    """(first octet, octet after, digits, whether of track 2) of each packed number."""
    octets = np.frombuffer(block, np.uint8)
    places = np.empty(min(octets.size, _MOST), np.int64)
    done = 0
    for at in sorted(set(places[: packed_starts(octets, places)].tolist())):
        found = _number_at(block, at) if at >= done else None
        if found is not None:
            done, digits, track = found
            yield at, done, digits, track


def _number_at(block: bytes, at: int) -> tuple[int, str, bool] | None:
    text = block[at : at + 20].hex()
    track = _TRACK.match(text)
    if track is not None and _is_card(track[1]):
        return at + len(track[1]) // 2 + 1, track[1], True
    for octets in range(7, _LONGEST + 1):
        piece = block[at : at + octets]
        digits = _unpacked(piece) if len(piece) == octets else None
        if digits is None or not _is_card(digits):
            continue
        tagged = block[max(0, at - 2) : at] == bytes([0x5A, octets])
        if tagged or (not _is_word(piece, digits) and _edges_marked(block, at, octets, digits)):
            return at + octets, digits, False
    return None


def _unpacked(piece: bytes) -> str | None:
    text = piece.hex()
    if text[0] == "0":
        text = text[1:]
    elif text[-1] == "f":
        text = text[:-1]
    return text if text.isdigit() and text[0] != "0" else None


def _is_card(digits: str) -> bool:
    return luhn_valid(digits) and card_brands().accepts(digits) and len(set(digits)) > 1


def _is_word(piece: bytes, digits: str) -> bool:
    if not any(piece[1::2]) or not any(piece[::2]):  # text of two octets a character
        return True
    inner = piece.strip(b"\x00")
    return inner.isascii() and inner.decode().isprintable() and digits not in TEST_NUMBERS


def _edges_marked(block: bytes, at: int, octets: int, digits: str) -> bool:
    before = block[max(0, at - 2) : at]
    after = block[at + octets : at + octets + 1]
    count = len(digits)
    length = before[-1:] in (bytes([count]), bytes([int(str(count), 16)]))
    left = not before or length or before[-1] in _EDGES
    return left and (not after or after[0] in _EDGES)
