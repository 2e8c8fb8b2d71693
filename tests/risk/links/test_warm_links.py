"""Warming leaves links as they were, whatever they hold already."""

from __future__ import annotations

import numpy as np

from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX
from paywarden.risk.features.observation import Observation
from paywarden.risk.links.store import Links


def seen(seq: int) -> Observation:
    values: list[int | str | None] = [0 if f.storage == "hash" else None for f in OBSERVED]
    values[OBSERVED_INDEX["event.kind"]] = "payment"
    keys = tuple(seq * 100 + place for place in range(len(KEY_KINDS)))
    return Observation(seq, seq, seq, keys, tuple(values), seq)


def test_warming_counts_nothing() -> None:
    links = Links()
    for seq in range(1, 5):
        links.add(seen(seq))
    before = [np.copy(array) for array in (*links._older.arrays, *links._younger.arrays)]
    keys = seen(2).keys
    known = links.fields(keys, 5)
    links.warm()
    after = (*links._older.arrays, *links._younger.arrays)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert links.fields(keys, 5) == known
    assert known["link.component_size"] > 1
