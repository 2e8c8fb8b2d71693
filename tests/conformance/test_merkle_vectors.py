"""Published proofs of transparency-dev/merkle, good and spoiled, from the evaluation folder."""

import base64
import gzip
import json

import pytest

from paywarden.evidence.tree import (
    EMPTY_ROOT,
    consistent,
    includes,
    subtree_consistent,
    subtree_includes,
)


def cases(folder):
    path = folder / "vectors" / "merkle_proofs.json.gz"
    if not path.exists():
        pytest.skip("the folder of evaluation data has no vectors/merkle_proofs.json.gz")
    return json.loads(gzip.decompress(path.read_bytes()))


def octets(text):
    return base64.b64decode(text) if text else b""


def test_every_published_case(data_folder):
    found = cases(data_folder)
    assert len(found) == 518
    wrong = [name for name, case in found.items() if verdict(case) == case["wantErr"]]
    assert wrong == []
    assert {case["wantErr"] for case in found.values()} == {True, False}


def verdict(case):
    proof = [octets(text) for text in case["proof"] or []]
    roots = [octets(case.get(name)) for name in ("root", "root1", "root2")]
    if "treeSize" in case:
        leaf = octets(case["leafHash"])
        return includes(leaf, case["leafIdx"], case["treeSize"], proof, roots[0])
    if "leafIdx" in case:
        leaf, start, end = octets(case["leafHash"]), case["start"], case["end"]
        return subtree_includes(leaf, case["leafIdx"], start, end, proof, roots[0])
    if "start" in case:
        start, end = case["start"], case["end"]
        return subtree_consistent(start, end, roots[1], case["size"], roots[2], proof)
    return consistent(case["size1"], roots[1], case["size2"], roots[2], proof)


def test_the_empty_tree_is_the_hash_of_nothing():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
