"""Gather-scatter: many pay a hub, and the hub pays many others.

Source: AMLworld (2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class GatherScatter(Terms):
    """Sources, hub, sinks."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments, about half in and half out."""
        rng = brief.rng
        sources = max(3, brief.size // 2)
        sinks = max(3, brief.size - sources)
        people = moves.circle(brief, 1 + sources + sinks, fresh=0.3)
        euros = rng.lognormal(np.log(1_500), 0.35, sources)
        when = moves.within(brief, sources, 5.0 if brief.evasive else 1.5)
        into = moves.pay(
            brief, people, np.arange(1, sources + 1), people.account[0], when,
            moves.typed(brief, people, euros),
        )  # fmt: skip
        total = into["amount"].sum() * rng.uniform(0.93, 0.99)
        later = moves.within(brief, sinks, 2.0, int(when[-1]))
        away = people.account[sources + 1 :]
        parts_of = total * moves.shares(rng, sinks, 0.2)
        out = moves.pay(brief, people, np.zeros(sinks), away, later, parts_of)
        return moves.guilty(brief, "hub", into, out)


CAMPAIGN = GatherScatter(
    type="gather_scatter",
    sizes=(8, 24),
    latest_start=0.7,
    engine="aml",
)
