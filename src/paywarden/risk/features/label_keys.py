"""Keys of the labels that can still be taken back: sequence to key words, 112 bytes a label.

Guards: a label is withdrawn from the windows of exactly the keys under which it was counted, at any
age, because a window over everything never forgets. Blocks of arrays in order of sequence, so that
neither adding nor taking ever copies more than one block. Who withdraws what is decided by the
caller (`paywarden.decision`), who names a sequence; a sequence that is no label is not found here.

>>> labels = LabelKeys()
>>> labels.add(7, (1,) * KEY_COUNT)
>>> labels.take(7) == (1,) * KEY_COUNT, labels.take(7)
(True, None)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.observation import KEY_COUNT

BLOCK = 1_024
Seqs = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


class _Block:
    """Up to BLOCK labels, rising by sequence."""

    __slots__ = ("count", "keys", "seqs")

    def __init__(self) -> None:
        self.seqs: Seqs = np.zeros(BLOCK, np.int64)
        self.keys: Keys = np.zeros((BLOCK, KEY_COUNT), np.uint64)
        self.count = 0


class LabelKeys:
    """Standing labels; sequences are added in rising order."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._firsts: list[int] = []

    def __len__(self) -> int:
        return sum(block.count for block in self._blocks)

    def add(self, seq: int, keys: Sequence[int]) -> None:
        """Remember one label; `seq` is greater than every one before."""
        self.extend(np.array([seq], np.int64), np.array([keys], np.uint64))

    def extend(self, seqs: Seqs, keys: Keys) -> None:
        """Remember many: seqs [n] rising, keys [n, KEY_COUNT]."""
        done = 0
        while done < len(seqs):
            if not self._blocks or self._blocks[-1].count == BLOCK:
                self._blocks.append(_Block())
                self._firsts.append(int(seqs[done]))
            block = self._blocks[-1]
            count = min(BLOCK - block.count, len(seqs) - done)
            end = block.count + count
            block.seqs[block.count : end] = seqs[done : done + count]
            block.keys[block.count : end] = keys[done : done + count]
            block.count, done = end, done + count

    def take(self, seq: int) -> tuple[int, ...] | None:
        """Remove a label and return its keys; None when it does not stand."""
        number = bisect_right(self._firsts, seq) - 1
        if number < 0:
            return None
        block = self._blocks[number]
        at = int(np.searchsorted(block.seqs[: block.count], seq))
        if at == block.count or block.seqs[at] != seq:
            return None
        keys: tuple[int, ...] = tuple(block.keys[at].tolist())
        end = block.count
        block.seqs[at : end - 1] = block.seqs[at + 1 : end]
        block.keys[at : end - 1] = block.keys[at + 1 : end]
        block.count -= 1
        if block.count == 0:
            del self._blocks[number], self._firsts[number]
        return keys

    def arrays(self) -> tuple[Seqs, Keys]:
        """Copies of all sequences [n] and keys [n, KEY_COUNT], rising."""
        if not self._blocks:
            return np.zeros(0, np.int64), np.zeros((0, KEY_COUNT), np.uint64)
        return (
            np.concatenate([block.seqs[: block.count] for block in self._blocks]),
            np.concatenate([block.keys[: block.count] for block in self._blocks]),
        )
