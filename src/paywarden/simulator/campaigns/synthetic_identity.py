"""Synthetic identity: people who do not exist, patient until the limit is worth it.

Shape: 3 to 7 made-up customers with real cards in their names; they share one or two telephone
numbers, a delivery address and one to three devices. For about two weeks they pay small sums and
pay them back (campaign rows that are no fraud); then, within two days, they buy resaleable goods
far above their habit and vanish. The evasive ring has a device for each and shares the address
only. Nobody is robbed, so the report is the lender's, weeks later, and one in five never comes.
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
from paywarden.simulator.world.merchants import TRADE_DELIVERS, TRADE_RECURRING, TRADE_RESALE

_CODES = {"51": 0.6, "61": 0.25, "05": 0.15}
_REPORT = Report(Source.ANALYST, ("unpaid",), unreported=0.2, delay=3.0)
_PATIENCE_DAYS = 14.0
_EACH = 3  # harmless payments per fraudulent one


@dataclass(frozen=True, slots=True)
class SyntheticIdentity(Terms):
    """A ring of invented customers and its day of harvest."""

    def attack(self, brief: Brief) -> Attack:
        """Some weeks of good conduct, then `brief.size` purchases."""
        ring = _Ring.make(brief)
        early = parts.after(brief, brief.size * _EACH, _PATIENCE_DAYS)
        harvest = brief.start_us + brief.wait_us(_PATIENCE_DAYS)
        built = brief.payments(early)
        built["fraud"] = 0
        brief.shop(built, parts.shops(brief, ~TRADE_RECURRING, len(built)))
        taken = brief.payments(parts.after(brief, brief.size, 2.0, harvest))
        brief.shop(taken, parts.shops(brief, TRADE_RESALE, len(taken)))
        for rows, scale, decline in ((built, 0.7, 0.02), (taken, 3.5, 0.18)):
            ring.pay(rows, brief, scale)
            outcomes.authorise(brief.rng, rows, np.full(len(rows), decline), _CODES)
        rows = Rows.concat([built, taken])
        return Attack(_operator(brief.evasive), rows, brief.nothing(), report=_REPORT)


CAMPAIGN = SyntheticIdentity(
    type="synthetic_identity", per_100k={"demo": 260.0, "realistic": 6.0}, sizes=(6, 24),
    latest_start=0.6,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("identity breeder", "a phone and a mailbox for each person",
                        "shares the address only", True, 4, 2.0, 0.85, ("amount",))  # fmt: skip
    return Operator("identity farm", "a few phones, invented names", "none", False, 8, 1.0, 0.8)


@dataclass(frozen=True, slots=True)
class _Ring:
    party: Ints
    card: Ints
    device: Ints
    line: Ints
    billing: Ints
    drop: Ints

    @classmethod
    def make(cls, brief: Brief) -> _Ring:
        rng, count = brief.rng, int(brief.rng.integers(3, 8))
        country = parts.one_country(brief, count)
        party = parts.strangers(brief, country, (10, 50), throwaway=0.05, mail_days=60.0)
        phones = brief.pools.rows("parties")["phone"]
        phones[party] = phones[party[np.arange(count) % (count if brief.evasive else 2)]]
        device, line = parts.machines(brief, country, network.Line.HOME)
        shared = np.arange(count) % (count if brief.evasive else int(rng.integers(1, 4)))
        return cls(
            party,
            population.issue_cards(rng, brief.cast, party, country, brief.start_us),
            device[shared],
            line[shared],
            population.addresses(rng, brief.cast, country),
            population.addresses(rng, brief.cast, country[:1]),
        )

    def pay(self, rows: Rows, brief: Brief, scale: float) -> None:
        """Let the ring pay these rows, person by person."""
        who = brief.rng.integers(0, len(self.party), len(rows))
        rows["party"], rows["guest"], rows["card"] = self.party[who], 0, self.card[who]
        rows["device"], rows["ip"] = self.device[who], self.line[who]
        rows["billing"] = self.billing[who]
        trade = brief.pools.column("merchants", "trade")[rows["merchant"]]
        rows["shipping"] = np.where(TRADE_DELIVERS[trade], self.drop[0], -1)
        parts.typed(rows, brief)
        factor = np.full(len(rows), scale)
        rows["amount"] = spending.amounts(brief.rng, brief.pools, rows["merchant"], factor)
        parts.own_checks(rows, brief)
