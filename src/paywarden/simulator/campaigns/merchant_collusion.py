"""Merchant collusion: a shop that sells nothing and takes payments for a business it may not have.

Shape: for some days a small online shop that used to take little takes 15 to 80 round payments well
above its ticket from five to fifteen cards that come back again and again, on one to three devices,
with no delivery, at all hours; one in eight is refunded to the same card. The evasive shop keeps to
business hours and to prices near its ticket. Half of it never comes to light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Channel, Source
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.merchants import TRADE_CHANNEL, TRADE_DELIVERS

_CODES = {"51": 0.6, "05": 0.4}
_REPORT = Report(Source.ANALYST, ("abuse",), unreported=0.5, delay=1.5)
_DAYS = 5.0
_REFUNDED = 8


@dataclass(frozen=True, slots=True)
class MerchantCollusion(Terms):
    """Laundering through a shop."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments to one shop."""
        rows = brief.payments(parts.after(brief, brief.size, _DAYS))
        brief.shop(rows, np.full(len(rows), _shop(brief)))
        _pay(rows, brief)
        scale = np.full(len(rows), 1.3 if brief.evasive else 4.0)
        amount = spending.amounts(brief.rng, brief.pools, rows["merchant"], scale)
        rows["amount"] = amount if brief.evasive else np.maximum(5_000, amount // 5_000 * 5_000)
        parts.own_checks(rows, brief)
        outcomes.authorise(brief.rng, rows, np.full(len(rows), 0.03), _CODES)
        some = rows.take(np.arange(len(rows)) % _REFUNDED == 0)
        later = some["time"] + (brief.rng.uniform(0.2, 2, len(some)) * brief.wait_us(1.0)).astype(
            np.int64
        )
        both = Rows.concat([rows, outcomes.back_payments(brief.cast, some, later)])
        return Attack(_operator(brief.evasive), both, brief.nothing(), report=_REPORT)


CAMPAIGN = MerchantCollusion(
    type="merchant_collusion", per_100k={"demo": 500.0, "realistic": 8.0}, sizes=(15, 80),
    latest_start=0.85,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("careful front", "shop with real prices", "keeps to its ticket",
                        True, 6, 2.0, 0.9, ("amount",))  # fmt: skip
    return Operator("front shop", "shop without goods", "none", False, 10, 1.0, 0.9)


def _shop(brief: Brief) -> int:
    table = brief.pools.rows("merchants")
    trade = table["trade"]
    fit = np.flatnonzero(TRADE_DELIVERS[trade] & (TRADE_CHANNEL[trade] == Channel.ECOMMERCE))
    small = fit[np.argsort(table["weight_milli"][fit], kind="stable")[: max(1, len(fit) // 3)]]
    return int(brief.rng.choice(small))


def _pay(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, int(brief.rng.integers(5, 16))
    country = parts.one_country(brief, count)
    party = parts.strangers(brief, country, (20, 300), throwaway=0.03, mail_days=200.0)
    card = population.issue_cards(rng, brief.cast, party, country, brief.start_us)
    device, line = parts.machines(brief, country, network.Line.HOME)
    few = count if brief.evasive else int(rng.integers(1, 4))
    who: Ints = rng.integers(0, count, len(rows))
    rows["party"], rows["guest"], rows["card"] = party[who], 0, card[who]
    rows["device"], rows["ip"] = device[who % few], line[who % few]
    rows["billing"] = population.addresses(rng, brief.cast, country)[who]
    parts.typed(rows, brief)
    rows["basket"] = 1
