"""How unlike other payments a payment is, without labels: an isolation forest as plain arrays.

For the days before there are labels: a score for a review quota (the highest 0.1 %, say), never for
a decline. Guards: text and numbers only, never pickle; deterministic by seed; missing values go to
the left at every cut. A cut is drawn between the values that the node's own sample holds, so unlike
payments are set apart after few cuts. Depth is bounded, so is the time of one payment.
Source: Liu, Ting, Zhou 2008, Isolation Forest. Shapes: m rows, k inputs, t trees, 2**d - 1 nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.inputs import Floats

TREES, SAMPLE, DEPTH = 100, 256, 8
LEAST_ROWS = 32
NODES = 2**DEPTH - 1
_EULER = 0.5772156649015329

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AnomalyForest:
    """`asked` int32 and `cuts` float32 [t, nodes]: input and cut of each node, input -1 where a
    path ends. `lengths` float64 [t, 2 * nodes + 1]: expected path length where it ends there."""

    names: tuple[str, ...]
    asked: npt.NDArray[np.int32]
    cuts: Floats
    lengths: Array
    normal: float

    def many(self, rows: Floats) -> Array:
        """Scores of rows in 0..1, the higher the more unlike, [m]."""
        total = np.zeros(len(rows))
        every = np.arange(len(rows))
        for tree in range(len(self.asked)):
            node = np.zeros(len(rows), np.int64)
            for _ in range(DEPTH):
                inner = node < NODES
                asked = np.where(inner, self.asked[tree, np.minimum(node, NODES - 1)], -1)
                cut = self.cuts[tree, np.minimum(node, NODES - 1)]
                right = rows[every, np.maximum(asked, 0)] > cut
                node = np.where(asked >= 0, 2 * node + 1 + right, node)
            total += self.lengths[tree, node]
        return np.asarray(2.0 ** (-total / len(self.asked) / self.normal))

    def one(self, row: Sequence[float]) -> float:
        """Score of one row: exactly that of `many`."""
        return float(self.many(np.array([row], np.float32))[0])

    def document(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "names": list(self.names),
            "asked": self.asked.tolist(),
            "cuts": self.cuts.astype(np.float64).tolist(),
            "lengths": self.lengths.tolist(),
            "normal": self.normal,
        }


def read_anomaly(document: Mapping[str, Any]) -> AnomalyForest:
    """Inverse of `document`. Errors: InvalidRequest `anomaly_invalid`."""
    try:
        found = AnomalyForest(
            tuple(map(str, document["names"])),
            np.array(document["asked"], np.int32),
            np.array(document["cuts"], np.float32),
            np.array(document["lengths"], np.float64),
            float(document["normal"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest("anomaly_invalid", "the anomaly score is damaged") from error
    trees = len(found.asked)
    shapes = (found.asked.shape, found.cuts.shape, found.lengths.shape)
    good = shapes == ((trees, NODES), (trees, NODES), (trees, 2 * NODES + 1)) and trees > 0
    if not (good and found.normal > 0 and (found.asked < len(found.names)).all()):
        raise InvalidRequest("anomaly_invalid", "the anomaly score is damaged")
    return found


def fit_anomaly(rows: Floats, names: Sequence[str], seed: int = 7) -> AnomalyForest:
    """Fit on rows as they come. Errors: InvalidRequest `too_few_rows`."""
    if len(rows) < LEAST_ROWS:
        detail = f"{len(rows)} rows; at least {LEAST_ROWS} are needed"
        raise InvalidRequest("too_few_rows", detail)
    draw = np.random.Generator(np.random.PCG64(seed))
    size = min(SAMPLE, len(rows))
    asked = np.full((TREES, NODES), -1, np.int32)
    cuts = np.zeros((TREES, NODES), np.float32)
    lengths = np.zeros((TREES, 2 * NODES + 1))
    for tree in range(TREES):
        sample = rows[draw.choice(len(rows), size, replace=False)]
        _grow(sample, draw, asked[tree], cuts[tree], lengths[tree])
    return AnomalyForest(tuple(names), asked, cuts, lengths, expected_length(size))


def _grow(
    sample: Floats,
    draw: np.random.Generator,
    asked: npt.NDArray[np.int32],
    cuts: Floats,
    lengths: Array,
) -> None:
    waiting = [(0, np.arange(len(sample)))]
    while waiting:
        node, members = waiting.pop()
        depth = (node + 1).bit_length() - 1
        choice = _cut(sample[members], draw) if node < NODES and len(members) > 1 else None
        if choice is None:
            lengths[node] = depth + expected_length(len(members))
            continue
        asked[node], cuts[node] = choice
        right = sample[members, choice[0]] > cuts[node]
        waiting += [(2 * node + 1, members[~right]), (2 * node + 2, members[right])]


def _cut(rows: Floats, draw: np.random.Generator) -> tuple[int, float] | None:
    """An input that differs among the rows and a value between its least and greatest."""
    lowered = np.where(np.isnan(rows), -np.inf, rows)
    low, high = lowered.min(axis=0), lowered.max(axis=0)
    usable = np.flatnonzero(low < high)
    if not len(usable):
        return None
    place = int(draw.choice(usable))
    known = rows[:, place][~np.isnan(rows[:, place])]
    if np.isneginf(low[place]) and draw.random() < 0.5:
        # missing against known: everything that is known lies to the right
        return place, float(np.nextafter(np.float32(known.min()), np.float32(-np.inf)))
    least, most = float(known.min()), float(known.max())
    return place, least + draw.random() * (most - least)


def expected_length(count: int) -> float:
    """Mean path length of an unsuccessful search among `count` rows.

    >>> expected_length(1), expected_length(2)
    (0.0, 1.0)
    """
    if count <= 1:
        return 0.0
    if count == 2:
        return 1.0
    return 2.0 * (math.log(count - 1) + _EULER) - 2.0 * (count - 1) / count
