"""What could be found on the first day, before any label: the anomaly score on the judged days.

Guards: the score is the one that is kept with the model, fitted on training rows without looking at
their labels, over inputs that no label made. Judged on at most MOST payments, evenly taken. The
score is for a review quota; the shares are those of a quota of 0.1 % and 1 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.lab.training.developing import Developed
from paywarden.lab.training.history import History
from paywarden.risk.scoring.anomaly import free_inputs
from paywarden.risk.scoring.metrics import ranked

MOST = 40_000


def cold_start(
    history: History,
    developed: Developed,
    places: npt.NDArray[np.int64],
    fraud: npt.NDArray[np.bool_],
) -> dict[str, Any] | None:
    """AUC and shares of fraud in the highest payments; None where no input is left."""
    step = max(1, len(places) // MOST)
    chosen, bad = places[::step], fraud[::step]
    anomaly = developed.anomaly(history)
    if anomaly is None or not bad.any() or bad.all():
        return None
    reading = developed.fitted.reading
    lengths = anomaly.many(developed.dataset.matrix[chosen][:, reading.places])
    return {
        "inputs": int(free_inputs(reading.inputs, reading.categories).sum()),
        "payments": len(chosen),
        **ranked(lengths, bad),
    }
