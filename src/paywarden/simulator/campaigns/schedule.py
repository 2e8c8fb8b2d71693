"""Schedule: how many campaigns of a type, how large, and when they begin.

A type's budget is its rate times the genuine card payments. Sizes are drawn until the budget is
spent; a rest too small for one campaign becomes one with the fitting probability, so that the
expected rate holds for short spans too. Starts are spread evenly with jitter.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.campaigns.model import Campaign
from paywarden.simulator.presets import Horizon, Preset


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


def starts(rng: np.random.Generator, campaign: Campaign, horizon: Horizon, count: int) -> list[int]:
    """Instants at which they begin, in order."""
    span = campaign.latest_start * horizon.days * DAY_US
    jitter = rng.random(count)
    return [horizon.start_us + int((i + jitter[i]) / count * span) for i in range(count)]
