"""Fan-out: one large sum comes in and is spread over many accounts within days.

Source: AMLworld (2023), fan-out; FATF, Money mules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class FanOut(Terms):
    """One to many."""

    def attack(self, brief: Brief) -> Attack:
        """One or two payments in, `brief.size` out."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size + 3, fresh=0.3)
        sources = int(rng.integers(1, 3))
        total = float(rng.uniform(900, 2_600)) * size
        first = moves.within(brief, sources, 0.3)
        euros = total * moves.shares(rng, sources)
        into = moves.pay(
            brief, people, size + 1 + np.arange(sources), people.account[0], first,
            moves.exact(people, euros),
        )  # fmt: skip
        later = moves.within(brief, size, 6.0 if brief.evasive else 1.5, int(first[-1]))
        spread = total * float(rng.uniform(0.9, 0.98)) * moves.shares(rng, size, 0.15)
        minor = moves.typed(brief, people, spread)
        out = moves.pay(brief, people, np.zeros(size), people.account[1 : size + 1], later, minor)
        return moves.guilty(brief, "distributor", into, out)


CAMPAIGN = FanOut(
    type="fan_out",
    sizes=(8, 22),
    latest_start=0.7,
    engine="aml",
)
