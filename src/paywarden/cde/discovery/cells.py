"""Cells of a table through the block reader: many rows at once, one finding for a cell and number.

Cells of a column are joined by an octet that ends any number, so that a column of a hundred
thousand cells costs one pass. Whole numbers count as their digits, and so do floats that are whole.
"""

from __future__ import annotations

import bisect
import decimal
from collections.abc import Iterable, Iterator
from typing import Any

from paywarden.cde.discovery.block import Hit, hits

END = b"\x00\xff\x00\n\n\n\x00\xff\x00"
"""Between cells: stands in no number, ends base64 text, marks the edges of packed numbers, and is
longer than a label may be away from its number."""
_LEAST, _BEYOND = 10**12, 10**19


def cell_octets(value: Any) -> bytes:
    """A cell as the octets to be read."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if value is None or isinstance(value, bool):
        return b""
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float | decimal.Decimal):
        amount = abs(float(value))  # NaN fails both comparisons
        whole = _LEAST <= amount < _BEYOND and value == int(value)
        return b"%d" % int(value) if whole else b""
    return str(value).encode("utf-8", "surrogatepass")


def column_hits(values: Iterable[Any]) -> Iterator[tuple[int, Hit]]:
    """(index of the cell, hit with places inside the cell)."""
    starts: list[int] = []
    pieces: list[bytes] = []
    at = 0
    for value in values:
        octets = cell_octets(value)
        starts.append(at)
        pieces.append(octets)
        at += len(octets) + len(END)
    block = END.join(pieces)
    for hit in hits(block):
        cell = bisect.bisect_right(starts, hit.start) - 1
        yield cell, hit._replace(start=hit.start - starts[cell], end=hit.end - starts[cell])
