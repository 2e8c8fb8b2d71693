"""Compromised terminal: a skimmer copies cards at one till; the copies are spent elsewhere.

Shape: for up to 28 days one busy till reads along. The purchases there are genuine (truth lists
them as exposed, not as fraud): the common point of purchase. Two to fourteen days after each visit
the copied card appears on the magnetic stripe at other merchants, one to three times, in goods that
can be resold or as cash. The bold operator spends abroad and high; the evasive one in the victim's
own country, near usual tickets, one use per card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Channel, Entry, Status
from paywarden.simulator.world import spending
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.merchants import TRADE_CHANNEL, TRADE_RESALE
from paywarden.simulator.world.trades import TRADES

_CODES = {"05": 0.5, "51": 0.2, "59": 0.2, "57": 0.1}
_GENERAL = np.array([trade.mcc in ("5311", "5651") for trade in TRADES])
SKIMMING_DAYS = 28.0
_CAUGHT_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class CompromisedTerminal(Terms):
    """Copied cards from one till."""

    def attack(self, brief: Brief) -> Attack:
        """Skim one till and spend up to `brief.size` times on the copies."""
        exposed = _skim(brief)
        used = _uses(brief, exposed)
        seen = brief.genuine["time"][used]
        wait = (brief.rng.uniform(2, 14, len(used)) * brief.wait_us(1.0)).astype(np.int64)
        rows = brief.payments(seen + wait)
        rows["card"] = brief.genuine["card"][used]
        _spend(rows, brief, used)
        decline = 0.22 if brief.evasive else 0.4
        outcomes.authorise(brief.rng, rows, np.full(len(rows), decline), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing(), exposed)


CAMPAIGN = CompromisedTerminal(
    type="compromised_terminal",
    per_100k={"demo": 450.0, "realistic": 22.0},
    sizes=(12, 60),
    latest_start=0.3,
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("local cloner", "skimmer with radio, stripe writer", "one use per card",
                        True, 6, 1.5, 0.03)  # fmt: skip
    return Operator("travelling cloner", "skimmer, stripe writer", "spends until stopped",
                    False, 10, 1.0, 0.02)  # fmt: skip


def _skim(brief: Brief) -> Ints:
    time = brief.genuine["time"]
    until = brief.start_us + brief.wait_us(SKIMMING_DAYS)
    seen = (time >= brief.start_us) & (time < until) & (brief.genuine["terminal"] >= 0)
    seen &= brief.genuine["status"] == Status.AUTHORISED
    rows = np.flatnonzero(seen)
    if not len(rows):
        return rows
    tills, visits = np.unique(brief.genuine["terminal"][rows], return_counts=True)
    busiest = np.argsort(-visits, kind="stable")[:40]
    weight = visits[busiest] / visits[busiest].sum()
    till = brief.rng.choice(tills[busiest], p=weight)
    there = rows[brief.genuine["terminal"][rows] == till]
    caught: Ints = there[brief.rng.random(len(there)) < _CAUGHT_SHARE]
    return caught


def _uses(brief: Brief, exposed: Ints) -> Ints:
    each = 1 if brief.evasive else 3
    pool = np.repeat(exposed, each)
    return np.sort(brief.rng.permutation(pool)[: brief.size])


def _spend(rows: Rows, brief: Brief, used: Ints) -> None:
    rng, count = brief.rng, len(rows)
    home = brief.pools.column("merchants", "country")[brief.genuine["merchant"][used]]
    away = np.full(count, rng.integers(0, len(COUNTRIES)))
    brief.shop(rows, _targets(brief, home if brief.evasive else away))
    scale = np.full(count, 1.1 if brief.evasive else 2.2)
    rows["amount"] = spending.amounts(rng, brief.pools, rows["merchant"], scale)
    rows["entry"] = Entry.MAGSTRIPE


def _targets(brief: Brief, country: Ints) -> Ints:
    table = brief.pools.rows("merchants")
    channel = TRADE_CHANNEL[table["trade"]]
    goods = (channel == Channel.POS) & (TRADE_RESALE | _GENERAL)[table["trade"]]
    cash = channel == Channel.ATM
    wants_cash = brief.rng.random(len(country)) < 0.15
    at = brief.rng.random(len(country))
    chosen = np.empty(len(country), dtype=np.int64)
    for i, (land, notes) in enumerate(zip(country, wants_cash, strict=True)):
        fit = np.flatnonzero((cash if notes else goods) & (table["country"] == land))
        chosen[i] = fit[int(at[i] * len(fit))]
    return chosen
