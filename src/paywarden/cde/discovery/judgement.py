"""What stands around a candidate: a card number, a track, a test number, or an innocent.

Guards: a number that passes brand, length and Luhn by chance (one in some thirty does) is kept back
where its surroundings say what it is: a fraction of a decimal number, a piece of a UUID or of a
hash, an IBAN whose own check holds, a barcode, a time, a telephone number, a line of a table.
Tracks by their sentinels and separators (ISO/IEC 7813). What is printed is at most the first six
and the last four digits (PCI DSS 3.4.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from paywarden.cde.discovery.published_numbers import TEST_NUMBERS

AROUND = 80
"""Octets on each side that a judgement may read."""
LISTED = 2
"""Other numbers in groups that may stand in the same row."""

_HEX = re.compile(rb"[0-9A-Fa-f]+")
_UUID = re.compile(rb"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_IBAN = re.compile(rb"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}")
_FRACTION_BEFORE = re.compile(rb"[0-9][.]$")
_FRACTION_AFTER = re.compile(rb"^[.](?!0+(?![0-9]))[0-9]")
_EXPONENT_AFTER = re.compile(rb"^[eE][+-]?[0-9]")
_TRACK1_BEFORE = re.compile(rb"%?[Bb]$")
_TRACK1_AFTER = re.compile(rb"^ ?\^[^^\r\n]{2,26}\^(?:[0-9]{2}(?:0[1-9]|1[0-2])|\^)")
_TRACK2_AFTER = re.compile(rb"^[=Dd](?:[0-9]{2}(?:0[1-9]|1[0-2])|=)(?:[0-9]{3}|=)")
_LABELS: tuple[tuple[re.Pattern[bytes], frozenset[int] | None], ...] = tuple(
    (re.compile(rb"(?i)(?<![a-z])(?:" + words + rb")[a-z_ ]{0,10}[\W_]{0,6}$"), lengths)
    for words, lengths in (
        (rb"imei(?:sv)?", frozenset({14, 15, 16})),
        (rb"iban|bban", None),
        (rb"ean|gtin|isbn|upc|barcode|sku", frozenset({13, 14})),
        (rb"phone|tel|mobile|fax|msisdn|whatsapp", frozenset({13, 14, 15})),
        (rb"tracking|awb|waybill|consignment|sscc", None),
        (rb"uuid|guid|sha1|sha256|md5|digest|checksum", None),
        (rb"timestamp|epoch|unix_?time", None),
    )
)
_DMY = re.compile(
    r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d{2}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"
)
_SHAPES = frozenset({
    (4, 6, 5), (4, 6, 4), (6, 10), (6, 13), (8, 8), (6, 9), (8, 7), (4, 12), (12, 4), (6, 6, 4),
    (4, 5, 6), (8, 4, 4), (8, 8, 3), (6, 8), (4, 5, 5), (5, 5, 6), (5, 6, 5), (6, 5, 5),
    (4, 3, 4, 4),
})  # fmt: skip
"""Sizes of groups in which cards are written, beside groups of four."""
_GROUPS = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that passed brand, length and Luhn: place in a block, and its digits."""

    start: int
    end: int
    digits: str
    groups: int


def kind_of(block: bytes, found: Candidate) -> str | None:
    """`pan`, `test_pan`, `track1` or `track2`; None for an innocent."""
    before = block[max(0, found.start - AROUND) : found.start]
    after = block[found.end : found.end + AROUND]
    track = _track(before, after)
    if track is not None:
        return track
    if _is_innocent(before, block[found.start : found.end], after, found):
        return None
    return "test_pan" if found.digits in TEST_NUMBERS else "pan"


def masked(digits: str) -> str:
    """First six and last four digits, the rest as stars."""
    return digits[:6] + "*" * (len(digits) - 10) + digits[-4:]


def _track(before: bytes, after: bytes) -> str | None:
    if _TRACK1_BEFORE.search(before) and _TRACK1_AFTER.search(after):
        return "track1"
    if _TRACK2_AFTER.search(after):
        return "track2"
    return None


def _is_innocent(before: bytes, text: bytes, after: bytes, found: Candidate) -> bool:
    digits = found.digits
    return (
        len(set(digits)) == 1
        or (found.groups == 1 and _is_fraction(before, after))
        or bool(_EXPONENT_AFTER.search(after))
        or _in_hash(before, text, after)
        or _covered(_UUID, before, text, after, always=True)
        or _covered(_IBAN, before, text, after, always=False)
        or _is_barcode_or_time(digits)
        or _is_telephone(before, digits, found.groups)
        or _labelled(before, digits)
        or (found.groups > 1 and _in_table(before, text, after, digits))
    )


