"""Sanctions evasion: payments to somebody on a list, whose name is written so as not to be found.

Of the made-up list (`simulator.listed`). Now and then the payee is a stranger and the listed name
stands in the text beside the payment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.listed.names import evasion, listed


@dataclass(frozen=True, slots=True)
class SanctionsEvasion(Terms):
    """To one listed party, under one or more spellings."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` transfers."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size)
        entry = listed()[int(rng.integers(0, len(listed())))]
        payees = parts.mules(brief, np.repeat(people.country[:1], size))
        when = moves.within(brief, size, 4.0)
        minor = moves.typed(brief, people, rng.lognormal(np.log(1_800), 0.8, size))
        rows = moves.pay(brief, people, np.arange(size), payees, when, minor)
        written = brief.pools.say([evasion(rng, entry) for _ in range(size)])
        beside = rng.random(size) < 0.2
        rows["payee_text"] = np.where(beside, -1, written)
        texts = brief.pools.say([f"on behalf of {brief.pools.texts[at]}" for at in written])
        rows["remittance"] = np.where(beside, texts, -1)
        return moves.guilty(brief, "sanctions evader", rows)


CAMPAIGN = SanctionsEvasion(
    type="sanctions_evasion",
    sizes=(1, 4),
    latest_start=0.9,
    engine="aml",
)
