"""The public keys that sign card facts, from the file that the card data environment writes.

Guards: the file is read again when it changed, so that a rotation needs no restart and a key that
was taken out counts no more; a file that cannot be read as a whole stops believing everything (an
alarm says so), rather than half of it. Absent: nothing is believed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from paywarden.cde_client.facts import FactsKeys
from paywarden.cde_client.facts_keys import LIMIT_OCTETS, facts_keys_of
from paywarden.kit.log import logger

_NONE: Final[FactsKeys] = {}
_Stamp = tuple[int, int, int]


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
            logger().error("card_facts_keys_unreadable", error_type=type(fault).__name__)
            return _NONE
