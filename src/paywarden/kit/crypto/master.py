"""The master key of an installation: 32 random octets in a file that only its owner may read.

Guards: created once, never overwritten; loading fails closed when the file is a link, not a plain
file, of another owner, readable by others, or of the wrong length. All other keys are derived from
it or wrapped under such a derived key, so losing it loses every sealed datum: back it up apart from
the databases. Not done here: hardware-held keys (the key agent of the card data environment).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.secret import Secret
from paywarden.kit.durable import sync_directory

MASTER_KEY_OCTETS: Final = 32


def create_master_key(path: Path, randomness: Randomness) -> None:
    """Write a fresh key to `path` (mode 0600), durable on return.

    Errors: Conflict `master_key_exists`; a key is never replaced.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o600)
    except FileExistsError as fault:
        raise Conflict("master_key_exists", f"{path.name} exists and is kept") from fault
    try:
        os.fchmod(handle, 0o600)
        os.write(handle, randomness.octets(MASTER_KEY_OCTETS))
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_directory(path.parent)


def load_master_key(path: Path) -> Secret[bytes]:
    """Read the key. Errors: Unavailable `master_key_missing` or `master_key_unsafe`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as fault:
        raise Unavailable("master_key_missing", f"no {path.name}; run init first") from fault
    except OSError as fault:
        raise _unsafe(path, "it is a link or cannot be read") from fault
    try:
        _check_file(path, os.fstat(handle))
        octets = os.read(handle, MASTER_KEY_OCTETS + 1)
    finally:
        os.close(handle)
    if len(octets) != MASTER_KEY_OCTETS:
        raise _unsafe(path, f"it must hold exactly {MASTER_KEY_OCTETS} octets")
    return Secret(octets)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _unsafe(path, "it is not a plain file")
    if found.st_uid != os.geteuid():
        raise _unsafe(path, "it belongs to another user; chown it to the user of this process")
    if stat.S_IMODE(found.st_mode) not in (0o600, 0o400):
        raise _unsafe(path, "its mode must be 0600; run chmod 600 on it")


def _unsafe(path: Path, why: str) -> Unavailable:
    return Unavailable("master_key_unsafe", f"{path.name} is refused: {why}")
