"""How unlike other payments a payment is, without labels: an isolation forest.

For the days before there are labels: a score for a review quota (the highest 0.1 %, say), never for
a decline by itself. A cut is drawn between the values that the node's own sample holds, so unlike
payments are set apart after few cuts; missing values go to the left at every cut. Depth is bounded,
so is the time of one payment.
Guards: text and numbers only, never pickle; deterministic by seed. The trees are kept as LightGBM
writes trees, each leaf holding its path length, so that they are served, checked and explained by
what serves a model's own trees. What rules read is a share: of the payments that it was measured
on, how many are less unlike. It needs no calibration, and a threshold is a quota.
Source: Liu, Ting, Zhou 2008, Isolation Forest. Shapes: m rows, k inputs.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.forest_text import Node, forest_text
from paywarden.risk.scoring.inputs import Floats
from paywarden.risk.scoring.native import SingleRow
from paywarden.risk.scoring.recipe import Input

TREES, SAMPLE, DEPTH = 100, 256, 8
LEAST_ROWS = 32
KNOTS = 512
LABEL_WORDS = ("event.verdict", 'event.kind == "label"', "link.", "posterior.")
"""What labels fill: reports in windows; links and posteriors, which know who was reported."""
_EULER = 0.5772156649015329

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`trees_text`: path lengths as trees over all inputs of a model; `trees`: how many.

    `lengths`: summed path lengths at `shares`, both rising: the share of payments that are at
    most so long, and so at least so unlike.
    """

    trees_text: str
    trees: int
    lengths: tuple[float, ...]
    shares: tuple[float, ...]

    def share(self, length: float) -> float:
        """Share of payments that are less unlike than one of this summed path length, 0..1."""
        place = bisect_right(self.lengths, length)
        if place == 0:
            return 1.0
        if place == len(self.lengths):
            return 0.0
        low, high = self.lengths[place - 1], self.lengths[place]
        part = (length - low) / (high - low)
        first, second = self.shares[place - 1], self.shares[place]
        return 1.0 - (first + part * (second - first))

    def many(self, rows: Floats) -> Array:
        """Summed path lengths of rows, [m]: the shorter the more unlike."""
        return lengths_of(self.trees_text, self.trees, rows)

    def document(self) -> dict[str, Any]:
        """Plain data, without the trees."""
        return {
            "trees": self.trees,
            "lengths": list(self.lengths),
            "shares": list(self.shares),
        }


def read_anomaly(document: Mapping[str, Any], trees_text: str) -> Anomaly:
    """Inverse of `document`. Errors: InvalidRequest `anomaly_invalid`."""
    try:
        lengths = tuple(float(value) for value in document["lengths"])
        shares = tuple(float(value) for value in document["shares"])
        found = Anomaly(trees_text, int(document["trees"]), lengths, shares)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest("anomaly_invalid", "the anomaly score is damaged") from error
    rising = all(a < b for a, b in pairwise(lengths)) and list(shares) == sorted(shares)
    inside = all(0 <= share <= 1 for share in shares)
    if not (rising and inside and len(lengths) == len(shares) > 0 and found.trees > 0):
        raise InvalidRequest("anomaly_invalid", "the anomaly score is damaged")
    return found


def free_inputs(inputs: Sequence[Input], texts: Collection[str]) -> npt.NDArray[np.bool_]:
    """Inputs that no label made, [k]: none that counts reports, no text (`texts`: their names),
    whose numbers come from labels or stand in no order."""
    return np.array(
        [one.name not in texts and not any(word in one.text for word in LABEL_WORDS)
         for one in inputs],
        np.bool_,
    )  # fmt: skip


def lengths_of(trees_text: str, trees: int, rows: Floats) -> Array:
    """Summed path lengths of rows, [m]."""
    handle = SingleRow(trees_text, rows.shape[1], trees)
    wide = np.ascontiguousarray(rows, np.float32)
    return np.array([handle.output(array("f", row.tobytes())) for row in wide], np.float64)


def fit_anomaly(
    rows: Floats,
    names: Sequence[str],
    free: npt.NDArray[np.bool_],
    measured: Floats,
    seed: int = 7,
) -> Anomaly:
    """Fit on `rows`, over the inputs that are `free` [k] of labels; shares are of `measured`.

    Errors: InvalidRequest `too_few_rows`.
    """
    if min(len(rows), len(measured)) < LEAST_ROWS:
        detail = f"{min(len(rows), len(measured))} rows; at least {LEAST_ROWS} are needed"
        raise InvalidRequest("too_few_rows", detail)
    seen = np.where(free, rows, np.float32(np.nan))
    draw = np.random.Generator(np.random.PCG64(seed))
    size = min(SAMPLE, len(rows))
    trees = []
    for _ in range(TREES):
        sample = seen[draw.choice(len(seen), size, replace=False)]
        trees.append(_grown(sample, np.arange(size), 0, draw))
    text = forest_text(trees, names)
    lengths, shares = _knots(lengths_of(text, TREES, measured))
    return Anomaly(text, TREES, lengths, shares)


def _knots(lengths: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Lengths and the share of payments at most so long; every payment of the unlike end."""
    distinct, counts = np.unique(lengths, return_counts=True)
    shares = np.cumsum(counts) / len(lengths)
    picked = np.arange(len(distinct))
    if len(distinct) > 2 * KNOTS:
        rest = np.linspace(KNOTS, len(distinct) - 1, KNOTS).round().astype(int)
        picked = np.unique(np.concatenate([np.arange(KNOTS), rest]))
    return tuple(distinct[picked].tolist()), tuple(shares[picked].tolist())


def _grown(
    sample: Floats, members: npt.NDArray[np.int64], depth: int, draw: np.random.Generator
) -> Node:
    rows = sample[members]
    choice = _cut(rows, draw) if depth < DEPTH and len(members) > 1 else None
    if choice is None:
        return Node(len(members), value=depth + expected_length(len(members)))
    place, cut = choice
    right = rows[:, place] > cut
    return Node(
        len(members),
        place,
        cut,
        _grown(sample, members[~right], depth + 1, draw),
        _grown(sample, members[right], depth + 1, draw),
    )


def _cut(rows: Floats, draw: np.random.Generator) -> tuple[int, float] | None:
    """An input that differs among the rows and a value between its least and greatest."""
    lowered = np.where(np.isnan(rows), -np.inf, rows)
    low, high = lowered.min(axis=0), lowered.max(axis=0)
    usable = np.flatnonzero(low < high)
    if not len(usable):
        return None
    place = int(draw.choice(usable))
    known = rows[:, place][~np.isnan(rows[:, place])]
    if np.isneginf(low[place]) and (known.min() == known.max() or draw.random() < 0.5):
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
