"""Checkpoints: the head of a log at one size (C2SP tlog-checkpoint).

    paywarden/default/abcdefgh      origin: which log
    1234                            size: how many leaves
    n4Zv...=                        root of the Merkle tree, base 64
    time=1795309323500000           extension line of ours: when it was signed, microseconds

Guards: the text of a checkpoint has one form only; what differs by a blank is refused. The time is
inside what the log signs, so one signature covers it (docs/decisions/0022).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from paywarden.core.errors import InvalidRequest
from paywarden.evidence.note import Note, SigningKey, VerifierKey, parse_note
from paywarden.evidence.tree import HASH_OCTETS

ORIGIN_LIMIT: Final = 200
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_TIME = re.compile(r"time=([1-9][0-9]{0,17}|0)\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Root of the log `origin` over its first `size` leaves, signed at `at_us` (if stated)."""

    origin: str
    size: int
    root: bytes
    at_us: int | None = None

    @property
    def text(self) -> str:
        """The text that is signed."""
        time = "" if self.at_us is None else f"time={self.at_us}\n"
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{time}"

    def signed(self, key: SigningKey) -> str:
        """A note with the log's signature."""
        return key.note(self.text)


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text states. Errors: InvalidRequest `checkpoint_malformed`."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise _malformed()
    origin, size, root = lines[:3]
    try:
        octets = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _malformed() from fault
    canonical = base64.b64encode(octets).decode() == root
    good = _SIZE.match(size) and len(octets) == HASH_OCTETS and canonical
    if not good or not 0 < len(origin) <= ORIGIN_LIMIT or "" in lines[3:-1]:
        raise _malformed()
    times = [match[1] for match in map(_TIME.match, lines[3:-1]) if match is not None]
    return Checkpoint(origin, int(size), octets, int(times[0]) if len(times) == 1 else None)


def opened(note: str, key: VerifierKey) -> tuple[Checkpoint, Note]:
    """The checkpoint of a note that `key` signed.

    Errors: InvalidRequest `note_malformed`, `checkpoint_malformed`, `checkpoint_unsigned`.
    """
    parsed = parse_note(note)
    found = parse_checkpoint(parsed.text)
    if not parsed.signed_by(key):
        raise InvalidRequest("checkpoint_unsigned", "no signature of the log's key is right")
    return found, parsed


def _malformed() -> InvalidRequest:
    return InvalidRequest("checkpoint_malformed", "the text is not a checkpoint")
