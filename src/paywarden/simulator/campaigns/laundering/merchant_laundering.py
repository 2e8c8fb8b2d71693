"""Merchant laundering: a small shop's terminal takes payments of a business that it is not.

The category says bakery or kiosk; the tickets are those of gambling or pills: a few hundred each,
round, from people far away, at night, on cards that come again. Source: card schemes' programmes
against transaction laundering; FATF, Trade-based money laundering.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.rows import Rows
from paywarden.simulator.words import Channel, Entry, Initiator, Type
from paywarden.simulator.world import banking
from paywarden.simulator.world.trades import TRADES

_MODEST = np.array([trade.ticket < 45 and not trade.recurring for trade in TRADES])


@dataclass(frozen=True, slots=True)
class MerchantLaundering(Terms):
    """Tickets that do not fit the shop."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` card payments to one shop."""
        rng, size = brief.rng, brief.size
        made = moves.guilty(brief, "front shop", rows_at_shop(brief, size))
        payments = made.payments
        base = rng.choice([150.0, 200.0, 250.0, 300.0, 400.0, 500.0], size)
        euros = base * (rng.uniform(0.8, 1.2, size) if brief.evasive else 1.0)
        country = brief.pools.column("merchants", "country")[payments["merchant"]]
        payments["amount"] = [
            round(one * banking.rate_of(int(land)))
            for one, land in zip(euros, country, strict=True)
        ]
        return made


def rows_at_shop(brief: Brief, size: int) -> Rows:
    """Card payments of old customers to one modest online shop, checked as honest ones are."""
    rng, people = brief.rng, brief.people
    who = rng.choice(parts.victims(brief, max(3, size // 2)), size)
    rows = brief.payments(moves.within(brief, size, 6.0))
    rows["fraud"] = 0
    rows["type"], rows["channel"] = Type.CARD_PAYMENT, Channel.ECOMMERCE
    rows["initiator"], rows["entry"], rows["guest"] = Initiator.CUSTOMER, Entry.ON_FILE, 0
    rows["party"], rows["card"] = people.party[who], people.cards[who, 0]
    rows["device"], rows["ip"] = people.devices[who, 0, 0], people.home_ips[who, 0]
    rows["billing"] = people.addresses[who, 0]
    brief.shop(rows, np.repeat(parts.shops(brief, _MODEST, 1), size))
    parts.own_checks(rows, brief)
    return rows


CAMPAIGN = MerchantLaundering(
    type="merchant_laundering",
    sizes=(14, 40),
    latest_start=0.6,
    engine="aml",
)
