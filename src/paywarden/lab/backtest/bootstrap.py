"""Intervals by a bootstrap over customers: how far a figure could differ by chance.

Guards: payments of one customer are no independent draws, so whole customers are drawn (Poisson
weights, which is resampling with replacement without the fixed total). The seed is given, so a
report is the same tomorrow. Figures are ratios of sums, taken per replicate; the interval is the
2.5th to 97.5th percentile. Replicates come in turns, so that memory is bounded; everything that
wants intervals reads the same turns, so that figures can be compared.
Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapters 8 and 13.
Shapes: c customers, b replicates, r figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.result import Interval

Sums = npt.NDArray[np.float64]
Weights = npt.NDArray[np.uint8]
_TURN_OCTETS = 96 << 20
_STEP = 65_536
_LOW, _HIGH = 0.025, 0.975
_LEAST = 20


class Bootstrap:
    """Weights of customers, turn by turn: uint8 [c, b]."""

    def __init__(self, customers: int, replicates: int, seed: int) -> None:
        self._customers = customers
        self._replicates = replicates
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._table = _poisson_table()

    def __iter__(self) -> Bootstrap:
        self._left = self._replicates
        return self

    def __next__(self) -> Weights:
        if self._left <= 0:
            raise StopIteration
        width = max(1, min(self._left, _TURN_OCTETS // max(1, self._customers)))
        self._left -= width
        drawn = self._random.integers(0, 1 << 16, (self._customers, width), np.uint16)
        return np.asarray(self._table[drawn])


def weighted(sums: Sums, weights: Weights) -> Sums:
    """What each customer has, [k, c], weighted and added up: [k, b]."""
    some = np.flatnonzero(sums.any(axis=0))
    found = np.zeros((len(sums), weights.shape[1]))
    for start in range(0, len(some), _STEP):
        part = some[start : start + _STEP]
        found += sums[:, part] @ weights[part].astype(np.float64)
    return found


def intervals(parts: Sums, wholes: Sums) -> Sequence[Interval | None]:
    """Percentile intervals of part/whole, [r, b] each; None where it is hardly ever defined.

    `wholes` may be [b], the same for every figure.
    """
    wholes = np.broadcast_to(wholes, parts.shape)
    good = wholes > 0
    ratio = np.divide(parts, wholes, out=np.full(parts.shape, np.inf), where=good)
    ratio.sort(axis=1)  # undefined ones come last
    count = good.sum(axis=1)
    low, high = (_percentile(ratio, count, share).tolist() for share in (_LOW, _HIGH))
    least = max(_LEAST, parts.shape[1] // 2)
    told = zip(count.tolist(), low, high, strict=True)
    return [(first, last) if held >= least else None for held, first, last in told]


def _percentile(ordered: Sums, count: npt.NDArray[np.int64], share: float) -> Sums:
    """Between the neighbours of a place among the first `count` of each row, linearly."""
    rows = np.arange(len(ordered))
    place = share * np.maximum(count - 1, 0)
    below = place.astype(np.int64)
    first = ordered[rows, below]
    after = ordered[rows, np.minimum(below + 1, np.maximum(count - 1, 0))]
    with np.errstate(invalid="ignore"):  # a row without any defined ratio is told as None
        return np.asarray(first + (after - first) * (place - below))


def _poisson_table() -> Weights:
    """Poisson(1) weight by a uniform 16-bit number; masses are right to 2**-16."""
    edges, below = [], 0.0
    for k in range(9):
        below += math.exp(-1) / math.factorial(k)
        edges.append(round(below * 65_536))
    return np.searchsorted(np.array(edges), np.arange(65_536), side="right").astype(np.uint8)
