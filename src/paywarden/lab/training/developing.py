"""From a material to a judged model: split, one pass, fit, calibration, thresholds, scores.

Guards: training and evaluation take this one way, so a model is judged as it would be made. Each
stage reads only its own days (`splitting.py`). Shapes: n payments, m rows of the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.lab.deciding import Progress
from paywarden.lab.labels import FRAUD, UNKNOWN
from paywarden.lab.training.dataset import Dataset, Material, build
from paywarden.lab.training.fitting import Fitted, Settings, calibrated, fit, sample_of
from paywarden.lab.training.splitting import Split
from paywarden.risk.scoring.artefact import Artefact, Operating
from paywarden.risk.scoring.calibration import Calibration
from paywarden.risk.scoring.drift import SCORE, reference_of
from paywarden.risk.scoring.operating import Costs, choose
from paywarden.risk.scoring.recipe import Input

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DECLINE_BUDGET = 0.002


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make. `budget`: share of genuine payments that may be challenged."""

    split: Split
    delay_us: int
    budget: float = 0.01
    settings: Settings = field(default_factory=Settings)
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, slots=True)
class Developed:
    """A fitted, calibrated model with its thresholds, and the set that it came from."""

    plan: Plan
    dataset: Dataset
    fitted: Fitted
    calibration: Calibration
    operating: Operating

    def rows_in(self, material: Material, chosen: Bools) -> npt.NDArray[np.int64]:
        """Places in the set of the labelled payments that are `chosen`, [n] to places."""
        known = chosen & (material.prepared.marks != UNKNOWN)
        return np.flatnonzero(known[self.dataset.rows])

    def probabilities(self, places: npt.NDArray[np.int64]) -> Array:
        """Calibrated probabilities of rows of the set."""
        return self.calibration.many(self.raw(places))

    def raw(self, places: npt.NDArray[np.int64]) -> Array:
        """Raw scores of rows of the set."""
        rows = self.fitted.reading.rows(self.dataset.matrix[places], self.dataset.dictionaries)
        return self.fitted.raw(rows)

    def artefact(self, material: Material) -> Artefact:
        """What is kept and served."""
        split, time_us = self.plan.split, material.prepared.table.time_us
        places = self.rows_in(material, split.training(time_us))
        later = self.rows_in(material, split.validation(time_us))  # a fit flatters its own rows
        scores = self.probabilities(later).astype(np.float32)[:, np.newaxis]
        reading = self.fitted.reading
        rows = reading.rows(self.dataset.matrix[places], self.dataset.dictionaries)
        return Artefact(
            self.fitted.text,
            self.fitted.booster.num_trees(),
            reading.inputs,
            reading.categories,
            self.calibration,
            self.operating,
            material.policy.base_currency,
            reference_of(rows, [one.name for one in reading.inputs])
            | reference_of(scores, [SCORE]),
        )


def collect(
    material: Material, inputs: Sequence[Input], plan: Plan, progress: Progress
) -> tuple[Dataset, float]:
    """The set of a plan and the share of genuine training rows in it.

    From the first validation day on it holds every payment, labelled or not.
    """
    marks, time_us = material.reported_marks, material.prepared.table.time_us
    split, known = plan.split, marks != UNKNOWN
    training = split.training(time_us) & known
    numbers = material.prepared.table.rows
    sampled, share = sample_of(marks == FRAUD, training, numbers, plan.settings)
    later = time_us >= split.validation_us
    return build(material, inputs, plan.delay_us, sampled | later, progress), share


def develop(material: Material, dataset: Dataset, share: float, plan: Plan) -> Developed:
    """Fit, calibrate and set thresholds. Errors: InvalidRequest `one_class`, ..."""
    marks, time_us = material.reported_marks, material.prepared.table.time_us
    fraud = (marks == FRAUD)[dataset.rows]
    split = plan.split
    training = np.flatnonzero(split.training(time_us)[dataset.rows])
    fitted = fit(
        dataset.inputs,
        dataset.matrix[training],
        fraud[training],
        share,
        dataset.dictionaries,
        plan.settings,
    )
    known = (marks != UNKNOWN)[dataset.rows]
    validation = np.flatnonzero(split.validation(time_us)[dataset.rows] & known)
    if not len(validation) or not fraud[validation].any() or fraud[validation].all():
        detail = "the validation days hold one class only; give more of them"
        raise InvalidRequest("one_class", detail)
    rows = fitted.reading.rows(dataset.matrix[validation], dataset.dictionaries)
    raw = fitted.raw(rows)
    calibration = calibrated(fitted, raw, fraud[validation])
    value = values_of(material)[dataset.rows[validation]]
    operating = choose(
        calibration.many(raw), fraud[validation], value, plan.budget, DECLINE_BUDGET, plan.costs
    )
    return Developed(plan, dataset, fitted, calibration, operating)


def values_of(material: Material) -> Array:
    """Value of each payment in minor units of one currency, [n]; 0 where it has none there."""
    columns = material.prepared.table.columns
    codes = columns.get("payment.currency")
    one = codes is not None and len(codes.dictionary) == 1
    amounts = columns.get("payment.amount_minor" if one else "payment.amount_base_minor")
    if amounts is None:
        return np.zeros(len(material.prepared.marks))
    return np.where(amounts.present(), amounts.data, 0).astype(np.float64)
