"""Keys of labels in blocks of arrays equal a dictionary of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from paywarden.risk.features import label_keys
from paywarden.risk.features.label_keys import LabelKeys
from paywarden.risk.features.observation import KEY_COUNT


@pytest.mark.parametrize("seed", range(4))
def test_labels_equal_a_dictionary(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(label_keys, "BLOCK", 5)
    rnd = random.Random(seed)
    labels, plain, seq = LabelKeys(), dict[int, tuple[int, ...]](), 0
    for _ in range(600):
        act = rnd.random()
        if act < 0.3:
            seq += rnd.choice([1, 1, 7])
            keys = tuple(rnd.choice([0, 1, 2**64 - 1]) for _ in range(KEY_COUNT))
            labels.add(seq, keys)
            plain[seq] = keys
        elif act < 0.5:
            rows = {seq + 1 + n: (n, *[2**63] * (KEY_COUNT - 1)) for n in range(rnd.randrange(13))}
            seqs = np.array(list(rows), np.int64)
            labels.extend(seqs, np.array(list(rows.values()), np.uint64).reshape(-1, KEY_COUNT))
            plain |= rows
            seq = max(plain, default=seq)
        else:
            some = rnd.choice([*plain, rnd.randrange(seq + 3)])
            assert labels.take(some) == plain.pop(some, None)
        seq = max([seq, *plain])
        assert len(labels) == len(plain)
    seqs, words = labels.arrays()
    assert seqs.tolist() == list(plain) and list(map(tuple, words.tolist())) == list(plain.values())
    again = LabelKeys()
    again.extend(seqs, words)
    assert [again.take(one) for one in list(plain)] == list(plain.values())
    assert len(again) == 0 and again.arrays()[1].shape == (0, KEY_COUNT)


def test_labels_that_are_all_taken_back_leave_nothing() -> None:
    labels = LabelKeys()
    for seq in range(1, 10_000):
        labels.add(seq, (seq,) * KEY_COUNT)
        assert labels.take(seq) == (seq,) * KEY_COUNT
    assert len(labels._blocks) == len(labels._firsts) == 0
