"""Triangulation: a fake shop that fills honest orders with stolen cards.

Shape: the operator sells goods he does not have; for each order he buys them at a real shop with
another stolen card and ships them to his honest buyer. So one account and one or two browsers,
5 to 25 cards used once or twice, a different delivery address each time, true billing addresses,
ordinary prices. The evasive operator takes a new account and line for every second order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.world import network, spending
from paywarden.simulator.world.merchants import TRADE_DELIVERS

_CODES = {"05": 0.6, "59": 0.4}
_DAYS = 4.0


@dataclass(frozen=True, slots=True)
class Triangulation(Terms):
    """Stolen cards, honest addresses."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` orders."""
        rng, people, count = brief.rng, brief.people, brief.size
        rows = brief.payments(parts.after(brief, count, _DAYS))
        some = parts.shops(brief, TRADE_DELIVERS, 3, three_ds_at_most=55)
        brief.shop(rows, some[rng.integers(0, 3, count)])
        robbed = parts.victims(brief, count)[rng.permutation(count) * 3 // 4]
        buyers = parts.victims(brief, count)
        lives = parts.one_country(brief, max(1, count // 2) if brief.evasive else 1)
        party = parts.strangers(brief, lives, (3, 60), throwaway=0.1)
        device, line = parts.machines(brief, lives, network.Line.HOME)
        used = np.arange(count) % len(party)
        rows["party"], rows["guest"] = party[used], 0
        rows["device"], rows["ip"] = device[used], line[used]
        rows["card"] = people.cards[robbed, 0]
        rows["billing"] = people.addresses[robbed, 0]
        parts.deliver(rows, brief, people.addresses[buyers, 0])
        parts.typed(rows, brief)
        scale = np.full(count, 1.2)
        rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
        known = rng.random(count) < 0.9
        parts.thief_checks(rows, brief, wrong_code=0.1, true_address=known)
        outcomes.authorise(rng, rows, np.full(count, 0.2), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = Triangulation(
    type="triangulation", per_100k={"demo": 240.0, "realistic": 6.0}, sizes=(5, 25)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("shop front", "fake shop, bought card data", "new accounts after a refusal",
                        True, 4, 2.0, 0.05, ("device", "line", "card"))  # fmt: skip
    return Operator("market seller", "fake listing, bought card data", "none", False, 6, 1.0, 0.05)
