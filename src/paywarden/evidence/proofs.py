"""Proofs for callers: always towards a signed size, read from tiles.

Guards: no proof is given for a size that is not covered by a checkpoint, since nobody could check
it. Sizes and places come from outside: each is compared with the log before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.log import SignedLog
from paywarden.evidence.ports import Checkpoints, StoredCheckpoint
from paywarden.evidence.tree import consistency_proof, inclusion_proof


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A leaf, its place, and the path to the root of a signed checkpoint."""

    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    signed: StoredCheckpoint


class Proofs:
    """Makes proofs over one signed log."""

    def __init__(self, log: SignedLog, checkpoints: Checkpoints) -> None:
        self._log = log
        self._checkpoints = checkpoints

    def latest(self) -> StoredCheckpoint:
        """The last checkpoint with its cosignatures. Errors: NotFound `checkpoint_not_yet`."""
        found = self._checkpoints.last(self._log.origin)
        if found is None:
            raise NotFound("checkpoint_not_yet", "the log has no signed checkpoint yet")
        return found

    def path(self, index: int, size: int | None) -> tuple[int, list[bytes]]:
        """(size, path of the leaf `index` in the tree of `size`, the last signed by default)."""
        latest = self.latest().checkpoint
        wanted = self._signed_size(latest.size if size is None else size, latest)
        if not 0 <= index < wanted:
            raise InvalidRequest("index_outside_tree", "index is below size", pointer="index")
        return wanted, inclusion_proof(index, wanted, self._log.tree.node)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Path that the tree of `second` extends that of `first`."""
        latest = self.latest().checkpoint
        self._signed_size(second, latest)
        if not 0 <= first <= second:
            raise InvalidRequest("sizes_reversed", "from is at most to", pointer="from")
        return consistency_proof(first, second, self._log.tree.node)

    def covers(self, index: int) -> bool:
        """Whether a checkpoint covers the leaf `index`."""
        latest = self._log.latest
        return latest is not None and index < latest.size

    def inclusion(self, index: int) -> Inclusion:
        """The leaf `index` under the latest checkpoint.

        Errors: InvalidRequest `index_outside_tree` while no checkpoint covers it.
        """
        signed = self.latest()
        size = signed.checkpoint.size
        if not 0 <= index < size:
            raise InvalidRequest("index_outside_tree", f"the last signed size is {size}")
        path = inclusion_proof(index, size, self._log.tree.node)
        return Inclusion(index, self._log.leaf(index), tuple(path), signed)

    def _signed_size(self, size: int, latest: Checkpoint) -> int:
        if size > latest.size:
            raise InvalidRequest(
                "size_not_signed",
                f"the last signed size is {latest.size}; ask for that or a smaller one",
                pointer="size",
            )
        return size
