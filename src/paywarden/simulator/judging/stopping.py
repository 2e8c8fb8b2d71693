"""Rules on simulated worlds at a stated share of genuine payments hurt: V, C, by attack type.

Guards: the threshold is found on some worlds and frozen; what it costs on others is reported beside
what it stops there. Shares of value by base minor units. `first_five`: campaigns of which one of
the first five fraudulent payments was stopped, each campaign counted once. Pure.
Not done here: the measures themselves, which are those of `paywarden evaluate`
(`lab.evaluation.stopping`), nor the choice of a threshold (`risk.scoring.metrics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.lab.evaluation import stopping
from paywarden.risk.scoring import metrics
from paywarden.simulator.judging.judge import Judged
from paywarden.simulator.rows import Bools

FIRST = 5


@dataclass(frozen=True, slots=True)
class Stopping:
    """Shares stopped; counts behind them. `hurt`: share of genuine payments."""

    payments: int
    campaigns: int
    value_share: float
    count_share: float
    first_five: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All fraud together and by type, at a frozen threshold."""

    threshold: int
    genuine: int
    hurt: float
    whole: Stopping
    by_type: dict[str, Stopping]


def threshold_at(judged: Sequence[Judged], share: float) -> int:
    """Lowest score from which at most `share` of genuine payments are stopped."""
    scores = np.concatenate([one.score[~one.fraud] for one in judged])
    return max(1, int(np.ceil(metrics.threshold_at(scores.astype(np.float64), share))))


def figures(judged: Sequence[Judged], threshold: int | None) -> Figures:
    """What is stopped from a score on, or (None) by the policy's own outcomes."""
    masks = [one.stopped if threshold is None else one.score >= threshold for one in judged]
    stopped = np.concatenate(masks)
    way = stopping.Stopped(stopped, np.zeros(len(stopped), np.bool_))
    payments = stopping.Judged(
        np.concatenate([one.fraud for one in judged]),
        np.concatenate([one.value for one in judged]).astype(np.float64),
        np.arange(len(stopped)),  # no interval is asked for here: each payment by itself
    )
    types = np.concatenate([_types(one) for one in judged])
    campaigns = np.concatenate([_campaigns(one, number) for number, one in enumerate(judged)])
    by_type = {
        str(name): _stopping(payments, way, campaigns, payments.fraud & (types == name))
        for name in np.unique(types[payments.fraud])
    }
    return Figures(
        -1 if threshold is None else threshold,
        int((~payments.fraud).sum()),
        stopping.measures(payments, way)["fpr"],
        _stopping(payments, way, campaigns, payments.fraud),
        by_type,
    )


def _types(one: Judged) -> npt.NDArray[np.str_]:
    return np.array([*one.types, ""])[one.kind]


def _campaigns(one: Judged, world: int) -> npt.NDArray[np.str_]:
    """Names that no other world has; "" where a payment belongs to none."""
    named = np.char.add(f"{world}/", one.campaign.astype(np.str_))
    return np.where(one.campaign >= 0, named, "")


def _stopping(
    payments: stopping.Judged,
    way: stopping.Stopped,
    campaigns: npt.NDArray[np.str_],
    chosen: Bools,
) -> Stopping:
    part = stopping.Judged(chosen, payments.value, payments.customer)
    found = stopping.measures(part, way)
    early = stopping.campaigns(part, way, campaigns, FIRST, least=1)
    return Stopping(
        int(chosen.sum()), early["campaigns"], found["v"], found["c"], early["stopped_early"]
    )
