"""Mule ring: a herder's recruits take in stolen money and hand it on within hours.

Five to twelve accounts, half of them opened for it; each is paid one to three times by people who
were deceived or robbed, and within hours most of it leaves: to one of two collectors, or as cash.
A bold herder runs the accounts from two telephones; an evasive one lets the recruits do it.
Source: Europol, European Money Mule Action; FATF, Money mules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class MuleRing(Terms):
    """Payers, mules, collectors."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments in, as many on."""
        rng, size = brief.rng, brief.size
        mules = int(rng.integers(5, 13))
        people = moves.circle(brief, mules + size + 2, fresh=0.3)
        if not brief.evasive:
            _run_by_herder(people, mules)
        mule = np.arange(size) % mules
        payers = mules + np.arange(size)
        euros = rng.lognormal(np.log(900 if brief.evasive else 1_700), 0.4, size)
        when = moves.within(brief, size, 5.0 if brief.evasive else 2.0)
        into = moves.pay(
            brief, people, payers, people.account[mule], when, moves.typed(brief, people, euros)
        )
        later = moves.hours_later(brief, when, 0.4, 30 if brief.evasive else 7)
        passed = into["amount"] * rng.uniform(0.85, 0.95, size)
        cash = rng.random(size) < 0.3
        collector = people.account[mules + size + rng.integers(0, 2, size)]
        on = np.flatnonzero(~cash)
        out = moves.pay(brief, people, mule[on], collector[on], later[on], passed[on])
        taken = np.flatnonzero(cash)
        drawn = moves.withdraw(brief, people, mule[taken], later[taken], passed[taken])
        return moves.guilty(brief, "herder", into, out, drawn)


def _run_by_herder(people: moves.Circle, mules: int) -> None:
    """The recruits' accounts are run from one or two telephones of the herder."""
    for column in (people.device, people.line):
        column[:mules] = column[np.arange(mules) % 2]


CAMPAIGN = MuleRing(
    type="mule_ring",
    sizes=(8, 22),
    latest_start=0.7,
    engine="aml",
)
