"""The key file: every key of the agent, sealed under a key that the root alone can open.

    magic "PWKEYS1\\n", then msgpack: root's name and kind, sealed file key, revision, nonce,
    ciphertext = AES-256-GCM(file key, ring; AAD = framed(magic, revision, root's name and kind))

Guards: a write is atomic and durable (new file, synced, renamed, folder synced), so that a power
cut leaves the old or the new ring, never half of one; every write draws a fresh file key; a file
that anybody changed, or sealed for another revision, does not open. Not guarded here: an old file
put back whole opens, with keys that were destroyed since. The journal notices it when it stands
alone (`keeper`); who puts back both decides (docs/operate/key-agent.md).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.frame_format import UNREADABLE
from paywarden.cde.keys.model import Key, Ring
from paywarden.cde.keys.root import Root
from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, Corrupt, Unavailable
from paywarden.kit.crypto.framing import framed
from paywarden.kit.durable import sync_directory

MAGIC: Final = b"PWKEYS1\n"
LIMIT_OCTETS: Final = 4 << 20
_NONCE_OCTETS: Final = 12


class _Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    root_name: str
    root_kind: str
    file_key: bytes
    revision: int
    nonce: bytes
    ciphertext: bytes


class _Content(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    journal_id: bytes
    keys: list[Key]


def write_ring(path: Path, ring: Ring, root: Root, randomness: Randomness) -> None:
    """Seal and write the ring, durable on return. Errors: Unavailable, OSError."""
    file_key, nonce = randomness.octets(32), randomness.octets(_NONCE_OCTETS)
    sealed_key = root.seal(file_key, MAGIC)
    plain = msgspec.msgpack.encode(_Content(ring.journal_id, list(ring.keys)))
    aad = _aad(ring.revision, root.name, root.kind)
    ciphertext = AESGCM(file_key).encrypt(nonce, plain, aad)
    sealed = _Sealed(root.name, root.kind, sealed_key, ring.revision, nonce, ciphertext)
    replace_durably(path, MAGIC + msgspec.msgpack.encode(sealed))


def create_ring(path: Path, ring: Ring, root: Root, randomness: Randomness) -> None:
    """Write the first ring. Errors: Conflict `key_file_exists`; keys are never replaced."""
    if os.path.lexists(path):
        raise Conflict("key_file_exists", f"{path.name} exists and is kept")
    write_ring(path, ring, root, randomness)


def read_ring(path: Path, root: Root) -> Ring:
    """Open the ring.

    Errors: Unavailable `key_file_missing`, `key_file_unsafe` or `key_backend_gone`; Corrupt
    `key_file_corrupt`.
    """
    sealed = _parsed(_octets(path))
    file_key = root.unseal(sealed.file_key, MAGIC)
    aad = _aad(sealed.revision, sealed.root_name, sealed.root_kind)
    try:
        plain = AESGCM(file_key.expose()).decrypt(sealed.nonce, sealed.ciphertext, aad)
        content = msgspec.msgpack.decode(plain, type=_Content)
    except (InvalidTag, ValueError, *UNREADABLE) as fault:
        raise _corrupt() from fault
    return Ring(sealed.revision, content.journal_id, tuple(content.keys))


def root_of(path: Path) -> tuple[str, str]:
    """(name, kind) of the root that sealed a file; nothing is opened. Errors as `read_ring`."""
    sealed = _parsed(_octets(path))
    return sealed.root_name, sealed.root_kind


def replace_durably(path: Path, octets: bytes) -> None:
    """Put a whole new file (mode 0600) in the place of `path`. Errors: OSError."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(beside, flags, 0o600)
    try:
        view = memoryview(octets)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    sync_directory(path.parent)


def _octets(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as fault:
        raise Unavailable("key_file_missing", f"no {path.name}; run cde init first") from fault
    except OSError as fault:
        raise _unsafe(path, "it is a link or cannot be read") from fault
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise _unsafe(path, "it is no plain file of the user of this process")
        if stat.S_IMODE(found.st_mode) not in (0o600, 0o400):
            raise _unsafe(path, "its mode must be 0600; run chmod 600 on it")
        return file.read(LIMIT_OCTETS + 1)


def _parsed(octets: bytes) -> _Sealed:
    if not octets.startswith(MAGIC) or len(octets) > LIMIT_OCTETS:
        raise _corrupt()
    try:
        return msgspec.msgpack.decode(octets[len(MAGIC) :], type=_Sealed)
    except UNREADABLE as fault:
        raise _corrupt() from fault


def _aad(revision: int, root_name: str, root_kind: str) -> bytes:
    return framed(MAGIC, str(revision).encode(), root_name.encode(), root_kind.encode())


def _corrupt() -> Corrupt:
    return Corrupt("key_file_corrupt", "the key file was changed, or belongs to another root")


def _unsafe(path: Path, why: str) -> Unavailable:
    return Unavailable("key_file_unsafe", f"{path.name} is refused: {why}")
