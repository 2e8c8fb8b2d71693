"""The public keys that sign card facts, as a file that the card data environment writes.

    KEY_ID BASE64        one key a line, 32 octets; `#` begins a comment

Guards: the file is read again when it changed, so that a rotation needs no restart and a key that
was taken out counts no more; a file that cannot be read as a whole stops believing everything (an
alarm says so), rather than half of it. Absent: nothing is believed.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from paywarden.cde_client.facts import FactsKeys

LIMIT_OCTETS: Final = 65_536
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NONE: Final[FactsKeys] = {}
_Stamp = tuple[int, int, int]
_log = structlog.get_logger()


class FactsKeyFile:
    """Calls give the keys as the file has them now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: _Stamp | None = None
        self._keys = _NONE

    def __call__(self) -> FactsKeys:
        """Key id to public key, 32 octets."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp, self._keys = stamp, _NONE if stamp is None else self._read()
        return self._keys

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> FactsKeys:
        try:
            with self._path.open("rb") as file:
                return facts_keys_of(file.read(LIMIT_OCTETS + 1))
        except (OSError, ValueError) as fault:
            _log.error("card_facts_keys_unreadable", error_type=type(fault).__name__)
            return _NONE


def facts_keys_of(octets: bytes) -> FactsKeys:
    """The keys of a file's octets. ValueError for anything that is no key line."""
    if len(octets) > LIMIT_OCTETS:
        raise ValueError("the file of card facts' keys is too long")
    keys: dict[str, bytes] = {}
    for line in octets.decode("ascii").splitlines():
        words = line.partition("#")[0].split()
        if words:
            keys.update([_key_of(words)])
    return keys


def facts_keys_text(keys: Mapping[str, bytes]) -> str:
    """The file of these keys."""
    return "".join(f"{name} {base64.b64encode(key).decode()}\n" for name, key in keys.items())


def _key_of(words: list[str]) -> tuple[str, bytes]:
    if len(words) != 2 or _KEY_ID.match(words[0]) is None:
        raise ValueError("a line of card facts' keys is `KEY_ID BASE64`")
    try:
        key = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise ValueError("a key is not base64") from None
    if len(key) != 32:
        raise ValueError("a key is not of 32 octets")
    return words[0], key
