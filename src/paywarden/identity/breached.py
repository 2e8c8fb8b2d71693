"""Passwords known from breaches, looked up in a file of the operator's; nothing leaves the house.

Guards: the file is sorted lines of SHA-1 in hexadecimal, whole or cut to one length of 16 digits
or more, each with an optional `:count`: the form in which Have I Been Pwned is published. It is
bisected where it lies (some 40 reads in a file of 40 GB), never loaded. SHA-1 is the list's own
form, not a protection of ours.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

SHORTEST: Final = 16
LINE_LIMIT: Final = 128


class BreachedPasswords:
    """A sorted file of hashes; a path of None knows no password."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def holds(self, password: Secret[str]) -> bool:
        """Whether the password is listed. Blocks on the disk: call it outside the event loop.

        Errors: InvalidRequest `breached_list_invalid` for a file of another form.
        """
        if self._path is None:
            return False
        octets = password.expose().encode("utf-8", "surrogatepass")
        wanted = hashlib.sha1(octets, usedforsecurity=False).hexdigest().upper().encode()
        with self._path.open("rb") as file:
            return _bisect(file, os.fstat(file.fileno()).st_size, wanted)


def _bisect(file: BinaryIO, size: int, wanted: bytes) -> bool:
    """Whether a line equals the start of `wanted`; `low` and `high` enclose where lines start."""
    low, high = 0, size
    while low < high:
        start = _line_start(file, (low + high) // 2)
        file.seek(start)
        line = file.readline(LINE_LIMIT)
        found = _hash_of(line)
        if wanted.startswith(found):
            return True
        if found < wanted:
            low = start + len(line)
        else:
            high = start
    return False


def _line_start(file: BinaryIO, place: int) -> int:
    """Where the line that holds the octet at `place` begins."""
    back = max(0, place - LINE_LIMIT)
    file.seek(back)
    before = file.read(place - back)
    end = before.rfind(b"\n")
    if end < 0 and back > 0:
        raise _unreadable()
    return back + end + 1


def _hash_of(line: bytes) -> bytes:
    digits = line.partition(b":")[0].strip().upper()
    if not SHORTEST <= len(digits) <= 40 or digits.strip(b"0123456789ABCDEF"):
        raise _unreadable()
    return digits


def _unreadable() -> InvalidRequest:
    return InvalidRequest(
        "breached_list_invalid",
        "the list of breached passwords must be sorted lines of SHA-1 in hexadecimal",
    )
