"""Mule network: accounts through which stolen money runs within a day.

Shape: three to seven accounts, opened one to five weeks ago or (evasive) belonging to recruited
customers, share one to three devices. Money comes in by top-ups (campaign rows that are no fraud of
their own); within 24 hours 80 to 95 % of it leaves in one to three transfers to one or two
collectors. Six of ten transfers come to light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Source, Type
from paywarden.simulator.world import banking, network

_CODES = {"61": 0.5, "57": 0.5}
_REPORT = Report(Source.ANALYST, ("abuse",), unreported=0.4, delay=1.0)
_DAYS = 6.0
_SPLITS = 2


@dataclass(frozen=True, slots=True)
class MuleNetwork(Terms):
    """In by top-up, out by transfer."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` transfers out of the network."""
        rng, size = brief.rng, brief.size
        party, country, device, line = _accounts(brief)
        inflows = max(1, size // _SPLITS)
        who = np.arange(inflows) % len(party)
        money = brief.payments(parts.after(brief, inflows, _DAYS))
        money["fraud"] = 0
        euros = rng.lognormal(np.log(700 if brief.evasive else 1_600), 0.5, inflows)
        parts.transfers(money, party[who], country[who], Type.TOP_UP)
        money["amount"] = banking.whole_sums(rng, euros, country[who])
        of = np.sort(np.arange(size) % inflows)
        rows = brief.payments(money["time"][of] + _within_a_day(rng, size))
        parts.transfers(rows, party[who[of]], country[who[of]])
        share = rng.uniform(0.80, 0.95, inflows) / np.bincount(of, minlength=inflows)
        rows["amount"] = np.maximum(100, (money["amount"][of] * share[of]).astype(np.int64))
        collectors = parts.mules(brief, country[:2])
        rows["payee"] = collectors[rng.integers(0, len(collectors), size)]
        for table, account in ((money, who), (rows, who[of])):
            table["device"], table["ip"] = device[account], line[account]
            outcomes.authorise(rng, table, np.full(len(table), 0.02), _CODES)
        both = Rows.concat([money, rows])
        return Attack(_operator(brief.evasive), both, brief.nothing(), report=_REPORT)


CAMPAIGN = MuleNetwork(
    type="mule_network", per_100k={"demo": 260.0, "realistic": 7.0}, sizes=(4, 16)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("herder of recruits", "recruits' own accounts", "smaller sums after a stop",
                        True, 3, 2.0, 0.6, ("amount",))  # fmt: skip
    return Operator("mule herder", "accounts on a few phones", "none", False, 4, 1.0, 0.3)


def _within_a_day(rng: np.random.Generator, count: int) -> Ints:
    return (rng.uniform(0.02, 0.95, count) * DAY_US).astype(np.int64)


def _accounts(brief: Brief) -> tuple[Ints, Ints, Ints, Ints]:
    """Party, country, device and line of each account."""
    rng, count = brief.rng, int(brief.rng.integers(3, 8))
    if brief.evasive:
        who = parts.victims(brief, count)
        people = brief.people
        return people.party[who], people.country[who], people.devices[who, 0, 0], (
            people.home_ips[who, 0]
        )  # fmt: skip
    country = parts.one_country(brief, count)
    party = parts.strangers(brief, country, (7, 35), throwaway=0.05, mail_days=40.0)
    device, line = parts.machines(brief, country, network.Line.HOME)
    shared = np.arange(count) % int(rng.integers(1, 4))
    return party, country, device[shared], line[shared]
