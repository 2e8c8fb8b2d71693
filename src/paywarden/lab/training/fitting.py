"""Fitting: LightGBM on a sample of the training rows, and what surrounds its score.

Guards: deterministic (seeds, thread count and row-wise histograms are fixed; the sample is drawn
by a hash of the row, not by a generator whose stream could change); all frauds stay and genuine
rows are sampled, which calibration sets right; inputs with a direction are held monotone.
Calibration comes from validation rows alone. Order: sample, categories, trees, calibration.
Not done here: which rows are training (`splitting.py`), files (`artefact.py`).
Shapes: m rows, k inputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import lightgbm
import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.calibration import Calibration, fit_calibration
from paywarden.risk.scoring.categories import encoded, fit_codes
from paywarden.risk.scoring.inputs import Floats
from paywarden.risk.scoring.recipe import Input

Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]
LEAST_FRAUDS, LEAST_GENUINE = 20, 200
GENUINE_PER_FRAUD = 35
LEAST_SAMPLE = 50_000
_PARAMETERS_LINE = re.compile(r"\nparameters:\n.*?\nend of parameters\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fit. `kept`: most genuine rows per fraud; `seed`: of everything that is drawn."""

    rounds: int = 250
    leaves: int = 24
    rate: float = 0.06
    least_rows: int = 40
    inputs_share: float = 0.5
    smoothing: float = 5.0
    bins: int = 127
    seed: int = 7
    threads: int = 2
    kept: int = GENUINE_PER_FRAUD

    def parameters(self, directions: Sequence[int]) -> dict[str, object]:
        """As LightGBM names them."""
        return {
            "objective": "binary",
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least_rows,
            "feature_fraction": self.inputs_share,
            "lambda_l2": self.smoothing,
            "max_bin": self.bins,
            "monotone_constraints": list(directions),
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """How trees read rows of a set: the inputs that carry something, at `places`, texts encoded."""

    inputs: tuple[Input, ...]
    places: npt.NDArray[np.int64]
    categories: Mapping[str, Mapping[str, float]]

    def rows(self, matrix: Floats, dictionaries: Mapping[str, Sequence[str]]) -> Floats:
        """Rows as the trees read them, float32 [m, k]."""
        found = np.ascontiguousarray(matrix[:, self.places])
        for place, one in enumerate(self.inputs):
            if one.name in self.categories:
                texts = dictionaries.get(one.name, ())
                found[:, place] = encoded(found[:, place], texts, self.categories[one.name])
        return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """Trees and how they read rows. `kept`: share of genuine training rows that they saw."""

    booster: lightgbm.Booster
    reading: Reading
    kept: float
    rows: int
    frauds: int
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The trees as text, without the parameters of the run (they name threads)."""
        return _PARAMETERS_LINE.sub("\n", self.booster.model_to_string())

    def raw(self, rows: Floats) -> Array:
        """Raw scores of rows that `reading.rows` gave, [m]."""
        if not len(rows):
            return np.zeros(0)
        return np.asarray(self.booster.predict(rows, num_threads=2), np.float64)


def sample_of(
    fraud: Bools, training: Bools, numbers: npt.NDArray[np.int64], settings: Settings
) -> tuple[Bools, float]:
    """Training rows to fit on, [n], and the share of genuine ones that is kept.

    `training`: labelled payments of the training days; `numbers`: a lasting number of each payment,
    by which it is drawn. Errors: InvalidRequest `one_class` or `too_few_rows`.
    """
    frauds, genuine = int((training & fraud).sum()), int((training & ~fraud).sum())
    if not frauds or not genuine:
        detail = "the training days hold one class only; give a longer file, or check [label]"
        raise InvalidRequest("one_class", detail)
    if frauds < LEAST_FRAUDS or genuine < LEAST_GENUINE:
        detail = f"{frauds} frauds and {genuine} genuine payments in the training days; at least "
        raise InvalidRequest("too_few_rows", f"{detail}{LEAST_FRAUDS} and {LEAST_GENUINE} needed")
    share = min(1.0, max(settings.kept * frauds, LEAST_SAMPLE) / genuine)
    return training & (fraud | (drawn(numbers, settings.seed) < share)), share


def fit(
    inputs: Sequence[Input],
    sample: Floats,
    fraud: Bools,
    share: float,
    dictionaries: Mapping[str, Sequence[str]],
    settings: Settings,
) -> Fitted:
    """Fit on sampled training rows. `share`: of the genuine ones that were kept.

    Errors: InvalidRequest `inputs_constant`.
    """
    places = carrying(sample)
    if not len(places):
        raise InvalidRequest("inputs_constant", "no input of the training days ever changes")
    kept = tuple(inputs[place] for place in places.tolist())
    categories = {
        one.name: fit_codes(sample[:, place], fraud, dictionaries[one.name])
        for place, one in zip(places.tolist(), kept, strict=True)
        if one.name in dictionaries
    }
    parameters = settings.parameters([one.direction for one in kept])
    reading = Reading(kept, places, categories)
    rows = reading.rows(sample, dictionaries)
    data = lightgbm.Dataset(rows, fraud.astype(np.float32), feature_name=[one.name for one in kept])
    booster = lightgbm.train(dict(parameters), data, settings.rounds)
    return Fitted(booster, reading, share, len(sample), int(fraud.sum()), parameters)


def calibrated(fitted: Fitted, raw: Array, fraud: Bools) -> Calibration:
    """Calibration on validation rows."""
    return fit_calibration(raw, fraud, fitted.kept)


def carrying(sample: Floats) -> npt.NDArray[np.int64]:
    """Inputs that take at least two values, missing being one, and stand only once."""
    seen: dict[bytes, int] = {}
    for place in range(sample.shape[1]):
        column = sample[:, place]
        missing = np.isnan(column)
        known = column[~missing]
        if not len(known) or (not missing.any() and known.min() == known.max()):
            continue
        seen.setdefault(np.ascontiguousarray(column).tobytes(), place)
    return np.array(sorted(seen.values()), np.int64)


def drawn(numbers: npt.NDArray[np.int64], seed: int) -> Array:
    """A number in [0, 1) for each row, the same wherever the row stands (splitmix64)."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) / 2.0**53)
