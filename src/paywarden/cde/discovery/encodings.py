"""Loops that undo encodings in place: base64, hexadecimal, escapes, packed decimal.

Each decoder writes what it finds into a second array and, beside it, the octet where each piece
stood, so that a number found in the decoded octets is reported where a person can see it. A pass
that only looks (`survey`) says which decoders a block needs; plain text needs none.
Alphabets: RFC 4648 sections 4 and 5 together; escapes of URLs (RFC 3986), JSON (RFC 8259), C and
HTML, and quoted-printable (RFC 2045).
"""

from __future__ import annotations

import functools

import numpy as np

from paywarden.cde.discovery.alphabet import Longs, Octets
from paywarden.cde.discovery.machine_code import compiled

LEAST_BASE64 = 18
"""Characters that thirteen digits take at the least."""
LEAST_HEX = 26
_BASE64, _HEX, _CONTROL, _ESCAPE, _NUL, _DIGIT, _HIGH = 1, 2, 4, 8, 16, 32, 64


@functools.cache
def octet_marks() -> Octets:
    """What each octet may be part of, as bits."""
    marks = np.zeros(256, np.uint8)
    for octet in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_":
        marks[octet] |= _BASE64
    for octet in b"0123456789abcdefABCDEF":
        marks[octet] |= _HEX
    for octet in (*range(1, 9), *range(14, 32)):
        marks[octet] |= _CONTROL
    for octet in b"%\\&":
        marks[octet] |= _ESCAPE
    for octet in (*b"0123456789 -.", *range(0x10, 0x1A)):
        marks[octet] |= _DIGIT
    marks[0] = _NUL | _CONTROL
    marks[0xFF] |= _HIGH
    return marks


@functools.cache
def base64_values() -> Octets:
    """Six bits of each character, 255 for others; both alphabets."""
    values = np.full(256, 255, np.uint8)
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for n, octet in enumerate(letters):
        values[octet] = n
    values[ord("-")], values[ord("_")] = 62, 63
    return values


@functools.cache
def hex_values() -> Octets:
    """Four bits of each hexadecimal digit, 255 for others."""
    values = np.full(256, 255, np.uint8)
    for n, octet in enumerate(b"0123456789abcdef"):
        values[octet] = n
    for n, octet in enumerate(b"ABCDEF"):
        values[octet] = 10 + n
    return values


@compiled
def survey(buffer: Octets, marks: Octets) -> tuple[int, int, int, int, int]:
    """(longest base64 run, longest hex run, control octets, escapes, signs of 16-bit digits).

    The last is the longest stretch in which digits or their separators take turns with one octet
    of zero (ASCII) or of 255 (full width).
    """
    longest64 = longest16 = run64 = run16 = controls = escapes = wide = turns = 0
    before = 0
    for at in range(buffer.size):
        mark = marks[buffer[at]]
        if mark & 1:
            run64 += 1
            run16 = run16 + 1 if mark & 2 else 0
            if run64 > longest64:
                longest64 = run64
            if run16 > longest16:
                longest16 = run16
        else:
            run64 = 0
            run16 = 0
            if mark & 4:
                controls += 1
            elif mark & 8:
                escapes += 1
        if (mark | before) & 80:
            if (mark & 32 and before & 80) or (mark & 80 and before & 32):
                turns += 1
                if turns > wide:
                    wide = turns
            else:
                turns = 0
        else:
            turns = 0
        before = mark
    return longest64, longest16, controls, escapes, wide


@compiled
def packed_starts(buffer: Octets, out: Longs) -> int:
    """Places where seven octets of packed digits begin beside a mark; how many.

    A mark: the block's begin, an octet 00 or FF, a length, the tag of EMV, or a `D` behind.
    """
    end = buffer.size
    found = 0
    length = 0  # of the stretch of packed octets that ends here
    for at in range(end):
        octet = buffer[at]
        if (octet >> 4) < 10 and (octet & 15) < 10:
            length += 1
        else:
            if length >= 6 and ((octet >> 4) == 13 or (octet & 15) == 13):
                for back in range(6, min(length, 10) + 1):
                    if found < out.size and buffer[at - back] != 0:
                        out[found] = at - back
                        found += 1
            length = 0
        if length < 7:
            continue
        start = at - 6
        first = buffer[start]
        if first == 0 or first > 0x69:
            continue
        marked = start == 0
        if not marked:
            edge = buffer[start - 1]
            marked = edge == 0 or edge == 255 or 13 <= edge <= 25
            marked = marked or (start > 1 and 7 <= edge <= 10 and buffer[start - 2] == 0x5A)
        if marked and found < out.size:
            out[found] = start
            found += 1
    return found


