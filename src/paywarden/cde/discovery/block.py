"""Every card number in one block of octets, however it is written there.

A block is read as ASCII and UTF-8 always, and as UTF-16, escaped, base64, hexadecimal or packed
decimal where a first look says that it may be so. Decoded octets are read as UTF-8 and UTF-16.
What is found is given once, under the first form that showed it, at the octet of the block where
it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from paywarden.cde.discovery import encodings
from paywarden.cde.discovery.alphabet import (
    INVISIBLE,
    Longs,
    Octets,
    brand_arrays,
    classes,
    plain_octets,
)
from paywarden.cde.discovery.digit_runs import FIELDS, find_candidates
from paywarden.cde.discovery.judgement import Candidate, kind_of
from paywarden.cde.discovery.packed import packed_numbers

DEPTH = 1
_ROWS = 4096


class Hit(NamedTuple):
    """One number: octets of the block, digits (never to be printed), kind, form."""

    start: int
    end: int
    digits: str
    kind: str
    form: str


def prepare() -> None:
    """Compile, or load, every loop: seconds at the first use on a machine, then half a one."""
    text = "card 0000 %20 \\u0030 & \u00a0"
    hits(text.encode() + b"\x01" + b"QUJD" * 9 + b" " + b"3031" * 9)
    hits(text.encode("utf-16") * 3)


def hits(block: bytes, depth: int = 0, *, wide: bool = False) -> list[Hit]:
    """All numbers of a block, in order of place. `wide`: the text is known to be UTF-16."""
    if len(block) < 7:
        return []
    octets = np.frombuffer(block, np.uint8)
    seen: dict[tuple[str, int], Hit] = {}
    for hit in _read(block, octets, depth, wide):
        near = hit.start
        if not any((hit.digits, place) in seen for place in range(near - 3, near + 4)):
            seen[(hit.digits, near)] = hit
    return sorted(seen.values())


def _read(block: bytes, octets: Octets, depth: int, known: bool) -> Iterator[Hit]:
    yield from _text(block, octets, classes())
    longest64, longest16, controls, escapes, wide = encodings.survey(
        octets, encodings.octet_marks()
    )
    if known or wide >= 6 or block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield from _wide(octets)
    if depth >= DEPTH:
        return
    printable = b"quoted-printable" in block or b"QUOTED-PRINTABLE" in block
    if escapes or printable:
        yield from _escaped(octets, printable)
    if longest64 >= encodings.LEAST_BASE64:
        yield from _base64(octets)
    if longest16 >= encodings.LEAST_HEX:
        yield from _hex(octets)
    if controls >= 1 or wide:
        yield from _packed(block)


def _text(block: bytes, octets: Octets, kinds: Octets, form: str = "text") -> list[Hit]:
    """Of overlapping numbers the likelier: one group, then 16 digits, then the longer."""
    kept: list[Hit] = []
    best: tuple[bool, bool, int] = (False, False, 0)
    for start, end, count, groups in _candidates(octets, kinds):
        one = Candidate(start, end, _digits(block[start:end]), groups)
        kind = kind_of(block, one)
        if kind is None:
            continue
        # UnionPay gives 19 digits; behind 16 of another brand three more are a CVV.
        short = count == 16 and one.digits[:2] != "62"
        rank = groups == 1, short or b"-" in block[start:end], count
        if kept and kept[-1].end > start:
            if rank <= best:
                continue
            kept.pop()
        kept.append(Hit(start, end, one.digits, kind, form))
        best = rank
    return kept


def _candidates(octets: Octets, kinds: Octets) -> Iterator[list[int]]:
    low, high, lengths = brand_arrays()
    out = np.empty((_ROWS, FIELDS), np.int64)
    at = 0
    while at < octets.size:
        count, stop = find_candidates(octets[at:], kinds, low, high, lengths, out)
        for row in out[:count].tolist():
            yield [row[0] + at, row[1] + at, row[2], row[3]]
        at += max(stop, 1)


def _digits(text: bytes) -> str:
    if text.isascii():
        return bytes(octet for octet in text if 0x30 <= octet <= 0x39).decode()
    kinds = classes()
    points = (ord(ch) for ch in text.decode("utf-8", "replace"))
    return "".join(str(kinds[p]) for p in points if p < kinds.size and kinds[p] < 10)


def _wide(octets: Octets) -> Iterator[Hit]:
    kinds = classes().copy()
    kinds[0] = INVISIBLE
    for shift in (0, 1):  # a text read with the other order and shifted by one shows the same
        for order, form in (("<u2", "utf-16-le"), (">u2", "utf-16-be")):
            units = (octets.size - shift) // 2
            if units < 13:
                continue
            points = np.frombuffer(octets[shift : shift + 2 * units].tobytes(), order)
            plain = plain_octets()[points]
            for hit in _text(plain.tobytes(), plain, kinds, form):
                yield hit._replace(start=shift + 2 * hit.start, end=shift + 2 * hit.end)


def _escaped(octets: Octets, printable: bool) -> Iterator[Hit]:
    out, offsets = np.empty(octets.size + 8, np.uint8), np.empty(octets.size + 8, np.int64)
    filled, undone = encodings.unescape(octets, encodings.hex_values(), printable, out, offsets)
    if undone:
        yield from _mapped(out[:filled], offsets, 1, "escaped")


def _base64(octets: Octets) -> Iterator[Hit]:
    room = 4 * octets.size + 64
    out, offsets = np.empty(room, np.uint8), np.empty(room // 3 + 2, np.int64)
    values, least = encodings.base64_values(), encodings.LEAST_BASE64
    filled = encodings.decode_base64(octets, values, least, out, offsets)
    yield from _mapped(out[:filled], offsets, 3, "base64")


def _hex(octets: Octets) -> Iterator[Hit]:
    room = 2 * octets.size + 8
    out, offsets = np.empty(room, np.uint8), np.empty(room, np.int64)
    values, least = encodings.hex_values(), encodings.LEAST_HEX
    filled = encodings.decode_hex(octets, values, least, out, offsets)
    yield from _mapped(out[:filled], offsets, 1, "hex")


def _mapped(plain: Octets, offsets: Longs, each: int, form: str) -> Iterator[Hit]:
    for hit in hits(plain.tobytes(), DEPTH):
        start, last = int(offsets[hit.start // each]), int(offsets[(hit.end - 1) // each])
        inner = form if hit.form == "text" else f"{form}+{hit.form}"
        yield hit._replace(start=start, end=last + 1, form=inner)


def _packed(block: bytes) -> Iterator[Hit]:
    for start, end, digits, track in packed_numbers(block):
        yield Hit(start, end, digits, "track2" if track else "pan", "packed")
