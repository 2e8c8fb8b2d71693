"""Authorised push scam: the victim himself sends the money, talked into it.

Shape: over some days two to eight victims, each from his own device and home line, add the same
new recipient (or one of two) and send one to three growing sums within an hour or two, far above
their habit. No check fails and a challenge is passed. The evasive crew has a recipient per victim
and stays below what the bank asks about. Victims report within days; one in seven never does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Kind, Result, Source
from paywarden.simulator.world import banking

_CODES = {"61": 0.6, "57": 0.4}
_REPORT = Report(Source.CUSTOMER, ("deceived",), unreported=0.14, delay=0.4)
_DAYS = 4.0


@dataclass(frozen=True, slots=True)
class PushScam(Terms):
    """Victims who pay a stranger."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` transfers by a handful of victims."""
        rng, people = brief.rng, brief.people
        who = parts.victims(brief, max(1, brief.size // 2))
        called = parts.after(brief, len(who), _DAYS)
        country = people.country[who]
        some = parts.mules(brief, country if brief.evasive else country[:2])
        payee = some[np.arange(len(who)) % len(some)]
        which = np.sort(np.arange(brief.size) % len(who))
        nth = np.arange(brief.size) - np.searchsorted(which, which)
        later = ((nth + 1) * rng.uniform(4, 40, brief.size) * 6e7).astype(np.int64)
        rows = brief.payments(called[which] + later)
        parts.transfers(rows, people.party[who[which]], country[which])
        _from_home(rows, brief, who[which])
        rows["payee"] = payee[which]
        euros = rng.lognormal(np.log(780 if brief.evasive else 1_900), 0.6, brief.size)
        euros *= 1.25**nth
        rows["amount"] = banking.whole_sums(rng, euros, country[which])
        outcomes.authorise(rng, rows, np.full(brief.size, 0.03), _CODES)
        events = _adding(brief, who, called, payee)
        return Attack(_operator(brief.evasive), rows, events, report=_REPORT)


CAMPAIGN = PushScam(type="push_scam", per_100k={"demo": 240.0, "realistic": 8.0}, sizes=(2, 12))


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("patient callers", "script, one recipient per victim",
                        "asks for less when stopped", True, 3, 2.0, 0.75, ("amount",))  # fmt: skip
    return Operator("callers", "call centre, few recipients", "urges on", False, 3, 1.0, 0.8)


def _from_home(rows: Rows, brief: Brief, who: Ints) -> None:
    people = brief.people
    rows["device"], rows["ip"] = people.devices[who, 0, 0], people.home_ips[who, 0]


def _adding(brief: Brief, who: Ints, called: Ints, payee: Ints) -> Rows:
    people = brief.people
    return brief.events(
        called,
        kind=Kind.PAYEE_ADDED,
        party=people.party[who],
        device=people.devices[who, 0, 0],
        ip=people.home_ips[who, 0],
        payee=payee,
        result=Result.SUCCEEDED,
    )
