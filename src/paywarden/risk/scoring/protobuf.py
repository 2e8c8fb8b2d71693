"""Fields of a protocol buffer message, read without a schema.

Guards: lengths are checked against what is there; groups and unknown wire types are refused; the
number of fields is bounded by the caller's octets.
Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_MOST_SHIFT = 63

Field = tuple[int, int, int, memoryview]
"""Number, wire type, value of a varint (else 0), content of the others."""


def fields(content: memoryview) -> Iterator[Field]:
    """Fields in order. Errors: ValueError where it is no message."""
    place, end = 0, len(content)
    while place < end:
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(content, place)
            yield number, kind, value, content[:0]
            continue
        size = _SIZES.get(kind, -1)
        if kind == BYTES:
            size, place = _varint(content, place)
        if size < 0 or place + size > end or not number:
            raise ValueError("no protocol buffer message")
        yield number, kind, 0, content[place : place + size]
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while place < len(content) and shift <= _MOST_SHIFT:
        octet = content[place]
        value |= (octet & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if octet < 0x80:
            return value, place
    raise ValueError("no protocol buffer message")