def _is_fraction(before: bytes, after: bytes) -> bool:
    return bool(_FRACTION_BEFORE.search(before) or _FRACTION_AFTER.search(after))


def _in_hash(before: bytes, text: bytes, after: bytes) -> bool:
    """Whether it is a stretch of a longer hexadecimal word that holds letters on both kinds."""
    if not text.isdigit():
        return False
    left = _HEX.search(before[::-1])
    right = _HEX.match(after)
    head = left[0] if left is not None and left.start() == 0 else b""
    tail = right[0] if right is not None else b""
    word = head[::-1] + text + tail
    letters = sum(1 for octet in head + tail if octet > 0x39)
    return len(word) >= 24 and letters >= 3


def _covered(
    pattern: re.Pattern[bytes], before: bytes, text: bytes, after: bytes, *, always: bool
) -> bool:
    whole = before + text + after
    start, end = len(before), len(before) + len(text)
    for match in pattern.finditer(whole):
        if match.start() < end and match.end() > start and (always or _iban_holds(match[0])):
            return True
    return False


def _iban_holds(text: bytes) -> bool:
    """Whether some prefix of the text is an IBAN whose check digits hold (ISO 13616-1)."""
    plain = re.sub(rb"[ -]", b"", text).decode()
    for length in range(15, min(34, len(plain)) + 1):
        turned = plain[4:length] + plain[:4]
        if int("".join(str(int(ch, 36)) for ch in turned)) % 97 == 1:
            return True
    return False


def _is_barcode_or_time(digits: str) -> bool:
    if len(digits) == 13:
        weighted = sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(digits))
        return weighted % 10 == 0
    return len(digits) == 14 and _DMY.fullmatch(digits) is not None


def _is_telephone(before: bytes, digits: str, groups: int) -> bool:
    if len(digits) > 15 or not before.endswith((b"+", b"+ ")):
        return False
    return groups > 1 or len(digits) < 15


def _labelled(before: bytes, digits: str) -> bool:
    near = before[-32:]
    return any(
        (lengths is None or len(digits) in lengths) and label.search(near)
        for label, lengths in _LABELS
    )


def _in_table(before: bytes, text: bytes, after: bytes, digits: str) -> bool:
    """Whether the groups are a part of a longer row of groups alike, or of no known shape."""
    sizes = [len(one) for one in _GROUPS.findall(text)] if text.isascii() else []
    if not sizes:
        return False
    marks = set(re.split(rb"[0-9]+", text)[1:-1])
    row_before, row_after = _neighbours(before, after, marks)
    alike = len(set(sizes)) == 1
    if alike and sizes[0] >= 4:
        return _is_in_row(row_before[::-1], row_after, sizes)
    if alike:
        return bool(row_before or row_after)
    if _known_shape(sizes):
        return bool(row_before) and row_before[-1] == sizes[0]
    if marks == {b"."}:  # a decimal number, a version, an address
        return True
    return bool(row_before or row_after) or len(marks) > 1 or min(sizes) < 2


def _is_in_row(left: list[int], right: list[int], sizes: list[int]) -> bool:
    """Whether groups of the same size go on beside, other than whole numbers in a short list."""
    more = [sum(1 for _ in takewhile(lambda one: one == sizes[0], side)) for side in (left, right)]
    return any(count % len(sizes) for count in more) or sum(more) > LISTED * len(sizes)


def _known_shape(sizes: list[int]) -> bool:
    if sizes[:4] == [4, 4, 4, 4] or sizes[:3] == [4, 4, 4]:
        return True
    return tuple(sizes) in _SHAPES


def _neighbours(before: bytes, after: bytes, marks: set[bytes]) -> tuple[list[int], list[int]]:
    """Sizes of groups that go on in the row on each side, joined by a mark of the number's own."""
    if len(marks) != 1:
        return [], []
    mark = re.escape(next(iter(marks)))
    left = re.search(rb"(?:(?<![0-9A-Za-z])[0-9]+" + mark + rb"|(?<=" + mark + rb")[0-9]+" + mark
                     + rb")*$", before)  # fmt: skip
    right = re.match(rb"(?:" + mark + rb"[0-9]+)*", after)
    sizes_left = [len(one) for one in _GROUPS.findall(left[0])] if left is not None else []
    sizes_right = [len(one) for one in _GROUPS.findall(right[0])] if right is not None else []
    return sizes_left, sizes_right
