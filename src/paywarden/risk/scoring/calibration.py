"""From a raw score to a probability: prior shift, then a monotone map held as arrays.

Guards: the map is monotone, so it never changes a ranking by more than ties; it is two arrays of
numbers, applied by bisection, the same in numpy and for one value. Order: the odds of a model that
was fitted on a sample of genuine payments are set right (Elkan 2001, theorem 2); then isotonic
regression by pooling adjacent violators (Ayer 1955), or with fewer than 1,000 frauds Platt's
sigmoid (Platt 1999, with his smoothed targets) on the logit. Fitted on days after training.
Shapes: n payments, q knots.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest

Array = npt.NDArray[np.float64]
LEAST_FOR_ISOTONIC = 1_000
MAX_KNOTS = 512
IDENTITY = "identity"
_EDGE = 1e-9
_STEPS = 100
_LEAST_SHARE = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """`kept`: share of genuine payments that training saw. Knots: logits rising, probabilities.

    Between two knots the probability is interpolated over the logit, outside it is the end's.
    Without knots (method IDENTITY) a score is its own probability.
    """

    kept: float
    method: str
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]

    def one(self, raw: float) -> float:
        """Probability of one raw score (the model's output in 0..1)."""
        if not self.logits:
            return raw
        logit = _logit(raw) + math.log(self.kept)
        place = bisect_right(self.logits, logit)
        if place == 0:
            return self.probabilities[0]
        if place == len(self.logits):
            return self.probabilities[-1]
        low, high = self.logits[place - 1], self.logits[place]
        share = (logit - low) / (high - low)
        first, second = self.probabilities[place - 1], self.probabilities[place]
        return first + share * (second - first)

    def many(self, raw: Array) -> Array:
        """The same for many, shape [n]: each value is exactly that of `one`."""
        distinct, which = np.unique(raw, return_inverse=True)
        return np.array([self.one(value) for value in distinct.tolist()], np.float64)[which]

    def document(self) -> dict[str, Any]:
        """Plain data for the artefact."""
        return {
            "kept": self.kept,
            "method": self.method,
            "logits": list(self.logits),
            "probabilities": list(self.probabilities),
        }


def read_calibration(document: Mapping[str, Any]) -> Calibration:
    """Inverse of `document`. Errors: InvalidRequest `calibration_invalid`."""
    try:
        logits = tuple(float(value) for value in document["logits"])
        held = tuple(float(value) for value in document["probabilities"])
        found = Calibration(float(document["kept"]), str(document["method"]), logits, held)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest("calibration_invalid", "the calibration is damaged") from error
    rising = all(a < b for a, b in pairwise(logits))
    inside = all(0 <= p <= 1 for p in held) and list(held) == sorted(held)
    fits = len(logits) == len(held) and bool(logits) != (found.method == IDENTITY)
    if not (rising and inside and fits and 0 < found.kept <= 1):
        raise InvalidRequest("calibration_invalid", "the calibration is damaged")
    return found


def fit_calibration(raw: Array, fraud: npt.NDArray[np.bool_], kept: float) -> Calibration:
    """Fit on validation payments that training never saw. Errors: `one_class`."""
    if not fraud.any() or fraud.all():
        detail = "the validation days hold one class only; give more days"
        raise InvalidRequest("one_class", detail)
    clipped = np.clip(raw, _EDGE, 1 - _EDGE)
    logits = np.log(clipped / (1 - clipped)) + math.log(kept)
    if int(fraud.sum()) < LEAST_FOR_ISOTONIC:
        return _platt(logits, fraud, kept)
    return _isotonic(logits, fraud, kept)


def _logit(raw: float) -> float:
    clipped = min(max(raw, _EDGE), 1 - _EDGE)
    return math.log(clipped / (1 - clipped))


def _isotonic(logits: Array, fraud: npt.NDArray[np.bool_], kept: float) -> Calibration:
    order = np.argsort(logits, kind="stable")
    x, y = logits[order], fraud[order].astype(np.float64)
    sums: list[float] = []
    sizes: list[int] = []
    for value in y.tolist():
        sums.append(value)
        sizes.append(1)
        while len(sums) > 1 and sums[-2] * sizes[-1] >= sums[-1] * sizes[-2]:
            total, size = sums.pop(), sizes.pop()
            sums[-1] += total
            sizes[-1] += size
    ends = np.cumsum(sizes)
    starts = ends - np.array(sizes)
    centres = [float(x[a:b].mean()) for a, b in zip(starts, ends, strict=True)]
    # a group of frauds alone is not certainty: one more payment of each class is assumed
    held = [(s + y.mean()) / (n + 1) for s, n in zip(sums, sizes, strict=True)]
    return _knots(centres, np.maximum.accumulate(held).tolist(), kept, "isotonic")


def _platt(logits: Array, fraud: npt.NDArray[np.bool_], kept: float) -> Calibration:
    positive, negative = int(fraud.sum()), int((~fraud).sum())
    target = np.where(fraud, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, offset = _newton(logits, target)
    slope = max(slope, 1e-3)
    grid = np.linspace(float(logits.min()) - 1, float(logits.max()) + 1, 256)
    held = 1 / (1 + np.exp(-(slope * grid + offset)))
    return _knots(grid.tolist(), held.tolist(), kept, "platt")


def _newton(logits: Array, target: Array) -> tuple[float, float]:
    """Slope and offset of least log loss. Each step is halved until the loss falls: where classes
    hardly overlap a whole step goes too far, and the sigmoid would become a cliff of 0 and 1."""
    at = np.array([1.0, 0.0])
    loss = _log_loss(logits, target, at)
    for _ in range(_STEPS):
        gradient, hessian = _slopes(logits, target, at)
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        share, fall = 1.0, 1e-4 * float(gradient @ step)
        while (tried := _log_loss(logits, target, at - share * step)) > loss - share * fall:
            share /= 2
            if share < _LEAST_SHARE:
                return float(at[0]), float(at[1])
        at, loss = at - share * step, tried
        if float(np.abs(share * step).max()) < 1e-10:
            break
    return float(at[0]), float(at[1])


def _log_loss(logits: Array, target: Array, at: Array) -> float:
    z = at[0] * logits + at[1]
    return float((np.logaddexp(0.0, z) - target * z).sum())


def _slopes(logits: Array, target: Array, at: Array) -> tuple[Array, Array]:
    """First and second derivatives of the loss."""
    p = np.exp(-np.logaddexp(0.0, -(at[0] * logits + at[1])))
    weight = p * (1 - p) + 1e-12
    mixed = float((weight * logits).sum())
    gradient = np.array([((p - target) * logits).sum(), (p - target).sum()])
    return gradient, np.array([[(weight * logits * logits).sum(), mixed], [mixed, weight.sum()]])


def _knots(x: list[float], p: list[float], kept: float, method: str) -> Calibration:
    """At most MAX_KNOTS knots with strictly rising logits."""
    picked = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_KNOTS)).round().astype(int))
    logits: list[float] = []
    held: list[float] = []
    for place in picked.tolist():
        if logits and x[place] <= logits[-1]:
            held[-1] = p[place]
        else:
            logits.append(x[place])
            held.append(p[place])
    return Calibration(kept, method, tuple(logits), tuple(held))
