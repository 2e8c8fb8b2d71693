"""Scatter-gather: one account pays many, and they all pay one other.

The middle accounts keep a percent or two for their trouble. Source: AMLworld (2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class ScatterGather(Terms):
    """Source, middle, sink."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments over half as many middle accounts."""
        rng = brief.rng
        middles = max(3, brief.size // 2)
        people = moves.circle(brief, middles + 2, fresh=0.35)
        middle = np.arange(2, middles + 2)
        euros = float(rng.uniform(800, 3_000)) * middles * moves.shares(rng, middles, 0.2)
        when = moves.within(brief, middles, 4.0 if brief.evasive else 1.0)
        scatter = moves.pay(
            brief, people, np.zeros(middles), people.account[middle], when,
            moves.typed(brief, people, euros),
        )  # fmt: skip
        later = moves.hours_later(brief, when, 3, 60 if brief.evasive else 26)
        passed = scatter["amount"] * rng.uniform(0.95, 0.995, middles)
        gather = moves.pay(brief, people, middle, people.account[1], later, passed)
        return moves.guilty(brief, "scatterer", scatter, gather)


CAMPAIGN = ScatterGather(
    type="scatter_gather",
    sizes=(8, 24),
    latest_start=0.7,
    engine="aml",
)
