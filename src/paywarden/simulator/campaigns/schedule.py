"""Schedule: how many campaigns of a type, how large, and when they begin.

A type's budget is its rate times the genuine card payments. Sizes are drawn until the budget is
spent; a rest too small for one campaign becomes one with the fitting probability, so that the
expected rate holds for short spans too. Starts are spread evenly with jitter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.campaigns.model import Campaign
from paywarden.simulator.presets import Horizon, Preset

INNOCENTS: Final = 20
"""Innocent patterns to each guilty one: the ratio at which alerts are to be judged."""


def sizes(
    rng: np.random.Generator, campaign: Campaign, preset: Preset, genuine_payments: int
) -> list[int]:
    """Fraudulent payments of each campaign of this type."""
    fewest, most = campaign.sizes
    rate = campaign.per_100k.get(preset.attacks, 0.0) * preset.density
    budget = rate * genuine_payments / 100_000
    drawn: list[int] = []
    while budget >= fewest:
        wanted = round(float(np.exp(rng.uniform(np.log(fewest), np.log(most)))))
        size = min(max(wanted, fewest), int(budget))
        drawn.append(size)
        budget -= size
    if rng.random() < budget / fewest:
        drawn.append(fewest)
    return drawn


def patterns(
    rng: np.random.Generator, campaigns: Iterable[Campaign], preset: Preset, horizon: Horizon
) -> dict[str, int]:
    """How many patterns of each type of laundering, and of innocents that look like it.

    At least one of each way of laundering; INNOCENTS innocents to each of those, in equal parts.
    """
    guilty = [campaign for campaign in campaigns if not campaign.innocent]
    expected = preset.laundering * preset.customers / 1_000 * horizon.days / 30
    counts = {one.type: max(1, int(expected + rng.random())) for one in guilty}
    innocents = [campaign for campaign in campaigns if campaign.innocent]
    wanted = INNOCENTS * sum(counts.values())
    for number, one in enumerate(innocents):
        counts[one.type] = (wanted + number) // len(innocents)
    return counts


def lengths(rng: np.random.Generator, campaign: Campaign, count: int) -> list[int]:
    """Payments of each of `count` patterns, small ones more often."""
    fewest, most = campaign.sizes
    drawn = np.exp(rng.uniform(np.log(fewest), np.log(most), count))
    return [int(size) for size in np.clip(np.round(drawn), fewest, most)]


def starts(rng: np.random.Generator, campaign: Campaign, horizon: Horizon, count: int) -> list[int]:
    """Instants at which they begin, in order."""
    span = campaign.latest_start * horizon.days * DAY_US
    jitter = rng.random(count)
    return [horizon.start_us + int((i + jitter[i]) / count * span) for i in range(count)]
