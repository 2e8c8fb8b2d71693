"""Promo abuse: a device farm that is a new customer every few minutes.

Shape: 10 to 60 accounts opened within the last two days, each with one order on the welcome
reduction at one shop, from one to four devices, three to six prepaid or shared cards, many
throw-away mailboxes, one or two delivery addresses. The evasive farm has as many devices as
accounts and proxies for lines, but still shares cards and the address. Analysts find seven of ten.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.words import Promo, Source
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.merchants import TRADE_RECURRING
from paywarden.simulator.world.trades import TRADES

_CODES = {"51": 0.6, "05": 0.4}
_REPORT = Report(Source.ANALYST, ("abuse",), unreported=0.3, delay=0.5)
_REDUCED = np.array([trade.ticket <= 60 and not trade.donation for trade in TRADES])


@dataclass(frozen=True, slots=True)
class PromoAbuse(Terms):
    """Many welcome reductions for one."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` first orders at one shop."""
        rng, count = brief.rng, brief.size
        hours = rng.uniform(4, 20) if brief.evasive else rng.uniform(0.7, 5)
        when = brief.start_us + np.sort(rng.random(count) * hours * 3.6e9).astype(np.int64)
        rows = brief.payments(when)
        shop = parts.shops(brief, _REDUCED & ~TRADE_RECURRING, 1)
        brief.shop(rows, np.full(count, shop[0]))
        country = parts.one_country(brief, count)
        rows["party"] = parts.strangers(brief, country, (0, 2), throwaway=0.4, mail_days=5.0)
        rows["guest"] = 0
        farm = count if brief.evasive else int(rng.integers(1, 5))
        line = network.Line.HOME if brief.evasive or rng.random() < 0.5 else network.Line.HOSTING
        device, address = parts.machines(brief, country[:farm], line)
        used = np.arange(count) % len(device)
        rows["device"], rows["ip"] = device[used], address[used]
        few = int(rng.integers(3, 7))
        purse = population.issue_cards(
            rng, brief.cast, rows["party"][:few], country[:few], brief.start_us
        )
        rows["card"] = purse[np.arange(count) % len(purse)]
        homes = population.addresses(rng, brief.cast, country[:2])
        rows["billing"] = homes[np.arange(count) % 2]
        parts.deliver(rows, brief, rows["billing"])
        parts.typed(rows, brief)
        rows["promo"] = Promo.WELCOME
        scale = np.full(count, 0.8)
        rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
        parts.own_checks(rows, brief)
        outcomes.authorise(rng, rows, np.full(count, 0.05), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing(), report=_REPORT)


CAMPAIGN = PromoAbuse(
    type="promo_abuse", per_100k={"demo": 500.0, "realistic": 8.0}, sizes=(10, 60)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("voucher farm", "rack of phones behind home proxies", "a phone per account",
                        True, 8, 1.5, 0.5)  # fmt: skip
    return Operator("voucher hunter", "emulator", "none", False, 12, 1.0, 0.5)
