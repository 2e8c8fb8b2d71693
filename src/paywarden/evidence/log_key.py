"""The log's signing key as a file: `PRIVATE+KEY+name+hash+key`, the form of Go's sumdb notes.

Guards: the name of the log (its origin) lives with its key, so neither is used without the other;
the file belongs to this user alone, is never overwritten, and is read through no link. Each
continuation of a restored log gets a name of its own (`name/2`, `name/3`) under the same key, since
one origin must never have two roots for one size.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.secret import Secret
from paywarden.evidence.note import ED25519, SigningKey

SEED_OCTETS: Final = 32
_HEAD: Final = "PRIVATE+KEY+"
_LIMIT: Final = 1_024


@dataclass(frozen=True, slots=True)
class LogKey:
    """Name of a log (or a witness) and the seed of its Ed25519 key."""

    name: str
    seed: Secret[bytes]
    kind: int = ED25519

    def signer(self, name: str | None = None) -> SigningKey:
        """The signing key under its own name, or under that of a continuation."""
        return SigningKey(name or self.name, self.seed, self.kind)

    @property
    def text(self) -> Secret[str]:
        """Content of the key's file."""
        key = base64.b64encode(bytes([self.kind]) + self.seed.expose()).decode()
        return Secret(f"{_HEAD}{self.name}+{self.signer().verifier.hint.hex()}+{key}\n")


def create_log_key(path: Path, name: str, randomness: Randomness, kind: int = ED25519) -> LogKey:
    """Write a fresh key, durable on return. Errors: Conflict `log_key_exists`."""
    made = LogKey(name, Secret(randomness.octets(SEED_OCTETS)), kind)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o600)
    except FileExistsError as fault:
        raise Conflict("log_key_exists", f"{path.name} exists and is kept") from fault
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(made.text.expose())
        file.flush()
        os.fsync(file.fileno())
    return made


def load_log_key(path: Path) -> LogKey:
    """Read a key. Errors: Unavailable `log_key_missing` or `log_key_unsafe`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as fault:
        raise Unavailable("log_key_missing", f"no {path.name}; restore it") from fault
    except OSError as fault:
        raise _unsafe(path, "it is a link or cannot be read") from fault
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        private = stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) in (0o600, 0o400)
        if not private or found.st_uid != os.geteuid():
            raise _unsafe(path, "it must be a file of this user with mode 0600")
        text = file.read(_LIMIT).decode("utf-8", "replace")
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> LogKey:
    name, _, rest = text.strip().removeprefix(_HEAD).partition("+")
    hint, _, encoded = rest.partition("+")
    try:
        octets = base64.b64decode(encoded, validate=True)
        key = LogKey(name, Secret(octets[1:]), octets[0])
        matches = len(octets) == 1 + SEED_OCTETS and key.signer().verifier.hint.hex() == hint
    except (binascii.Error, ValueError, IndexError):
        matches = False
    if not matches or not text.startswith(_HEAD):
        raise _unsafe(path, "it is damaged")
    return key


def _unsafe(path: Path, why: str) -> Unavailable:
    return Unavailable("log_key_unsafe", f"{path.name} is refused: {why}")
