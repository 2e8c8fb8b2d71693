"""Where to challenge and where to decline: thresholds by expected loss within a stated budget.

Guards: thresholds are chosen on validation days and frozen; nothing of the days that are judged
enters. A threshold may hit at most `budget` of genuine payments with challenges and, inside that,
`decline_budget` with declines. Within the budget the threshold of least expected loss is taken:
loss of fraud not stopped, of fraud that passes a challenge, and of genuine payers who give up.
Values are minor units. Shapes: n validation payments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.risk.scoring.artefact import Operating
from paywarden.risk.scoring.metrics import threshold_at

Array = npt.NDArray[np.float64]
CANDIDATES = 400
LEAST_PRECISION = 0.5


@dataclass(frozen=True, slots=True)
class Costs:
    """Shares: of challenged fraud that is stopped, of challenged genuine payers who give up, and of
    a genuine payment's value that is lost with it; `challenge_minor`: cost of one challenge."""

    efficacy: float = 0.9
    abandonment: float = 0.05
    margin: float = 0.05
    challenge_minor: float = 2.0


def choose(
    p: Array,
    fraud: npt.NDArray[np.bool_],
    value: Array,
    budget: float,
    decline_budget: float,
    costs: Costs,
) -> Operating:
    """Thresholds for these validation payments."""
    least = threshold_at(p[~fraud], budget)
    higher = np.unique(p[p >= least])
    if len(higher) > CANDIDATES:
        higher = higher[np.linspace(0, len(higher) - 1, CANDIDATES).astype(int)]
    options = [least, *higher.tolist()]
    losses = [expected_loss(p, fraud, value, option, costs) for option in options]
    challenge = options[int(np.argmin(losses))]
    return Operating(challenge, _decline(p, fraud, challenge, decline_budget), budget)


def expected_loss(
    p: Array, fraud: npt.NDArray[np.bool_], value: Array, threshold: float, costs: Costs
) -> float:
    """Loss in minor units when everything at or above the threshold is challenged."""
    stopped = p >= threshold
    lost = value[fraud & ~stopped].sum() + (1 - costs.efficacy) * value[fraud & stopped].sum()
    given_up = costs.abandonment * costs.margin * value[~fraud & stopped].sum()
    return float(lost + given_up + costs.challenge_minor * stopped.sum())


def _decline(
    p: Array, fraud: npt.NDArray[np.bool_], challenge: float, decline_budget: float
) -> float:
    """Lowest threshold inside the budget from which on at least half is fraud; 1 when none is."""
    least = max(challenge, threshold_at(p[~fraud], decline_budget))
    order = np.argsort(-p, kind="stable")
    precision = np.cumsum(fraud[order]) / np.arange(1, len(p) + 1)
    good = order[(precision >= LEAST_PRECISION) & (p[order] >= least)]
    return float(p[good].min()) if len(good) else 1.0
