"""Every form in which a careless program may leave a value behind, as octets to search for.

A number is written as text of three encodings, with separators, turned round, in base 64 at each
alignment (RFC 4648), in hexadecimal, packed decimal, as an integer of both byte orders, as a double,
as CPython keeps an integer, and as the unkeyed digests that PCI DSS 3.5.1.1 forbids.
Not done here: compression and encryption; what is packed is unpacked before it is searched.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass, field

LEAST_OCTETS = 6
"""Shorter forms are found by chance."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A planted value. `must_be_found`: a positive control, whose absence spoils the search."""

    name: str
    text: str = field(repr=False)
    must_be_found: bool = False


def forms_of(text: str) -> dict[str, bytes]:
    """Form -> octets; none shorter than LEAST_OCTETS."""
    plain = text.encode()
    forms = {
        "text": plain,
        "text reversed": plain[::-1],
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "utf-32-le": text.encode("utf-32-le"),
        "hex": plain.hex().encode(),
        "hex upper": plain.hex().upper().encode(),
    }
    forms |= _base64(plain, "base64") | _base64(text.encode("utf-16-le"), "base64 of utf-16")
    for name in ("md5", "sha1", "sha256", "sha512"):
        made = hashlib.new(name, plain, usedforsecurity=False)
        forms[name] = made.digest()
        forms[f"{name} hex"] = made.hexdigest().encode()
    if text.isascii() and text.isdigit() and len(text) >= 13:
        forms |= _of_number(text)
    return {name: octets for name, octets in forms.items() if len(octets) >= LEAST_OCTETS}


def _base64(octets: bytes, name: str) -> dict[str, bytes]:
    """The part of each alignment that does not depend on what stands beside; both alphabets."""
    forms = {}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + octets)
        ends = len(encoded) - (4 if (shift + len(octets)) % 3 else 0)
        whole = encoded[4 if shift else 0 : ends]
        forms[f"{name} at {shift}"] = whole
        forms[f"{name}url at {shift}"] = whole.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def _of_number(text: str) -> dict[str, bytes]:
    number = int(text)
    groups = [text[n : n + 4] for n in range(0, len(text), 4)]
    forms = {
        "text in groups": " ".join(groups).encode(),
        "text with dashes": "-".join(groups).encode(),
        "packed": bytes.fromhex(text if len(text) % 2 == 0 else "0" + text),
        "packed, filled": bytes.fromhex(text + "f" * (len(text) % 2)),
        "double": struct.pack("<d", float(number)),
        "python integer": _limbs(number),
    }
    if number < 1 << 64:
        forms["integer le"] = struct.pack("<Q", number)
        forms["integer be"] = struct.pack(">Q", number)
    return forms


def _limbs(number: int) -> bytes:
    """30 bits in each 32-bit word, least first (CPython, Include/cpython/longintrepr.h)."""
    words = []
    while number:
        words.append(number & 0x3FFFFFFF)
        number >>= 30
    return struct.pack(f"<{len(words)}I", *words)
