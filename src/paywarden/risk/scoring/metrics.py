"""Measures of a score against labels: ranking, calibration, shares at a budget.

Guards: ties are counted, never broken by order; a measure that is not defined (one class only) is
NaN, never a guess. Shapes: n payments; `score` float64 [n], `fraud` bool [n].
Sources: Fawcett 2006 (ROC), Davis and Goadrich 2006 (precision-recall), Brier 1950.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def auc(score: Scores, fraud: Bools) -> float:
    """Area under the ROC curve: chance that a fraud ranks above a genuine payment, ties half."""
    bad, good = _steps(score, fraud)
    if not bad.sum() or not good.sum():
        return float("nan")
    above = np.cumsum(bad) - bad / 2
    return float((good * above).sum() / (bad.sum() * good.sum()))


def average_precision(score: Scores, fraud: Bools) -> float:
    """Mean precision over the frauds, by falling score; ties take their common precision."""
    bad, good = _steps(score, fraud)
    if not bad.sum():
        return float("nan")
    caught = np.cumsum(bad)
    return float((bad * caught / (caught + np.cumsum(good))).sum() / bad.sum())


def recall_at(score: Scores, fraud: Bools, rate: float, weight: Scores | None = None) -> float:
    """Share of fraud (by `weight`) from the lowest threshold on that hits at most `rate`."""
    if not fraud.any() or fraud.all():
        return float("nan")
    chosen = fraud & (score >= threshold_at(score[~fraud], rate))
    held = np.ones(len(score)) if weight is None else weight
    return float(held[chosen].sum() / held[fraud].sum())


def threshold_at(genuine: Scores, rate: float) -> float:
    """Lowest threshold (score >= threshold) that hits at most `rate` of the genuine scores."""
    if not len(genuine):
        return float("inf")
    falling = np.sort(genuine)[::-1]
    allowed = int(np.floor(rate * len(falling)))
    if allowed >= len(falling):
        return float(falling[-1])
    # all scores strictly above the first that may not be hit
    return float(np.nextafter(falling[allowed], np.inf))


def brier(p: Scores, fraud: Bools) -> float:
    """Mean squared error of a probability."""
    return float(np.mean((p - fraud) ** 2)) if len(p) else float("nan")


def deciles(p: Scores, fraud: Bools, parts: int = 10) -> list[dict[str, float]]:
    """Mean probability and observed share in groups of equal size, from lowest to highest."""
    order = np.argsort(p, kind="stable")
    found = []
    for group in np.array_split(order, parts):
        if len(group):
            found.append(
                {
                    "payments": len(group),
                    "predicted": float(p[group].mean()),
                    "observed": float(fraud[group].mean()),
                }
            )
    return found


def calibration_error(p: Scores, fraud: Bools, parts: int = 10) -> float:
    """Expected calibration error over groups of equal size."""
    groups = deciles(p, fraud, parts)
    total = sum(group["payments"] for group in groups)
    if not total:
        return float("nan")
    gaps = [abs(g["predicted"] - g["observed"]) * g["payments"] for g in groups]
    return float(sum(gaps) / total)


def _steps(score: Scores, fraud: Bools) -> tuple[Scores, Scores]:
    """Frauds and genuine payments per distinct score, by falling score."""
    _, which = np.unique(-score, return_inverse=True)
    size = int(which.max()) + 1 if len(which) else 0
    bad = np.bincount(which[fraud], minlength=size).astype(np.float64)
    good = np.bincount(which[~fraud], minlength=size).astype(np.float64)
    return bad, good


def ranked(lengths: Scores, bad: Bools) -> dict[str, float]:
    """How well short paths name what is bad: AUC, and its share among the most unlike."""
    order = np.argsort(lengths, kind="stable")
    return {
        "auc": auc(-lengths, bad),
        "in_top_01": float(bad[order[: max(1, len(order) // 1_000)]].sum() / bad.sum()),
        "in_top_1": float(bad[order[: max(1, len(order) // 100)]].sum() / bad.sum()),
    }
