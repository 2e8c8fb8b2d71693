"""One custodian's part of a key, and its printed form that finds a mistyped group.

A part is a Shamir share or a full-length XOR component. Octets: version 1, kind 1, set 4, needed 1,
place 1, value 32, checksum 5: forty-five. Printed: eighteen groups of five symbols in Crockford's
base 32; the fifth symbol of a group is a check over GF(32) and over the group's place, so that one
wrong symbol, two neighbours swapped, and two groups swapped are always found, and named by group.

Guards: the value is a `Secret`; no error quotes a symbol. Parts of another set, kind or threshold,
and the same place twice, never combine (`same_set`).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from paywarden.cde.primitives import check_value
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

VALUE_OCTETS: Final = 32
SET_OCTETS: Final = 4
PARTS_LIMIT: Final = 16
GROUPS: Final = 18
_VERSION: Final = 1
_CHECKSUM_OCTETS: Final = 5
_DOMAIN: Final = b"paywarden.key-part.v1\n"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RFC4648: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_PRINT: Final = str.maketrans(_RFC4648, _ALPHABET)
_TO_READ: Final = str.maketrans(_ALPHABET, _RFC4648)
_LOOKALIKES: Final = str.maketrans("OIL", "011")


class Kind(IntEnum):
    """How parts make the key."""

    SHAMIR = 1
    COMPONENT = 2


@dataclass(frozen=True, slots=True)
class Part:
    """`needed` parts of `set_id` make the key; this one stands at `place` (1 to 16)."""

    kind: Kind
    set_id: bytes
    needed: int
    place: int
    value: Secret[bytes]

    @property
    def check(self) -> bytes:
        """Five octets by which people compare this part without telling it."""
        return check_value(self.value)


def printed(part: Part) -> Secret[str]:
    """The part as eighteen groups on three lines."""
    body = _body(part)
    octets = body + _checksum(body)
    symbols = base64.b32encode(octets).decode().translate(_TO_PRINT)
    data = [symbols[at : at + 4] for at in range(0, len(symbols), 4)]
    groups = [one + _ALPHABET[_check_of(one, number)] for number, one in enumerate(data)]
    lines = [" ".join(groups[at : at + 6]) for at in range(0, GROUPS, 6)]
    return Secret("\n".join(lines))


def read(text: Secret[str]) -> Part:
    """The part that was printed; spaces, case, hyphens and O, I, L do not matter.

    Errors: InvalidRequest `part_group_wrong` with the numbers of the groups (1 to 18) that were
    mistyped, `part_incomplete`, `part_checksum`, `part_unknown`.
    """
    symbols = "".join(text.expose().upper().replace("-", " ").split()).translate(_LOOKALIKES)
    if len(symbols) != GROUPS * 5:
        raise InvalidRequest("part_incomplete", f"a part has {GROUPS} groups of five symbols")
    groups = [symbols[at : at + 5] for at in range(0, len(symbols), 5)]
    wrong = [number + 1 for number, group in enumerate(groups) if not _group_holds(group, number)]
    if wrong:
        named = ", ".join(map(str, wrong))
        raise InvalidRequest("part_group_wrong", f"mistyped: group {named} of {GROUPS}")
    data = "".join(group[:4] for group in groups).translate(_TO_READ)
    return _from_octets(base64.b32decode(data))


def same_set(parts: list[Part]) -> None:
    """That the parts belong together, are enough, and stand at different places.

    Errors: InvalidRequest `parts_mixed`, `part_twice`, `parts_missing`.
    """
    if not parts:
        raise InvalidRequest("parts_missing", "no part was given")
    if len({(one.kind, one.set_id, one.needed) for one in parts}) != 1:
        raise InvalidRequest("parts_mixed", "the parts are of different sets")
    if len({one.place for one in parts}) != len(parts):
        raise InvalidRequest("part_twice", "one part was given twice")
    if len(parts) < parts[0].needed:
        raise InvalidRequest("parts_missing", f"{len(parts)} of {parts[0].needed} parts")


def _body(part: Part) -> bytes:
    head = bytes((_VERSION, part.kind)) + part.set_id + bytes((part.needed, part.place))
    return head + part.value.expose()


def _from_octets(octets: bytes) -> Part:
    body, checksum = octets[:-_CHECKSUM_OCTETS], octets[-_CHECKSUM_OCTETS:]
    if _checksum(body) != checksum:
        raise InvalidRequest("part_checksum", "the checksum of the whole part does not fit")
    needed, place = body[6], body[7]
    kinds = [int(one) for one in Kind]
    fits = 2 <= needed <= PARTS_LIMIT and 1 <= place <= PARTS_LIMIT
    if body[0] != _VERSION or body[1] not in kinds or not fits:
        raise InvalidRequest("part_unknown", "the part is of a form that is not known")
    return Part(Kind(body[1]), body[2:6], needed, place, Secret(body[8:]))


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + body).digest()[:_CHECKSUM_OCTETS]


def _group_holds(group: str, number: int) -> bool:
    if any(symbol not in _ALPHABET for symbol in group):
        return False
    return _ALPHABET[_check_of(group[:4], number)] == group[4]


def _check_of(data: str, number: int) -> int:
    """Sum of the symbols times 2, 4, 8, 16 in GF(32), and the place of the group."""
    check = number + 1
    for power, symbol in enumerate(data, start=1):
        value = _ALPHABET.index(symbol)
        for _ in range(power):
            value = (value << 1) ^ (0x25 & -(value >> 4))
        check ^= value
    return check
