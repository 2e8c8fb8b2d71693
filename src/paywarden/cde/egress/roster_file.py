"""The roster that egress pins: a file of its own, which no other process writes.

Guards: owned by this process' user or root, not a link, not writable by others; read at the start.
Whoever may write it decides who approves: it is handed over like a key (docs/operate/reveal.md).
Its form: `cde.roster_form`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from paywarden.cde.roster_form import LIMIT_OCTETS, roster_of
from paywarden.cde_client.roster import PinnedRoster, RelyingParty
from paywarden.core.errors import Unavailable


def load_roster(path: Path) -> PinnedRoster:
    """The roster; nobody may approve where there is no file. Errors: Unavailable."""
    if not path.exists():
        return PinnedRoster(RelyingParty("", frozenset()), {})
    try:
        return roster_of(_octets(path))
    except ValueError:
        raise Unavailable("roster_unreadable", f"{path.name} is not a roster") from None


def _octets(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise Unavailable("roster_unsafe", f"{path.name} is a link or cannot be read") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        mine = about.st_uid in (os.geteuid(), 0)
        if not stat.S_ISREG(about.st_mode) or not mine or about.st_mode & 0o022:
            raise Unavailable("roster_unsafe", f"{path.name} may be written by others: chmod 600")
        return file.read(LIMIT_OCTETS)
