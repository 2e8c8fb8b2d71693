"""The Merkle tree of RFC 9162 section 2.1: hashes, proofs, and their verification.

Guards: leaves and nodes are hashed with different first octets, so neither passes for the other.
Proofs are made from the hashes of complete subtrees only: `node(level, index)` gives the hash over
the 2^level leaves from index * 2^level. Pure: where subtrees are kept is `tiles`' concern.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

HASH_OCTETS: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
Node = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf's octets (2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def range_hash(begin: int, end: int, node: Node) -> bytes:
    """Hash of the subtree over leaves [begin, end), one that the tree of some size has."""
    count = end - begin
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(range_hash(begin, middle, node), range_hash(middle, end, node))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D[size]) of 2.1.3.1, nearest sibling first. ValueError outside the tree."""
    if not 0 <= index < size:
        raise ValueError("the index lies outside the tree")
    path = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency_proof(first: int, second: int, node: Node) -> list[bytes]:
    """PROOF(first, D[second]) of 2.1.4.1; empty for equal sizes and from the empty tree."""
    if not 0 <= first <= second:
        raise ValueError("sizes are given in ascending order")
    if first in (0, second):
        return []
    path = []
    begin, end, whole = 0, second, True
    while end != first:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(begin, middle, node))
            begin, whole = middle, False
    if not whole:
        path.append(range_hash(begin, end, node))
    return path[::-1]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf hash `leaf` stands at `index` under `root` (2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != HASH_OCTETS:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, root)


def consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the tree of `second` extends that of `first` (2.1.4.2).

    From the empty tree to another one nothing can be proved.
    """
    if first == 0:
        empty = hmac.compare_digest(first_root, second_root)
        return second == 0 and empty and subtree_consistent(0, 0, first_root, 0, EMPTY_ROOT, proof)
    return subtree_consistent(0, first, first_root, second, second_root, proof)


def subtree_includes(
    leaf: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `leaf` stands at `index` under the subtree [start, end) with hash `root`."""
    return _is_subtree(start, end) and includes(leaf, index - start, end - start, proof, root)


def subtree_consistent(
    start: int, end: int, root: bytes, size: int, size_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of `size` holds the subtree [start, end) with hash `root`.

    With start 0 this is 2.1.4.2; other subtrees as in draft-ietf-plants-merkle-tree-certs 4.4.3.
    """
    if 0 <= start == end <= size:
        return not proof and hmac.compare_digest(root, EMPTY_ROOT)
    if not _is_subtree(start, end) or end > size:
        return False
    low, high, last = start, end - 1, size - 1
    while low != high and (high == last or high & 1):
        low, high, last = low >> 1, high >> 1, last >> 1
    path = list(proof) if low != high else [root, *proof]
    if not path:
        return False
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if high & 1 or high == last:
            if low < high:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not high & 1:
                low, high, last = low >> 1, high >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        low, high, last = low >> 1, high >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old, root) and hmac.compare_digest(new, size_root)


def _is_subtree(start: int, end: int) -> bool:
    """Whether some tree has a node over the leaves [start, end)."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _split(count: int) -> int:
    """Largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