@compiled
def decode_base64(buffer: Octets, values: Octets, least: int, out: Octets, offsets: Longs) -> int:
    """Decode every run at its four alignments; octets written. `offsets[i]` is of octets 3i..3i+2.

    A line of 40 or more characters goes on after a line break (RFC 2045 has 76). `out` has
    4 * buffer.size + 64 octets, `offsets` a third of that.
    """
    end = buffer.size
    filled = 0
    at = 0
    while at < end:
        if values[buffer[at]] == 255:
            at += 1
            continue
        start = at
        count = 0
        line = 0
        while at < end:
            if values[buffer[at]] != 255:
                count += 1
                line += 1
                at += 1
            elif line >= 40 and buffer[at] == 10:
                line = 0
                at += 1
            elif line >= 40 and buffer[at] == 13 and at + 1 < end and buffer[at + 1] == 10:
                line = 0
                at += 2
            else:
                break
        if count < least:
            continue
        for shift in range(4):
            here = start
            for _ in range(shift):
                here += 1
            while here < at:
                bits = 0
                taken = 0
                first = here
                while taken < 4 and here < at:
                    value = values[buffer[here]]
                    if value != 255:
                        if taken == 0:
                            first = here
                        bits = (bits << 6) | int(value)
                        taken += 1
                    here += 1
                if taken < 2:
                    break
                bits <<= 6 * (4 - taken)
                offsets[filled // 3] = first
                out[filled] = (bits >> 16) & 255
                out[filled + 1] = (bits >> 8) & 255 if taken > 2 else 120
                out[filled + 2] = bits & 255 if taken > 3 else 120
                filled += 3
            offsets[filled // 3] = at
            out[filled] = 120
            out[filled + 1] = 120
            out[filled + 2] = 120
            filled += 3
    return filled


@compiled
def decode_hex(buffer: Octets, values: Octets, least: int, out: Octets, offsets: Longs) -> int:
    """Decode every run of hexadecimal digits at both alignments; octets written.

    `out` and `offsets` have 2 * buffer.size + 8 places.
    """
    end = buffer.size
    filled = 0
    at = 0
    while at < end:
        start = at
        while at < end and values[buffer[at]] != 255:
            at += 1
        if at - start >= least:
            for shift in range(2):
                here = start + shift
                while here + 1 < at:
                    out[filled] = values[buffer[here]] * 16 + values[buffer[here + 1]]
                    offsets[filled] = here
                    filled += 1
                    here += 2
                out[filled] = 120
                offsets[filled] = at
                filled += 1
        at += 1
    return filled


@compiled
def is_blank_entity(buffer: Octets, at: int) -> bool:
    """Whether `&nbsp;` stands here (the `&` is known)."""
    if at + 5 >= buffer.size or buffer[at + 1] != 110 or buffer[at + 2] != 98:
        return False
    return bool(buffer[at + 3] == 115 and buffer[at + 4] == 112 and buffer[at + 5] == 59)


@compiled
def unescape(
    buffer: Octets, values: Octets, printable: bool, out: Octets, offsets: Longs
) -> tuple[int, int]:
    """Undo escapes; (octets written, escapes undone). `printable`: quoted-printable too.

    `out` and `offsets` have buffer.size + 8 places: no escape is shorter than what it stands for.
    """
    end = buffer.size
    filled = 0
    undone = 0
    at = 0
    while at < end:
        octet = buffer[at]
        point = -1
        width = 1
        raw = False
        if octet == 37 or (octet == 61 and printable):  # %HH and =HH
            if at + 2 < end and values[buffer[at + 1]] < 16 and values[buffer[at + 2]] < 16:
                point = int(values[buffer[at + 1]]) * 16 + int(values[buffer[at + 2]])
                width = 3
                raw = True
            elif octet == 61 and at + 1 < end and buffer[at + 1] == 10:
                at += 2
                undone += 1
                continue
            elif octet == 61 and at + 2 < end and buffer[at + 1] == 13 and buffer[at + 2] == 10:
                at += 3
                undone += 1
                continue
        elif octet == 92 and at + 3 < end:  # \uHHHH and \xHH
            long = 4 if buffer[at + 1] == 117 else (2 if buffer[at + 1] == 120 else 0)
            if long and at + 1 + long < end:
                number = 0
                good = True
                for step in range(long):
                    value = values[buffer[at + 2 + step]]
                    if value > 15:
                        good = False
                        break
                    number = number * 16 + int(value)
                if good:
                    point = number
                    width = 2 + long
                    raw = long == 2
        elif octet == 38 and at + 3 < end and buffer[at + 1] == 35:  # &#DD; and &#xHH;
            here = at + 2
            base = 10
            if buffer[here] == 120 or buffer[here] == 88:
                base = 16
                here += 1
            number = 0
            begin = here
            while here < end and here - begin < 6 and values[buffer[here]] < base:
                number = number * base + int(values[buffer[here]])
                here += 1
            if here > begin and here < end and buffer[here] == 59:
                point = number
                width = here + 1 - at
        elif octet == 38 and is_blank_entity(buffer, at):
            point = 32
            width = 6
        if point < 0:
            out[filled] = octet
            offsets[filled] = at
            filled += 1
            at += 1
            continue
        undone += 1
        if raw or point < 0x80:
            out[filled] = point & 255
            offsets[filled] = at
            filled += 1
        elif point < 0x800:
            out[filled] = 0xC0 | (point >> 6)
            out[filled + 1] = 0x80 | (point & 63)
            offsets[filled] = at
            offsets[filled + 1] = at
            filled += 2
        else:
            out[filled] = 0xE0 | ((point >> 12) & 15)
            out[filled + 1] = 0x80 | ((point >> 6) & 63)
            out[filled + 2] = 0x80 | (point & 63)
            for step in range(3):
                offsets[filled + step] = at
            filled += 3
        at += width
    return filled, undone
