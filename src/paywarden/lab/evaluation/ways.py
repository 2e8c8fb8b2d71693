"""Ways of stopping payments: rules, model, both, plain model.

Guards: what a way does on a judged day depends only on what was known when that day began. Model
and both stop by a score at a threshold that keeps its price (`steady.py`). The score of both is the
model's log odds, and `weight` more where rules stop the payment: rules know attacks that the model
never met. On validation days, whose attacks are known, they can only seem to cost; the largest
weight is taken that costs little there. The plain model is the yardstick of the field: 23
handbook-like inputs, 80 trees, the last 38 days; its threshold is read from the judged days
themselves at the very false-positive rate that ours achieved, which favours it.
Shapes: n payments.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.core.outcome import Outcome
from paywarden.lab.evaluation.steady import Course, stopped_daily
from paywarden.lab.evaluation.stopping import Judged, Stopped, measures
from paywarden.lab.labels import FRAUD, UNKNOWN
from paywarden.lab.training.dataset import Dataset, Material
from paywarden.lab.training.developing import DECLINE_BUDGET, Plan
from paywarden.lab.training.fitting import Settings, fit
from paywarden.lab.training.splitting import Split
from paywarden.risk.scoring.metrics import threshold_at

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
WEIGHTS = (3.0, 2.0, 1.0)
"""What a rule adds to the log odds: 3 makes a payment twenty times as likely a fraud. Chosen on
simulated worlds that no figure is reported of (seeds 11 to 14)."""
MOST_LOSS = 0.015
"""Of V and C together that the rules may cost on validation days."""
LEAST_SHARE = 1e-9
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


def rules_only(outcomes: npt.NDArray[np.int8]) -> Stopped:
    """The policy as it is."""
    return Stopped(outcomes > Outcome.ALLOW, outcomes == Outcome.BLOCK)


def frozen_model(p: Array, challenge: float, block: float) -> Stopped:
    """The model by itself, at the numbers that were set on validation days and are served."""
    return Stopped(p >= challenge, p >= max(block, challenge))


def at_price(
    course: Course, odds: Array, outcomes: npt.NDArray[np.int8], weight: float, plan: Plan
) -> Stopped:
    """Model and rules at a steady price; weight 0 leaves the model by itself.

    `odds`: the model's log odds; `outcomes`: what rules alone came to. All [n] of the course.
    """
    score = odds + weight * (outcomes > Outcome.ALLOW)
    stopped = stopped_daily(course, score, plan.budget, plan.split.test_us)
    surest = score + weight * (outcomes == Outcome.BLOCK)
    declined = stopped_daily(course, surest, DECLINE_BUDGET, plan.split.test_us)
    return Stopped(stopped | declined, declined)


def log_odds(raw: Array) -> Array:
    """Log odds of the scores of `Developed.raw`, which are shares before calibration."""
    held = np.clip(raw, LEAST_SHARE, 1.0 - LEAST_SHARE)
    return np.asarray(np.log(held / (1.0 - held)), np.float64)


def rules_weight(
    judged: Judged, odds: Array, outcomes: npt.NDArray[np.int8], budget: float
) -> float:
    """The largest of WEIGHTS that costs at most MOST_LOSS on these validation payments; 0: none."""

    def worth(weight: float) -> float:
        score = odds + weight * (outcomes > Outcome.ALLOW)
        stopped = score >= threshold_at(score[~judged.fraud], budget)
        found = measures(judged, Stopped(stopped, stopped))
        return found["v"] + found["c"]

    least = worth(0.0) - MOST_LOSS
    return next((weight for weight in WEIGHTS if worth(weight) >= least), 0.0)


def plain_scores(
    material: Material, dataset: Dataset, split: Split, places: npt.NDArray[np.int64]
) -> Array:
    """Raw scores of the plain model for places of the set.

    It may use every label known when the test begins, validation days included.
    """
    marks, time_us = material.reported_marks, material.prepared.table.time_us
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
