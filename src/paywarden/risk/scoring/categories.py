"""Texts as numbers: the categories of an input, ordered by how risky they were in training.

Guards: a text gets its rank among the categories by smoothed share of fraud in the training rows,
so that a tree can cut between calm and risky ones and every split stays a comparison. Texts seen
fewer than LEAST times, beyond the MOST most frequent, or never, are missing: the model does with
them what it learnt for missing. Nothing of validation or test days enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

LEAST = 20
MOST = 500
PRIOR_WEIGHT = 50.0


def fit_codes(
    codes: npt.NDArray[np.float32], fraud: npt.NDArray[np.bool_], texts: Sequence[str]
) -> dict[str, float]:
    """Number by text. `codes` [n]: place of each row's text in `texts`, NaN where missing."""
    known = ~np.isnan(codes)
    where = codes[known].astype(np.int64)
    count = np.bincount(where, minlength=len(texts))
    bad = np.bincount(where, weights=fraud[known], minlength=len(texts))
    base = float(fraud.mean()) if len(fraud) else 0.0
    share = (bad + PRIOR_WEIGHT * base) / (count + PRIOR_WEIGHT)
    frequent = [place for place in np.argsort(-count, kind="stable") if count[place] >= LEAST]
    kept = sorted(frequent[:MOST], key=lambda place: (share[place], texts[place]))
    return {texts[place]: float(rank) for rank, place in enumerate(kept)}


def encoded(
    codes: npt.NDArray[np.float32], texts: Sequence[str], numbers: Mapping[str, float]
) -> npt.NDArray[np.float32]:
    """Numbers of a column of dictionary codes; NaN for missing and for unknown texts, [n]."""
    table = np.array([*(numbers.get(text, np.nan) for text in texts), np.nan], np.float32)
    places = np.where(np.isnan(codes), len(texts), codes).astype(np.int64)
    return table[places]
