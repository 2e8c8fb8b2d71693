"""Drift: whether what a model sees still looks like what it was trained on.

Guards: the reference is part of the signed artefact: bin edges at quantiles of the training rows,
the share of rows in each bin and of missing ones. Compared are, per input: the population stability
index over the bins and missing (0.1 watch, 0.25 act), the Kolmogorov-Smirnov distance over the bin
edges, the change of the share of missing values, and the share of values outside the range seen;
for texts that share is of categories never seen. A sample below LEAST rows gives no verdict.
Shapes: n rows, k inputs. Source: Siddiqi 2006 (PSI); bins of no rows count 1e-4 on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.scoring.inputs import Floats

BINS = 10
LEAST = 100
WATCH, ACT = 0.1, 0.25
NULL_JUMP = 0.1
SCORE = "model.p"
"""Name of the calibrated probability beside the inputs, whose names have no dot."""
_EMPTY = 1e-4
_SAMPLE = 200_000


@dataclass(frozen=True, slots=True)
class Drift:
    """One input (or the score): see the module. `verdict`: steady, watch, act or too_few."""

    name: str
    psi: float
    ks: float
    missing: float
    missing_before: float
    outside: float
    verdict: str

    def document(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def reference_of(matrix: Floats, names: Sequence[str]) -> dict[str, Any]:
    """Reference by input name: `edges`, `shares` (bins, then missing), `low`, `high`."""
    step = max(1, len(matrix) // _SAMPLE)
    sample = matrix[::step]
    return {name: _reference(sample[:, place]) for place, name in enumerate(names)}


def _reference(column: Floats) -> dict[str, Any]:
    known = column[~np.isnan(column)].astype(np.float64)
    if not len(known):
        return {"edges": [], "shares": [0.0, 1.0], "low": None, "high": None}
    quantiles = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")
    edges = np.unique(quantiles)
    return {
        "edges": edges.tolist(),
        "shares": _shares(column, edges).tolist(),
        "low": float(known.min()),
        "high": float(known.max()),
    }


def _shares(column: Floats, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of rows per bin (value <= edge), the last one of missing values."""
    missing = np.isnan(column)
    places = np.searchsorted(edges, column[~missing], side="left")
    counts = np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
    return np.array([*counts, float(missing.sum())]) / max(len(column), 1)


def compare(reference: Mapping[str, Any], matrix: Floats, names: Sequence[str]) -> list[Drift]:
    """Drift of every input that the reference knows, greatest PSI first."""
    found = [
        drift_of(name, reference[name], matrix[:, place])
        for place, name in enumerate(names)
        if name in reference
    ]
    return sorted(found, key=lambda one: (-one.psi, one.name))


def drift_of(name: str, before: Mapping[str, Any], column: Floats) -> Drift:
    """Drift of one input."""
    edges = np.array(before["edges"], np.float64)
    old, new = np.array(before["shares"], np.float64), _shares(column, edges)
    psi = float(((safe(new) - safe(old)) * np.log(safe(new) / safe(old))).sum())
    gap = np.cumsum(_normal(new[:-1])) - np.cumsum(_normal(old[:-1]))
    ks = float(np.abs(gap).max(initial=0.0))
    known = column[~np.isnan(column)]
    low, high = before["low"], before["high"]
    outside = 0.0
    if len(known) and low is not None:
        outside = float(((known < low) | (known > high)).mean())
    jump = abs(float(new[-1] - old[-1]))
    verdict = _verdict(len(column), psi, jump)
    return Drift(name, psi, ks, float(new[-1]), float(old[-1]), outside, verdict)


def safe(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares without zeros, so that their logarithms exist."""
    return np.maximum(shares, _EMPTY)


def _normal(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = float(shares.sum())
    return shares / total if total else shares


def _verdict(rows: int, psi: float, jump: float) -> str:
    if rows < LEAST:
        return "too_few"
    if psi >= ACT or jump >= NULL_JUMP:
        return "act"
    return "watch" if psi >= WATCH else "steady"
