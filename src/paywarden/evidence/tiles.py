"""The tree in tiles of height 8 (C2SP tlog-tiles): 256 hashes a tile, full tiles never change.

Guards: a proof among ten million leaves reads a handful of tiles. Tiles are made from the leaves
and can be made again, so losing one costs time and nothing else; whether they are right is decided
by comparing roots with signed checkpoints. Not thread-safe writing: one integrator appends;
`node` may be called from other threads at any time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Protocol

from paywarden.core.errors import Corrupt
from paywarden.evidence.tree import HASH_OCTETS, node_hash, range_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
FULL_OCTETS: Final = WIDTH * HASH_OCTETS
_EXPANDED_LIMIT: Final = 256
_Expanded = list[list[bytes]]


class TileStore(Protocol):
    """Port: octets of tiles by level, number and width (256 when full)."""

    def read(self, level: int, number: int, width: int) -> bytes | None:
        """The tile's hashes one after the other; None when it is not stored."""
        ...

    def write(self, level: int, number: int, hashes: bytes) -> None:
        """Store a tile; its width follows from its length. Narrower ones of it may go."""
        ...


class TileTree:
    """The growing tree over a store of tiles."""

    def __init__(self, store: TileStore) -> None:
        self._store = store
        self._open: list[bytearray] = [bytearray()]
        self._size = 0
        self._changing = threading.Lock()
        self._expanded: OrderedDict[tuple[int, int], _Expanded] = OrderedDict()

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._size

    def append(self, hashes: Iterable[bytes]) -> None:
        """Add leaf hashes; tiles that become full are stored."""
        with self._changing:
            for one in hashes:
                self._add(0, one)
                self._size += 1

    def flush(self) -> None:
        """Store the tiles that are not full, as the tree of this size has them."""
        with self._changing:
            for level, hashes in enumerate(self._open):
                if hashes:
                    number = (self._size >> HEIGHT * level) >> HEIGHT
                    self._store.write(level, number, bytes(hashes))

    def load(self, size: int) -> bool:
        """Take up the tree of `size` from the store; False when a tile is missing."""
        opened: list[bytearray] = []
        level = 0
        while level == 0 or size >> HEIGHT * level:
            number, width = divmod(size >> HEIGHT * level, WIDTH)
            found = self._read(level, number, width) if width else b""
            if found is None:
                return False
            opened.append(bytearray(found))
            level += 1
        with self._changing:
            self._open, self._size = opened, size
            self._expanded.clear()
        return True

    def clear(self) -> None:
        """Begin with the empty tree; stored tiles are written over."""
        with self._changing:
            self._open, self._size = [bytearray()], 0
            self._expanded.clear()

    def root(self, size: int | None = None) -> bytes:
        """Root of the tree over the first `size` leaves (all by default)."""
        return range_hash(0, self._size if size is None else size, self.node)

    def node(self, level: int, index: int) -> bytes:
        """Hash of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level)."""
        row, height = divmod(level, HEIGHT)
        number, place = divmod(index << height, WIDTH)
        if (index + 1) << level > self._size:
            raise ValueError("the tree is smaller than that")
        return self._levels(row, number, height, place)

    def _levels(self, row: int, number: int, height: int, place: int) -> bytes:
        with self._changing:
            opened = self._open[row] if row < len(self._open) else b""
            if number == (self._size >> HEIGHT * row) >> HEIGHT:
                return _subtree(bytes(opened), height, place)
            expanded = self._expanded.get((row, number))
            if expanded is not None:
                self._expanded.move_to_end((row, number))
        if expanded is None:
            expanded = self._expand(row, number)
        return expanded[height][place >> height]

    def _expand(self, row: int, number: int) -> _Expanded:
        octets = self._read(row, number, WIDTH)
        if octets is None:
            raise Corrupt("audit_tile_missing", f"tile {number} of level {row} is missing")
        hashes = [octets[at : at + HASH_OCTETS] for at in range(0, FULL_OCTETS, HASH_OCTETS)]
        made = [hashes]
        while len(hashes) > 1:
            hashes = _paired(hashes)
            made.append(hashes)
        with self._changing:
            self._expanded[row, number] = made
            while len(self._expanded) > _EXPANDED_LIMIT:
                self._expanded.popitem(last=False)
        return made

    def _read(self, level: int, number: int, width: int) -> bytes | None:
        """The tile of that width, or the start of the full one that took its place."""
        found = self._store.read(level, number, width)
        if found is None and width < WIDTH:
            found = self._store.read(level, number, WIDTH)
        wanted = width * HASH_OCTETS
        return found[:wanted] if found is not None and len(found) >= wanted else None

    def _add(self, level: int, one: bytes) -> None:
        if level == len(self._open):
            self._open.append(bytearray())
        tile = self._open[level]
        tile += one
        if len(tile) == FULL_OCTETS:
            octets = bytes(tile)
            # Counted before this leaf is: its own tile is the one that just became full.
            self._store.write(level, (self._size >> HEIGHT * level) >> HEIGHT, octets)
            self._open[level] = bytearray()
            self._add(level + 1, _subtree(octets, HEIGHT, 0))


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Path of a tile: three digits a step, all but the last after an x.

    >>> tile_path(0, 1234067), tile_path(1, 5, 70)
    ('tile/0/x001/x234/067', 'tile/1/005.p/70')
    """
    steps = [f"{number % 1000:03d}"]
    while number := number // 1000:
        steps.append(f"x{number % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(steps))}{partial}"


def _subtree(octets: bytes, height: int, place: int) -> bytes:
    """Root over the 2^height hashes of a tile from `place`."""
    start, end = place * HASH_OCTETS, (place + (1 << height)) * HASH_OCTETS
    hashes = [octets[at : at + HASH_OCTETS] for at in range(start, end, HASH_OCTETS)]
    while len(hashes) > 1:
        hashes = _paired(hashes)
    return hashes[0]


def _paired(hashes: list[bytes]) -> list[bytes]:
    return [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
