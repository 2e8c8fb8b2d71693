"""Pass-through: money runs along a chain of accounts within a day, hardly less each time.

Two to four runs along the same chain. Source: FATF, Professional money laundering (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.rows import Rows


@dataclass(frozen=True, slots=True)
class PassThrough(Terms):
    """Along a chain."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` hops in a few runs."""
        rng = brief.rng
        layers = int(rng.integers(3, 6))
        people = moves.circle(brief, layers + 1, fresh=0.5)
        runs = max(1, brief.size // layers)
        begins = moves.within(brief, runs, 6.0)
        tables = [self._run(brief, people, layers, int(begin)) for begin in begins]
        return moves.guilty(brief, "runner", *tables)

    def _run(self, brief: Brief, people: moves.Circle, layers: int, begin: int) -> Rows:
        rng = brief.rng
        fee = rng.uniform(0.003, 0.02, layers)
        euros = rng.uniform(3_000, 25_000) * np.cumprod(1 - fee)
        gap = rng.uniform(4, 30, layers) if brief.evasive else rng.uniform(0.3, 6, layers)
        when = begin + np.cumsum(gap * moves.wait_us(brief, 1 / 24)).astype(np.int64)
        hop = np.arange(layers)
        minor = moves.exact(people, euros)
        return moves.pay(brief, people, hop, people.account[hop + 1], when, minor)


CAMPAIGN = PassThrough(
    type="pass_through",
    sizes=(5, 16),
    latest_start=0.7,
    engine="aml",
)
