"""Tiles as files in the layout of C2SP tlog-tiles: `tile/<level>/<number>[.p/<width>]`.

Guards: a tile appears whole (written beside its place, then moved there). Nothing is forced to
disk: tiles can be made again from the log and are checked against signed checkpoints at every
start. A narrower form of a tile stays until two wider ones were stored, so that a process that was
killed between tiles and checkpoint finds those of the checkpoint before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from paywarden.evidence.tiles import FULL_OCTETS, tile_path
from paywarden.evidence.tree import HASH_OCTETS

_KEPT = 2


class TileFiles:
    """`TileStore` under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._narrow: dict[int, list[Path]] = {}

    def read(self, level: int, number: int, width: int) -> bytes | None:
        """Octets of a tile, or None."""
        try:
            return self._path(level, number, width).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, level: int, number: int, hashes: bytes) -> None:
        """Store a tile whole."""
        path = self._path(level, number, len(hashes) // HASH_OCTETS)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(hashes)
        os.replace(beside, path)
        self._forget_narrower(level, path, len(hashes) == FULL_OCTETS)

    def _forget_narrower(self, level: int, path: Path, full: bool) -> None:
        narrow = self._narrow.setdefault(level, [])
        if full:
            partial = path.with_name(path.name + ".p")
            if partial.is_dir():
                shutil.rmtree(partial)
            narrow.clear()
        elif path not in narrow:
            narrow.append(path)
            while len(narrow) > _KEPT:
                narrow.pop(0).unlink(missing_ok=True)

    def _path(self, level: int, number: int, width: int) -> Path:
        return self._folder / tile_path(level, number, width)
