"""Compiled rulesets on disk, so that a restart need not compile what it published before.

Guards: an image holds marshalled code, therefore nothing of a file is read as such before its
HMAC-SHA-256 under a key of this installation fits. It covers the ruleset, the program that made the
image (`kit.program`) and every octet, so that a file of another home, ruleset or version, a torn or
a changed one is no image, and its ruleset is compiled again. Files are this user's alone, appear
whole or not at all, and only a few are kept. They hold nothing that the database does not hold:
delete them at any time, leave them out of backups. Not done here: loading (`risk.rules`).
Form: magic, HMAC (32 octets), then for each part its length (4 octets, big-endian) and its octets.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import struct
from collections.abc import Sequence
from pathlib import Path

from paywarden.core.secret import Secret
from paywarden.kit.log import logger

KEPT = 8
MAX_BYTES = 256 << 20
_MAGIC = b"PWIMAGE1"
_LENGTH = struct.Struct(">I")
_HEAD = len(_MAGIC) + 32
_NAME = re.compile(r"rs_[0-9a-f]{64}\Z")


class ImageFiles:
    """Images by ruleset in one folder; blocking, so call it off the event loop."""

    def __init__(self, folder: Path, key: Secret[bytes], program: bytes) -> None:
        self._folder = folder
        self._key = key
        self._program = program

    def read(self, ruleset: str) -> list[bytes] | None:
        """The parts of an image that this program made here, or None."""
        path = self._path(ruleset)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with open(handle, "rb") as file:
            held = file.read(MAX_BYTES + 1)
        content = held[_HEAD:]
        digest = self._digest(ruleset, content)
        if len(held) > MAX_BYTES or not hmac.compare_digest(held[:_HEAD], _MAGIC + digest):
            logger().warning("image_refused", ruleset=ruleset)
            return None
        return _split(content)

    def write(self, ruleset: str, parts: Sequence[bytes]) -> None:
        """Keep an image; a disk that refuses it costs the next start some seconds, no more."""
        content = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
        if len(content) > MAX_BYTES - _HEAD:
            return
        octets = _MAGIC + self._digest(ruleset, content) + content
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._put(self._path(ruleset), octets)
            self._forget_old()
        except OSError as fault:
            logger().warning("image_not_kept", ruleset=ruleset, error_type=type(fault).__name__)

    def _put(self, path: Path, octets: bytes) -> None:
        fresh = path.with_suffix(f".{os.getpid()}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            with open(os.open(fresh, flags, 0o600), "wb") as file:
                file.write(octets)
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise

    def _forget_old(self) -> None:
        """Images of other programs, and all but the newest of this one."""
        found = sorted(
            self._folder.glob("*.image"), key=lambda path: path.stat().st_mtime_ns, reverse=True
        )
        mine = [path for path in found if path.name.endswith(self._suffix)]
        for path in {*found} - {*mine[:KEPT]}:
            path.unlink(missing_ok=True)

    @property
    def _suffix(self) -> str:
        return f".{self._program.hex()[:16]}.image"

    def _path(self, ruleset: str) -> Path:
        if not _NAME.match(ruleset):
            raise ValueError("a ruleset is named by its content hash")
        return self._folder / (ruleset + self._suffix)

    def _digest(self, ruleset: str, content: bytes) -> bytes:
        keyed = hmac.new(self._key.expose(), digestmod=hashlib.sha256)
        for part in (ruleset.encode(), self._program):
            keyed.update(_LENGTH.pack(len(part)) + part)
        keyed.update(content)
        return keyed.digest()


def _split(content: bytes) -> list[bytes]:
    parts, start = [], 0
    while start < len(content):
        (length,) = _LENGTH.unpack_from(content, start)
        start += _LENGTH.size
        parts.append(content[start : start + length])
        start += length
    return parts
