"""First-party ("friendly") fraud: the customer himself buys, receives, and disputes.

Shape: one customer with his own card, device, line and address buys goods or downloads somewhat
above the usual ticket, two to eight times over weeks, and charges the payments back as not received
or not his. Each purchase looks genuine, because it is: no rule on the first one can be honest about
it. What shows is the record: earlier disputes of the same payer or card. Reports always come, twice
as late as of stolen cards. The evasive one alternates between two cards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.words import Source
from paywarden.simulator.world import spending
from paywarden.simulator.world.merchants import TRADE_DELIVERS, TRADE_RESALE

_CODES = {"51": 0.7, "05": 0.3}
_REPORT = Report(Source.CHARGEBACK, ("13.1", "4853", "10.4", "4837"), unreported=0.0, delay=1.6)
_WEEKS_DAYS = 21.0


@dataclass(frozen=True, slots=True)
class FirstPartyFraud(Terms):
    """One customer who disputes what he bought."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` purchases that he will dispute."""
        rng, people = brief.rng, brief.people
        rows = brief.payments(parts.after(brief, brief.size, _WEEKS_DAYS))
        who = np.repeat(parts.victims(brief, 1), len(rows))  # nobody's victim but the shop's
        brief.shop(rows, parts.shops(brief, TRADE_DELIVERS | TRADE_RESALE, len(rows)))
        slot = rng.integers(0, 2, len(rows)) if brief.evasive else np.zeros(len(rows), np.int64)
        rows["party"], rows["guest"] = people.party[who], 0
        rows["card"] = people.cards[who, slot]
        rows["device"], rows["ip"] = people.devices[who, 0, 0], people.home_ips[who, 0]
        rows["billing"] = people.addresses[who, 0]
        parts.deliver(rows, brief, people.addresses[who, 0])
        parts.typed(rows, brief)
        scale = 1.6 * people.income[who]
        rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
        parts.own_checks(rows, brief)
        outcomes.authorise(rng, rows, np.full(len(rows), 0.05), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing(), report=_REPORT)


CAMPAIGN = FirstPartyFraud(
    type="first_party_fraud", per_100k={"demo": 180.0, "realistic": 10.0}, sizes=(2, 8),
    latest_start=0.8,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("serial disputer", "own phone, two cards", "alternates cards and shops",
                        True, 3, 1.5, 0.97, ("amount",))  # fmt: skip
    return Operator("disputer", "own phone", "none", False, 4, 1.0, 0.97)
