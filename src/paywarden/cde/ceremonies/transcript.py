"""What happened in a ceremony: lines of JSON, each chained to the one before and signed.

    {"n": 1, "at_us": ..., "what": "started", "person": "psn_..", "facts": {..},
     "before": <hash of line 0>, "hash": <SHA-256>, "signature": <Ed25519>}

Guards: a line is durable before the step that it tells of is answered; a changed, missing or moved
line breaks the chain from there; every line is signed, so that a transcript cut short by a crash is
still evidence. Facts are numbers, names and check values: never a part, a key or an octet of one.
Not done here: the audit log of the house, which takes the last hash (`head`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from paywarden.cde.primitives import bound
from paywarden.core.clock import Clock
from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret
from paywarden.kit.durable import sync_directory

DOMAIN: Final = b"paywarden.ceremony-transcript.v1"
LINES_LIMIT: Final = 1_000
TRANSCRIPT_LIMIT_OCTETS: Final = 200_000
Fact = str | int | list[str]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a ceremony."""

    n: int
    at_us: int
    what: str
    person: str
    facts: dict[str, Fact]
    before: str
    hash: str
    signature: str


class Transcript:
    """The file of one ceremony, written line by line."""

    def __init__(self, path: Path, key: Secret[bytes], clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._key = Ed25519PrivateKey.from_private_bytes(key.expose())
        self._name = path.stem
        present = read(path, self.public_key) if path.exists() else []
        self._head, self._count = (present[-1].hash if present else ""), len(present)

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 octets, that verifies every line."""
        return self._key.public_key().public_bytes_raw()

    @property
    def head(self) -> str:
        """Hash of the last line, in hex."""
        return self._head

    def add(self, what: str, person: str = "", facts: Mapping[str, Fact] | None = None) -> Line:
        """Write one line, durably."""
        n, at_us, told = self._count, self._clock.now_us(), dict(facts or {})
        digest = _digest(self._name, n, at_us, what, person, told, self._head)
        signature = self._key.sign(DOMAIN + digest).hex()
        line = Line(n, at_us, what, person, told, self._head, digest.hex(), signature)
        _append(self._path, msgspec.json.encode(line) + b"\n")
        self._head, self._count = line.hash, n + 1
        return line


def public_key_of(key: Secret[bytes]) -> bytes:
    """Ed25519 public key, 32 octets, of a transcript key."""
    return Ed25519PrivateKey.from_private_bytes(key.expose()).public_key().public_bytes_raw()


def read(path: Path, public_key: bytes) -> list[Line]:
    """Every line, verified; a last line that a crash cut short is left out.

    Errors: Corrupt `transcript_broken` with the number of the line.
    """
    octets = path.read_bytes()
    whole = octets[: octets.rfind(b"\n") + 1].splitlines()
    if len(whole) > LINES_LIMIT or len(octets) > TRANSCRIPT_LIMIT_OCTETS:
        raise Corrupt("transcript_broken", "the transcript is too long", pointer=path.name)
    verifier, lines, before = Ed25519PublicKey.from_public_bytes(public_key), [], ""
    for number, text in enumerate(whole):
        line = _line(text, path.name, number)
        digest = _digest(path.stem, number, line.at_us, line.what, line.person, line.facts, before)
        if (line.n, line.before, line.hash) != (number, before, digest.hex()):
            raise _broken(path.name, number)
        _verify(verifier, line, digest, path.name)
        lines.append(line)
        before = line.hash
    return lines


def _digest(
    name: str, n: int, at_us: int, what: str, person: str, facts: Mapping[str, Any], before: str
) -> bytes:
    told = msgspec.json.encode(dict(facts), order="deterministic")
    numbers = n.to_bytes(8, "big") + at_us.to_bytes(8, "big", signed=True)
    parts = (name.encode(), numbers, what.encode(), person.encode(), told, before.encode())
    return hashlib.sha256(bound(DOMAIN, *parts)).digest()


def _line(text: bytes, name: str, number: int) -> Line:
    try:
        return msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, UnicodeError):
        raise _broken(name, number) from None


def _verify(verifier: Ed25519PublicKey, line: Line, digest: bytes, name: str) -> None:
    try:
        verifier.verify(bytes.fromhex(line.signature), DOMAIN + digest)
    except (InvalidSignature, ValueError):
        raise _broken(name, line.n) from None


def _broken(name: str, number: int) -> Corrupt:
    detail = "a line was changed, moved or signed by another key"
    return Corrupt("transcript_broken", detail, pointer=f"{name}:{number + 1}")


def _append(path: Path, octets: bytes) -> None:
    fresh = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        present = os.pread(handle, TRANSCRIPT_LIMIT_OCTETS, 0)
        end = present.rfind(b"\n") + 1  # a line that a crash cut short is written over
        os.ftruncate(handle, end)
        os.pwrite(handle, octets, end)
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        sync_directory(path.parent)
