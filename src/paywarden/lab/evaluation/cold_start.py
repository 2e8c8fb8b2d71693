"""What could be found on the first day, before any label: the anomaly score on the judged days.

Guards: fitted on training rows without looking at their labels, over inputs that no label made:
none that counts reports, no text (its numbers come from labels). Judged on at most MOST payments,
evenly taken. The score is for a review quota; the shares are those of a quota of 0.1 % and 1 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.lab.training.collecting import Dataset
from paywarden.lab.training.fitting import Reading
from paywarden.risk.scoring.anomaly import LEAST_ROWS, fit_anomaly
from paywarden.risk.scoring.metrics import auc

MOST = 40_000
_LABEL_WORDS = ("event.verdict", 'event.kind == "label"')


def cold_start(
    reading: Reading,
    dataset: Dataset,
    training: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    fraud: npt.NDArray[np.bool_],
) -> dict[str, Any] | None:
    """AUC and shares of fraud in the highest payments; None where no input is left."""
    free = [
        place
        for place, one in zip(reading.places.tolist(), reading.inputs, strict=True)
        if one.name not in reading.categories and not any(w in one.text for w in _LABEL_WORDS)
    ]
    step = max(1, len(places) // MOST)
    chosen, bad = places[::step], fraud[::step]
    if not free or len(training) < LEAST_ROWS or not bad.any() or bad.all():
        return None
    names = [dataset.inputs[place].name for place in free]
    forest = fit_anomaly(dataset.matrix[training][:, free], names)
    scores = forest.many(dataset.matrix[chosen][:, free])
    order = np.argsort(-scores, kind="stable")
    return {
        "inputs": len(free),
        "payments": len(chosen),
        "auc": auc(scores, bad),
        "in_top_01": float(bad[order[: max(1, len(order) // 1_000)]].sum() / bad.sum()),
        "in_top_1": float(bad[order[: max(1, len(order) // 100)]].sum() / bad.sum()),
    }
