"""Namesakes: payments to people who share one name with somebody on the list, and nothing else.

Innocent beside sanctions evasion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.listed.names import resemblance
from paywarden.simulator.world.lexicon import FAMILY, GIVEN


@dataclass(frozen=True, slots=True)
class Namesakes(Terms):
    """A friend, a cousin, a landlord with an unlucky name."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` transfers."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size)
        payees = parts.mules(brief, np.repeat(people.country[:1], size))
        table = brief.pools.rows("payees")
        names = [
            resemblance(rng, GIVEN[table["given"][at]], FAMILY[table["family"][at]])
            for at in payees
        ]
        when = moves.within(brief, size, 6.0)
        minor = moves.typed(brief, people, rng.lognormal(np.log(250), 0.9, size))
        rows = moves.pay(brief, people, np.arange(size), payees, when, minor)
        rows["payee_text"] = brief.pools.say(names)
        return moves.innocent(brief, "friend of a namesake", rows)


CAMPAIGN = Namesakes(
    type="look_alike_names",
    sizes=(1, 3),
    latest_start=0.9,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
