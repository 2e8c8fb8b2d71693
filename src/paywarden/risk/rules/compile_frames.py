"""Frames between the compiler's process and its parent.

Guards: each frame carries its length and an HMAC-SHA-256 under a key of this one child over
direction, kind, number and payload, so that none can be forged, left out, repeated or moved;
marshalled code is read from nowhere else. A request is PART frames (octets in pieces) and one frame
whose kind names the task; an answer is PART frames and END, FINDINGS or REFUSED.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator

import msgspec

from paywarden.core.errors import (
    Corrupt,
    InvalidRequest,
    PaywardenError,
    TooLarge,
    Unparsable,
)
from paywarden.risk.rules.findings import Finding, PolicyErrors

HEADER = struct.Struct(">cQ32s")
KEY_BYTES = 32
MAX_FRAME = 256 << 20
PIECE = 128 * 1024
PART, END, FINDINGS, REFUSED = b"P", b"E", b"F", b"R"
COMPILE, REMEMBER, LISTS, UPLOAD, SCREEN = b"C", b"M", b"L", b"U", b"S"
"""Tasks: compile packed files; the same for the memory alone; entries of list files; compile a body
as sent; search it for card numbers."""
_REFUSALS = {kind.__name__: kind for kind in (InvalidRequest, Unparsable, TooLarge)}


class Frames:
    """Frames under one key; each direction counts its frames, so none can be left out or moved."""

    def __init__(self, key: bytes, direction: bytes) -> None:
        self._key = key
        self._direction = direction
        self._count = 0

    def packed(self, kind: bytes, payload: bytes) -> bytes:
        """A frame to send."""
        return HEADER.pack(kind, len(payload), self._digest(kind, payload)) + payload

    def checked(self, kind: bytes, digest: bytes, payload: bytes) -> bytes:
        """The payload of a received frame. Errors: Corrupt when its digest does not fit."""
        if not hmac.compare_digest(digest, self._digest(kind, payload)):
            raise Corrupt("compiler_frame", "a frame of the compiler's process fails its digest")
        return payload

    def _digest(self, kind: bytes, payload: bytes) -> bytes:
        self._count += 1
        head = self._direction + kind + struct.pack(">Q", self._count)
        return hmac.new(self._key, head + payload, hashlib.sha256).digest()


def pieces(octets: bytes) -> Iterator[bytes]:
    """Octets in pieces that nobody stops long for."""
    for start in range(0, len(octets), PIECE):
        yield octets[start : start + PIECE]


def refused(error: PaywardenError) -> tuple[bytes, bytes]:
    """The frame (kind, payload) that carries a refusal."""
    if isinstance(error, PolicyErrors):
        return FINDINGS, msgspec.msgpack.encode(error.findings)
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _REFUSALS)
    told = (name, error.code, error.detail, error.pointer)
    return REFUSED, msgspec.msgpack.encode(told)


def refusal_of(kind: bytes, payload: bytes) -> PaywardenError:
    """The refusal that a frame carries."""
    if kind == FINDINGS:
        return PolicyErrors(msgspec.msgpack.decode(payload, type=list[Finding]))
    if kind != REFUSED:
        return Corrupt("compiler_frame", "the compiler's process sent a frame of unknown kind")
    form = tuple[str, str, str, str | None]
    name, code, detail, pointer = msgspec.msgpack.decode(payload, type=form)
    return _REFUSALS[name](code, detail, pointer=pointer)
