"""The root that shares release: what lies on disk, and how a quorum opens it.

The file holds nothing that opens it: the root's key is sealed (AES-256-GCM-SIV) under an unsealing
key, which exists only as parts of its custodians. So new parts for the same root (rekey) leave
every key below untouched and make the old parts useless for the new file. After a rotation the
former roots, four at most, lie sealed under the new one.

Guards: threshold, custodians, check values and generation are the seal's associated data: a changed
header does not open. A part's check value (5 octets of CMAC) tells a wrong part from a right one
without telling either. The file is replaced whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde import primitives
from paywarden.cde.roots.sealing import RootInMemory
from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt, NotFound
from paywarden.core.secret import Secret
from paywarden.kit.durable import sync_directory

KIND: Final = "shares"
RECORD_NAME: Final = "root.json"
FORMER_LIMIT: Final = 4
_RECORD_LIMIT_OCTETS: Final = 64_000
_SCHEMA: Final = b"pw.root-record.1"
_FORMER: Final = b"pw.root-former.1"


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A custodian, the place of its part (from 1), and the part's check value in hex."""

    person: str
    place: int
    check: str


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a root but its key."""

    name: str
    generation: int
    scheme: str
    set_id: str
    needed: int
    holders: list[Holder]
    check: str
    ceremony: str
    made_at_us: int


class RootRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: header, sealed root, and former roots sealed under it, by generation."""

    version: int
    header: Header
    nonce: bytes
    sealed: bytes
    former: dict[str, bytes] = {}


def sealed_record(
    header: Header,
    unsealing: Secret[bytes],
    root: Secret[bytes],
    randomness: Randomness,
    former: Mapping[int, Secret[bytes]] | None = None,
) -> RootRecord:
    """The record of a root; `former` are roots of generations before, the last four are kept."""
    nonce = randomness.octets(primitives.NONCE_OCTETS)
    kept = {}
    for number in sorted(former or {})[-FORMER_LIMIT:]:
        salt, old = randomness.octets(primitives.NONCE_OCTETS), (former or {})[number]
        kept[str(number)] = salt + primitives.seal_siv(
            root, salt, old.expose(), _former_bound(header, number)
        )
    associated = _bound(header, kept)
    sealed = primitives.seal_siv(unsealing, nonce, root.expose(), associated)
    return RootRecord(1, header, nonce, sealed, kept)


def opened(record: RootRecord, unsealing: Secret[bytes]) -> dict[int, Secret[bytes]]:
    """Root keys by generation. Errors: Corrupt when parts or record are not the right ones."""
    associated = _bound(record.header, record.former)
    root = primitives.open_siv(unsealing, record.nonce, record.sealed, associated)
    if primitives.check_value(root).hex() != record.header.check:
        raise Corrupt("root_record_corrupt", "the check value of the root does not fit")
    keys = {record.header.generation: root}
    for text, old in record.former.items():
        associated = _former_bound(record.header, int(text))
        keys[int(text)] = primitives.open_siv(root, old[:12], old[12:], associated)
    return keys


def software_sealed(
    record: RootRecord, keys: dict[int, Secret[bytes]], randomness: Randomness
) -> RootInMemory:
    """The root that a quorum released."""
    return RootInMemory(record.header.name, KIND, keys, randomness)


def write(folder: Path, record: RootRecord) -> None:
    """Put the record in place whole and durably, mode 0600."""
    path, fresh = folder / RECORD_NAME, folder / f"{RECORD_NAME}.new"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(folder)


def load(folder: Path) -> RootRecord:
    """The record. Errors: NotFound `root_missing`, Corrupt `root_record_corrupt`."""
    path = folder / RECORD_NAME
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("root_missing", "there is no root yet: hold a ceremony") from None
    try:
        if len(octets) > _RECORD_LIMIT_OCTETS:
            raise ValueError("too long")
        record = msgspec.json.decode(octets, type=RootRecord)
    except (ValueError, UnicodeError):  # msgspec's errors are ValueErrors
        raise Corrupt("root_record_corrupt", "the root's record cannot be read") from None
    if record.version != 1:
        raise Corrupt("root_record_corrupt", "the root's record is of another version")
    return record


def _bound(header: Header, former: Mapping[str, bytes]) -> bytes:
    encoded = [msgspec.json.encode(one, order="deterministic") for one in (header, dict(former))]
    return primitives.bound(_SCHEMA, *encoded)


def _former_bound(header: Header, number: int) -> bytes:
    numbers = [one.to_bytes(4, "big") for one in (header.generation, number)]
    return primitives.bound(_FORMER, header.name.encode(), *numbers)
