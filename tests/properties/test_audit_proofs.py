"""Proofs and roots from tiles against the recursive text of RFC 9162, for every small size."""

from functools import lru_cache

import naive_tree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.evidence.stores.tile_files import TileFiles
from paywarden.evidence.tiles import TileTree
from paywarden.evidence.tree import (
    consistency_proof,
    consistent,
    includes,
    inclusion_proof,
    leaf_hash,
)

SIZES = 600
LEAVES = [str(number).encode() for number in range(SIZES)]


@lru_cache(None)
def root(size):
    return naive_tree.mth(LEAVES[:size])


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    made = TileTree(TileFiles(tmp_path_factory.mktemp("tiles")))
    made.append(map(leaf_hash, LEAVES))
    return made


def test_the_root_of_every_size(tree, tmp_path):
    growing = TileTree(TileFiles(tmp_path))
    assert growing.root() == root(0)
    for size, leaf in enumerate(LEAVES, 1):
        growing.append([leaf_hash(leaf)])
        assert growing.root() == tree.root(size) == root(size)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_inclusion_in_any_tree(tree, data):
    size = data.draw(st.integers(1, SIZES))
    index = data.draw(st.integers(0, size - 1))
    made = inclusion_proof(index, size, tree.node)
    assert made == naive_tree.path(index, LEAVES[:size])
    leaf = leaf_hash(LEAVES[index])
    assert includes(leaf, index, size, made, root(size))
    wrong = data.draw(st.integers(0, size - 1))
    assert includes(leaf, wrong, size, made, root(size)) == (wrong == index)
    assert not includes(leaf, index, size, [*made, leaf], root(size))
    if made:
        assert not includes(leaf, index, size, made[:-1], root(size))
        assert not includes(leaf, index, size, [bytes(32), *made[1:]], root(size))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_consistency_of_any_two(tree, data):
    second = data.draw(st.integers(1, SIZES))
    first = data.draw(st.integers(1, second))
    made = consistency_proof(first, second, tree.node)
    assert made == naive_tree.proof(first, LEAVES[:second])
    assert consistent(first, root(first), second, root(second), made)
    other = leaf_hash(b"another history")
    assert not consistent(first, other, second, root(second), made)
    assert not consistent(first, root(first), second, other, made)
    assert not consistent(first, root(first), second, root(second), [*made, other])
    if made:
        assert not consistent(first, root(first), second, root(second), made[1:])


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 600])
def test_a_stored_tree_is_taken_up_again(tmp_path, size):
    first = TileTree(TileFiles(tmp_path))
    first.append(map(leaf_hash, LEAVES[:size]))
    first.flush()
    again = TileTree(TileFiles(tmp_path))
    assert again.load(size) and again.root() == root(size)
    again.append(map(leaf_hash, LEAVES[size:]))
    assert again.root() == root(SIZES)
    for number in range(0, SIZES, 7):
        made = inclusion_proof(number, SIZES, again.node)
        assert includes(leaf_hash(LEAVES[number]), number, SIZES, made, root(SIZES))


def test_a_missing_tile_is_told(tmp_path):
    tree = TileTree(TileFiles(tmp_path))
    tree.append(map(leaf_hash, LEAVES[:300]))
    assert not TileTree(TileFiles(tmp_path)).load(300)  # never flushed
