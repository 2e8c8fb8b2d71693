"""Ways of stopping payments, set on validation days and frozen: rules, model, both, plain model.

Guards: what a way does on the judged days depends only on validation days. "Both" is one family of
ways with one number: a payment is stopped when the model's probability reaches `alone`, or when
rules stop it and the probability reaches `with_rules`; zero takes every rule as it is, `alone`
leaves the model by itself. The number is taken that stops most on validation days (value and count
alike) with the whole of it within the budget. The plain model is the yardstick of the field: 23
handbook-like inputs, 80 trees, the last 38 days; its threshold is read from the judged days
themselves at the very false-positive rate that ours achieved, which favours it.
Shapes: n payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.core.outcome import Outcome
from paywarden.lab.evaluation.stopping import Judged, Stopped, measures
from paywarden.lab.labels import FRAUD, UNKNOWN
from paywarden.lab.training.collecting import Dataset
from paywarden.lab.training.dataset import Material
from paywarden.lab.training.fitting import Settings, fit
from paywarden.lab.training.splitting import Split
from paywarden.risk.scoring.artefact import Operating
from paywarden.risk.scoring.metrics import threshold_at

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
GRID = 64
LEAST_GAIN = 0.005
"""Of V and C together, on validation days: a smaller gain of the rules is chance."""
PLAIN_DAYS = 38
PLAIN_SETTINGS = Settings(
    rounds=80, leaves=31, rate=0.1, least_rows=20, inputs_share=1.0, smoothing=0.0, bins=255
)
PLAIN_INPUTS = frozenset(
    {
        *("amount", "hour", "weekday", "card_amount_ratio_month"),
        *(f"card_{what}_{w}" for what in ("count", "amount_avg") for w in ("1d", "7d", "30d")),
        *(f"merchant_count_{w}" for w in ("1d", "7d", "30d")),
        *(f"{k}_fraud_{w}d" for k in ("card", "merchant") for w in (1, 3, 7, 14, 28)),
    }
)


@dataclass(frozen=True, slots=True)
class Both:
    """Thresholds of rules and model together, and the declines inside them."""

    alone: float
    with_rules: float
    block: float

    def on(self, p: Array, outcomes: npt.NDArray[np.int8]) -> Stopped:
        """What it stops of these payments."""
        backed = (outcomes > Outcome.ALLOW) & (p >= self.with_rules)
        declined = (p >= self.block) | (backed & (outcomes == Outcome.BLOCK))
        return Stopped((p >= self.alone) | backed, declined)


def rules_only(outcomes: npt.NDArray[np.int8]) -> Stopped:
    """The policy as it is."""
    return Stopped(outcomes > Outcome.ALLOW, outcomes == Outcome.BLOCK)


def model_only(p: Array, challenge: float, block: float) -> Stopped:
    """The model by itself."""
    return Stopped(p >= challenge, p >= max(block, challenge))


def choose_both(
    judged: Judged, p: Array, outcomes: npt.NDArray[np.int8], operating: Operating
) -> Both:
    """Thresholds for these validation payments; `alone` is never below the model's own."""
    budget, block = operating.budget, operating.block
    genuine = ~judged.fraud
    hit = outcomes > Outcome.ALLOW
    grid = np.unique(p[hit]) if hit.any() else np.zeros(0)
    if len(grid) > GRID:
        grid = grid[np.linspace(0, len(grid) - 1, GRID).astype(int)]
    best = Both(operating.challenge, float("inf"), block)
    alone = measures(judged, best.on(p, outcomes))
    most = alone["v"] + alone["c"] + LEAST_GAIN
    for least in (0.0, *grid.tolist()):
        backed = hit & (p >= least)
        rest = genuine & ~backed
        left = budget * genuine.sum() - (genuine & backed).sum()
        if left < 0 or not rest.any():
            continue
        way = Both(max(threshold_at(p[rest], left / rest.sum()), operating.challenge), least, block)
        found = measures(judged, way.on(p, outcomes))
        if found["v"] + found["c"] > most:
            best, most = way, found["v"] + found["c"]
    return best


def plain_scores(
    material: Material, dataset: Dataset, split: Split, places: npt.NDArray[np.int64]
) -> Array:
    """Raw scores of the plain model for places of the set.

    It may use every label known when the test begins, validation days included.
    """
    marks, time_us = material.prepared.marks, material.prepared.table.time_us
    start_us = split.known_us - PLAIN_DAYS * DAY_US
    when = time_us[dataset.rows]
    fraud = (marks == FRAUD)[dataset.rows]
    mine = (when >= start_us) & (when < split.known_us) & (marks != UNKNOWN)[dataset.rows]
    training = np.flatnonzero(mine)
    columns = [i for i, one in enumerate(dataset.inputs) if one.name in PLAIN_INPUTS]
    fitted = fit(
        [dataset.inputs[i] for i in columns],
        np.ascontiguousarray(dataset.matrix[training][:, columns]),
        fraud[training],
        1.0,
        {},
        PLAIN_SETTINGS,
    )
    chosen = np.ascontiguousarray(dataset.matrix[places][:, columns])
    return fitted.raw(fitted.reading.rows(chosen, {}))


def plain_way(judged: Judged, scores: Array, fpr: float) -> Stopped:
    """The plain model at a false-positive rate of the judged days themselves."""
    stopped = scores >= threshold_at(scores[~judged.fraud], fpr)
    return Stopped(stopped, np.zeros(len(stopped), np.bool_))


def assumed_challenges() -> Mapping[str, tuple[float, float]]:
    """Share of challenged fraud stopped and of genuine payers who give up, by attack type.

    Assumptions, stated in every report; who has measured shares gives those instead.
    """
    return {
        "default": (0.90, 0.05),
        "card_testing": (0.98, 0.05),
        "stolen_card": (0.92, 0.05),
        "account_takeover": (0.75, 0.05),
        "authorised_push": (0.30, 0.05),
        "first_party": (0.05, 0.05),
        "compromised_terminal": (0.92, 0.05),
    }
