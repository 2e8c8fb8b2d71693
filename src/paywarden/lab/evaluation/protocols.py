"""The protocol of the Fraud Detection Handbook: four folds of train, delay and test weeks.

Guards: compared with published figures, so the protocol is theirs: 7 days of training, 7 of delay,
7 of test; cards known to be compromised when a test day begins are removed from it; measures are
averaged over folds: AUC, average precision, card precision at 100 a day (detected cards leave the
list), recall at a false-positive rate of 1 % (read from the test rows, as theirs). The folds end
with the file and begin a week apart. Inputs are point in time with labels after the delay.
Source: Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection, 2022,
chapters 3.4, 4.2 and 5.2. Shapes: n payments of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.lab.labels import FRAUD, UNKNOWN
from paywarden.lab.training.collecting import Dataset
from paywarden.lab.training.dataset import Material
from paywarden.lab.training.fitting import Settings, fit
from paywarden.risk.scoring.metrics import auc, average_precision, recall_at
from paywarden.risk.scoring.recipe import Input

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FOLDS, WEEK, TOP = 4, 7, 100
COLUMNS = ("auc", "ap", "cp_100", "recall_at_1")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the set: day of each, fraud, customer, value."""

    day: Ints
    fraud: npt.NDArray[np.bool_]
    customer: Ints


def handbook(
    material: Material,
    inputs: Sequence[Input],
    settings: Settings,
    progress: Progress,
    train_days: int = WEEK,
) -> dict[str, Any]:
    """Run the protocol. Errors: InvalidRequest `too_few_days`, `one_class`, ..."""
    time_us = material.prepared.table.time_us
    last = int(time_us[-1]) // DAY_US + 1
    first_train = last - WEEK * (FOLDS - 1) - 2 * WEEK - train_days
    if first_train < int(time_us[0]) // DAY_US:
        detail = f"the protocol needs {last - first_train} days of payments"
        raise InvalidRequest("too_few_days", detail)
    keep = (time_us >= first_train * DAY_US) & (material.prepared.marks != UNKNOWN)
    dataset = material.build(
        inputs, WEEK * DAY_US, keep, lambda done, total: progress("pass 7d", done, total)
    )
    rows = _Rows(
        time_us[dataset.rows] // DAY_US,
        (material.prepared.marks == FRAUD)[dataset.rows],
        _customers(material)[dataset.rows],
    )
    folds = []
    for number in range(FOLDS):
        progress("folds", number, FOLDS)
        test_from = last - WEEK * (FOLDS - number)
        folds.append(_fold(dataset, rows, test_from, train_days, settings))
    progress("folds", FOLDS, FOLDS)
    return {
        "protocol": "handbook",
        "title": f"Handbook protocol: {train_days} days of training, 7 of delay, 7 of test",
        "file": material.mapping.name,
        "columns": list(COLUMNS),
        "folds": folds,
        "mean": {key: float(np.mean([fold[key] for fold in folds])) for key in COLUMNS},
    }


def _fold(
    dataset: Dataset, rows: _Rows, test_from: int, train_days: int, settings: Settings
) -> dict[str, Any]:
    train_to = test_from - WEEK
    training = np.flatnonzero((rows.day >= train_to - train_days) & (rows.day < train_to))
    if not rows.fraud[training].any() or rows.fraud[training].all():
        raise InvalidRequest("one_class", "the training days of a fold hold one class only")
    fitted = fit(
        dataset.inputs,
        dataset.matrix[training],
        rows.fraud[training],
        1.0,
        dataset.dictionaries,
        replace(settings, least_rows=20),
    )
    testing = _not_compromised(rows, train_to - train_days, train_to, test_from)
    read = fitted.reading.rows(dataset.matrix[testing], dataset.dictionaries)
    score, fraud = fitted.raw(read), rows.fraud[testing]
    return {
        "name": str(np.datetime64(test_from, "D")),
        "payments": len(testing),
        "frauds": int(fraud.sum()),
        "auc": auc(score, fraud),
        "ap": average_precision(score, fraud),
        "cp_100": card_precision(score, fraud, rows.customer[testing], rows.day[testing]),
        "recall_at_1": recall_at(score, fraud, 0.01),
    }


def _not_compromised(rows: _Rows, train_from: int, train_to: int, test_from: int) -> Ints:
    """Test rows of cards that were not known to be compromised when their day began."""
    in_training = (rows.day >= train_from) & (rows.day < train_to)
    known = set(rows.customer[in_training & rows.fraud].tolist())
    kept: list[Ints] = []
    for step in range(WEEK):
        # the labels of this day became known since the last test day
        reported = (rows.day == train_to + step - 1) & rows.fraud
        known.update(rows.customer[reported].tolist())
        day = np.flatnonzero(rows.day == test_from + step)
        kept.append(day[~np.isin(rows.customer[day], list(known))])
    return np.concatenate(kept)


def card_precision(
    score: Array, fraud: npt.NDArray[np.bool_], customer: Ints, day: Ints, top: int = TOP
) -> float:
    """Mean over days of the share of compromised cards among the `top` highest ones."""
    detected: set[int] = set()
    found = []
    for one in np.unique(day).tolist():
        best: dict[int, tuple[float, bool]] = {}
        for place in np.flatnonzero(day == one).tolist():
            card = int(customer[place])
            if card in detected:
                continue
            held = best.get(card, (-1.0, False))
            best[card] = (max(held[0], float(score[place])), held[1] or bool(fraud[place]))
        ranked = sorted(best, key=lambda card: (-best[card][0], card))[:top]
        hits = [card for card in ranked if best[card][1]]
        detected.update(hits)
        found.append(len(hits) / top)
    return float(np.mean(found)) if found else float("nan")


def _customers(material: Material) -> Ints:
    for path in ("card.fingerprint", "payer.id"):
        column = material.prepared.table.columns.get(path)
        if column is not None:
            return column.data.astype(np.int64)
    detail = "map card.fingerprint or payer.id"
    raise InvalidRequest("customers_needed", detail, pointer=material.mapping.name)
