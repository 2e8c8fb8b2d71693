"""Slow take-over: a phished shop account, left alone for days, then emptied by the card on file.

Variant of `account_takeover` without stuffing and without transfers. Shape: one to five accounts;
at each a failed and a good login from a strange device on a household line of the victim's country;
two to six days of silence; then another e-mail or number, and two to four orders with the stored
card (no security code to fail) of resaleable goods to a new address. The evasive thief changes no
contact at all and keeps near the usual ticket.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import MINUTE_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Entry, Kind, Result, Source
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.merchants import TRADE_RESALE

_CODES = {"05": 0.5, "59": 0.3, "51": 0.2}
_REPORT = Report(Source.CUSTOMER, ("takeover",), delay=0.7)


@dataclass(frozen=True, slots=True)
class SlowTakeover(Terms):
    """Phished accounts and the cards stored in them."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` orders from a few accounts."""
        rng, people = brief.rng, brief.people
        who = parts.victims(brief, max(1, brief.size // 3))
        device, line = parts.machines(brief, people.country[who], network.Line.HOME)
        entered = parts.after(brief, len(who), 0.5)
        returned = entered + (rng.uniform(2, 6, len(who)) * brief.wait_us(1.0)).astype(np.int64)
        which = np.sort(np.arange(brief.size) % len(who))
        later = (rng.uniform(0.1, 6, brief.size) * 3.6e9).astype(np.int64)
        rows = brief.payments(returned[which] + later)
        brief.shop(rows, parts.shops(brief, TRADE_RESALE, len(rows), three_ds_at_most=85))
        self._order(rows, brief, who[which])
        rows["device"], rows["ip"] = device[which], line[which]
        outcomes.authorise(rng, rows, np.full(len(rows), 0.12), _CODES)
        events = _logins(brief, who, device, line, entered, returned)
        return Attack(_operator(brief.evasive), rows, events, report=_REPORT)

    @staticmethod
    def _order(rows: Rows, brief: Brief, who: Ints) -> None:
        rng, people = brief.rng, brief.people
        rows["party"], rows["guest"] = people.party[who], 0
        rows["card"], rows["billing"] = people.cards[who, 0], people.addresses[who, 0]
        drop = population.addresses(rng, brief.cast, people.country[who[:1]])
        parts.deliver(rows, brief, np.full(len(rows), drop[0]))
        parts.typed(rows, brief)
        rows["entry"] = Entry.ON_FILE
        scale = np.full(len(rows), 1.1 if brief.evasive else 2.0)
        rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
        known = np.ones(len(rows), dtype=np.bool_)
        parts.thief_checks(rows, brief, wrong_code=0.0, true_address=known)


CAMPAIGN = SlowTakeover(
    type="slow_takeover", per_100k={"demo": 160.0, "realistic": 5.0}, sizes=(2, 12),
    latest_start=0.8,
)  # fmt: skip


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("quiet phisher", "home proxy of the victim's country", "touches no contact",
                        True, 2, 3.0, 0.08)  # fmt: skip
    return Operator("phisher", "home proxy of the victim's country", "waits days",
                    False, 3, 1.5, 0.06)  # fmt: skip


def _logins(
    brief: Brief, who: Ints, device: Ints, line: Ints, entered: Ints, returned: Ints
) -> Rows:
    steps = [
        (entered, Kind.LOGIN, Result.FAILED),
        (entered + MINUTE_US, Kind.LOGIN, Result.SUCCEEDED),
        (returned - MINUTE_US, Kind.LOGIN, Result.SUCCEEDED),
    ]
    if not brief.evasive:
        contact = Kind.EMAIL_CHANGE if brief.rng.random() < 0.5 else Kind.PHONE_CHANGE
        steps.append((returned, contact, Result.SUCCEEDED))
    party = brief.people.party[who]
    return Rows.concat([
        brief.events(when, kind=kind, party=party, device=device, ip=line, result=result)
        for when, kind, result in steps
    ])  # fmt: skip
