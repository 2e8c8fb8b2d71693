"""Intervals by a bootstrap over customers: how far a figure could differ by chance.

Guards: payments of one customer are no independent draws, so whole customers are drawn (Poisson
weights, which is resampling with replacement without the fixed total). The seed is given, so a
report is the same tomorrow. Figures are ratios of sums, taken per replicate; the interval is the
2.5th to 97.5th percentile. Replicates come in turns, so that memory is bounded.
Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapters 8 and 13.
Shapes: c customers, b replicates.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.result import Interval

Sums = npt.NDArray[np.float64]
_TURN_OCTETS = 96 << 20
_STEP = 65_536
_LOW, _HIGH = 2.5, 97.5


class Bootstrap:
    """Weights of customers, turn by turn; every turn is a `Turn`."""

    def __init__(self, customers: int, replicates: int, seed: int) -> None:
        self._customers = customers
        self._replicates = replicates
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._table = _poisson_table()

    def __iter__(self) -> Bootstrap:
        self._left = self._replicates
        return self

    def __next__(self) -> Turn:
        if self._left <= 0:
            raise StopIteration
        width = max(1, min(self._left, _TURN_OCTETS // max(1, self._customers)))
        self._left -= width
        drawn = self._random.integers(0, 1 << 16, (self._customers, width), np.uint16)
        return Turn(self._table[drawn])


class Turn:
    """Some replicates at once; `weights`: uint8 [c, b]."""

    def __init__(self, weights: npt.NDArray[np.uint8]) -> None:
        self._weights = weights

    def count(self, customers: npt.NDArray[np.int64]) -> Sums:
        """Payments per replicate, [b]; `customers`: of each payment."""
        return np.asarray(self._weights[customers].sum(axis=0, dtype=np.float64))

    def total(self, customers: npt.NDArray[np.int64], value: npt.NDArray[np.int64]) -> Sums:
        """Value per replicate, [b]."""
        return np.asarray(value.astype(np.float64) @ self._weights[customers])

    def per_customer(self, sums: Sums) -> Sums:
        """Weighted sum of what each customer has, [c] to [b]; most customers may have nothing."""
        some = np.flatnonzero(sums)
        found = np.zeros(self._weights.shape[1])
        for start in range(0, len(some), _STEP):
            part = some[start : start + _STEP]
            found += sums[part] @ self._weights[part]
        return found


def interval(parts: list[Sums], wholes: list[Sums]) -> Interval | None:
    """Percentile interval of part/whole over all turns; None where it is hardly ever defined."""
    part, whole = np.concatenate(parts), np.concatenate(wholes)
    good = whole > 0
    if int(good.sum()) < max(20, len(whole) // 2):
        return None
    low, high = np.percentile(part[good] / whole[good], [_LOW, _HIGH])
    return float(low), float(high)


def _poisson_table() -> npt.NDArray[np.uint8]:
    """Poisson(1) weight by a uniform 16-bit number; masses are right to 2**-16."""
    edges, below = [], 0.0
    for k in range(9):
        below += math.exp(-1) / math.factorial(k)
        edges.append(round(below * 65_536))
    return np.searchsorted(np.array(edges), np.arange(65_536), side="right").astype(np.uint8)
