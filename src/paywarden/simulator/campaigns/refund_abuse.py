"""Refund abuse: goods bought to get the money back and keep the goods.

Shape: one to four accounts that share a delivery address buy goods (campaign rows that are no
fraud) and ask for a refund of nearly each within one to four days, in full: 4 to 20 requests in
some ten days. The evasive operator uses an account for every second purchase and waits longer. What
the platform decides is the request (phase `refund`). Analysts find seven of ten.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Source
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.merchants import TRADE_DELIVERS

_CODES = {"51": 0.7, "05": 0.3}
_REPORT = Report(Source.ANALYST, ("abuse",), unreported=0.3, delay=1.2)
_SPREE_DAYS = 10.0


@dataclass(frozen=True, slots=True)
class RefundAbuse(Terms):
    """Purchases and their refunds."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` refunds of as many purchases."""
        bought = brief.payments(parts.after(brief, brief.size, _SPREE_DAYS))
        bought["fraud"] = 0
        brief.shop(bought, parts.shops(brief, TRADE_DELIVERS, len(bought)))
        _buy(bought, brief)
        outcomes.authorise(brief.rng, bought, np.full(len(bought), 0.03), _CODES)
        days = brief.rng.uniform(2, 9, len(bought)) if brief.evasive else brief.rng.uniform(
            1, 4, len(bought)
        )  # fmt: skip
        later = bought["time"] + (days * brief.wait_us(1.0)).astype(np.int64)
        back = outcomes.back_payments(brief.cast, bought, later)
        back["fraud"] = 1
        rows = Rows.concat([bought, back])
        return Attack(_operator(brief.evasive), rows, brief.nothing(), report=_REPORT)


CAMPAIGN = RefundAbuse(
    type="refund_abuse", per_100k={"demo": 220.0, "realistic": 8.0}, sizes=(4, 20),
    latest_start=0.7,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("refund service", "an account for every second order", "waits",
                        True, 3, 2.0, 0.6, ("device", "line"))  # fmt: skip
    return Operator("refunder", "own phone, a few accounts", "none", False, 5, 1.0, 0.7)


def _buy(rows: Rows, brief: Brief) -> None:
    rng = brief.rng
    count = max(1, brief.size // 2) if brief.evasive else int(rng.integers(1, 5))
    country = parts.one_country(brief, count)
    party = parts.strangers(brief, country, (5, 200), throwaway=0.05, mail_days=200.0)
    device, line = parts.machines(brief, country, network.Line.HOME)
    card = population.issue_cards(rng, brief.cast, party, country, brief.start_us)
    which: Ints = np.arange(len(rows)) % count
    rows["party"], rows["guest"], rows["card"] = party[which], 0, card[which]
    rows["device"], rows["ip"] = device[which], line[which]
    home = population.addresses(rng, brief.cast, country[:1])
    rows["billing"] = np.full(len(rows), home[0])
    parts.deliver(rows, brief, rows["billing"])
    parts.typed(rows, brief)
    scale = np.full(len(rows), 2.0)
    rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
    parts.own_checks(rows, brief)
