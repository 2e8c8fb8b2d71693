"""Fan-in: many pay one account within days, and nearly all of it leaves again.

Evasive: over a longer time, and less of it leaves at once. Source: AMLworld (2023), fan-in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class FanIn(Terms):
    """Many to one to away."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments in, one to three out."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size + 1, fresh=0.25)
        when = moves.within(brief, size, 8.0 if brief.evasive else 2.5)
        euros = rng.lognormal(np.log(1_300), 0.5, size)
        minor = moves.typed(brief, people, euros)
        into = moves.pay(brief, people, np.arange(1, size + 1), people.account[0], when, minor)
        count = int(rng.integers(1, 4))
        away = parts.mules(brief, np.repeat(people.country[:1], count))
        kept = rng.uniform(0.75, 0.9) if brief.evasive else rng.uniform(0.92, 0.99)
        total = into["amount"].sum() * kept * moves.shares(rng, count)
        later = moves.hours_later(brief, np.full(count, when[-1]), 2, 30)
        out = moves.pay(brief, people, np.zeros(count), away, later, total)
        return moves.guilty(brief, "collector", into, out)


CAMPAIGN = FanIn(
    type="fan_in",
    sizes=(8, 24),
    latest_start=0.7,
    engine="aml",
)
