"""How much fraud is stopped at a stated share of genuine payments hurt: V90, C90, by attack type.

Guards: the threshold is found on some worlds and frozen; what it costs on others is reported beside
what it stops there. Shares of value by base minor units. `first_five`: campaigns of which one of
the first five fraudulent payments was stopped, each campaign counted once. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paywarden.simulator.judging.judge import Judged
from paywarden.simulator.rows import Bools, Ints


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
    scores = np.sort(np.concatenate([one.score[~one.fraud] for one in judged]))
    at = min(len(scores) - 1, int(np.ceil(len(scores) * (1.0 - share))))
    return max(1, int(scores[at]) + (1 if _over(scores, int(scores[at]), share) else 0))


def figures(judged: Sequence[Judged], threshold: int | None) -> Figures:
    """What is stopped from a score on, or (None) by the policy's own outcomes."""
    masks = [one.stopped if threshold is None else one.score >= threshold for one in judged]
    genuine = sum(int((~one.fraud).sum()) for one in judged)
    hurt = sum(int((m & ~one.fraud).sum()) for one, m in zip(judged, masks, strict=True))
    names = sorted({name for one in judged for name in one.types})
    by_type = {name: _stopping(judged, masks, name) for name in names}
    return Figures(
        -1 if threshold is None else threshold, genuine, hurt / genuine,
        _stopping(judged, masks, None), {n: s for n, s in by_type.items() if s.payments},
    )  # fmt: skip


def _over(scores: Ints, score: int, share: float) -> bool:
    return int((scores >= score).sum()) > share * len(scores)


def _stopping(judged: Sequence[Judged], masks: Sequence[Bools], name: str | None) -> Stopping:
    payments = stopped = value = stopped_value = campaigns = early = 0
    for one, mask in zip(judged, masks, strict=True):
        chosen = one.fraud.copy()
        if name is not None:
            wanted = one.types.index(name) if name in one.types else -2
            chosen &= one.kind == wanted
        payments += int(chosen.sum())
        stopped += int((chosen & mask).sum())
        value += int(one.value[chosen].sum())
        stopped_value += int(one.value[chosen & mask].sum())
        for campaign in np.unique(one.campaign[chosen]):
            first = np.flatnonzero(chosen & (one.campaign == campaign))[:5]
            campaigns += 1
            early += bool(mask[first].any())
    return Stopping(
        payments, campaigns, stopped_value / max(value, 1), stopped / max(payments, 1),
        early / max(campaigns, 1),
    )  # fmt: skip
