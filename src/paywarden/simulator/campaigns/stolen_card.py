"""Stolen card: a customer's card in a thief's browser.

Shape: one to three real cards, each used some three to ten times within hours or two days, from a
device and line that the card never saw, shipped to a drop address, in trades whose goods can be
resold (electronics, jewellery, games, gift cards), with amounts creeping up until the issuer stops
it. The evasive operator sits on a line in the victim's country, gives the true billing address,
stays near the merchant's usual ticket and takes more time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Avs, Channel, Cvv, Entry, ThreeDs
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.merchants import TRADE_CHANNEL, TRADE_DELIVERS, TRADE_RESALE

_CODES = {"05": 0.5, "51": 0.25, "59": 0.25}


@dataclass(frozen=True, slots=True)
class StolenCard(Terms):
    """Resaleable goods on somebody else's card."""

    def attack(self, brief: Brief) -> Attack:
        """Use up a few cards, `brief.size` attempts in all."""
        cards = max(1, min(3, brief.size // 4))
        which = np.sort(np.arange(brief.size) % cards)
        nth = np.arange(brief.size) - np.searchsorted(which, which)
        rows = brief.payments(_times(brief, which, nth))
        brief.shop(rows, _targets(brief))
        _impersonate(rows, brief, which, cards)
        _prices(rows, brief, nth)
        _checks(rows, brief)
        outcomes.authorise(brief.rng, rows, np.minimum(0.15 + 0.09 * nth, 0.85), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = StolenCard(
    type="stolen_card",
    per_100k={"demo": 700.0, "realistic": 22.0},
    sizes=(3, 14),
    evasive_share=0.45,
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("careful carder", "household proxy and anti-detect browser",
                        "waits longer and changes machine after a refusal",
                        True, 3, 2.0, 0.08)  # fmt: skip
    return Operator("hasty carder", "own browser over a VPN", "raises amounts until stopped",
                    False, 4, 1.0, 0.05)  # fmt: skip


def _times(brief: Brief, which: Ints, nth: Ints) -> Ints:
    mean_hours = 5.0 if brief.evasive else 0.5
    waits = brief.rng.exponential(mean_hours, len(which)) * HOUR_US
    total = np.cumsum(waits)
    begin = total[np.searchsorted(which, which)]  # each card starts its own clock
    offset = (brief.rng.uniform(0, 6, which.max() + 1) * HOUR_US)[which]
    when: Ints = (brief.start_us + offset + total - begin).astype(np.int64)
    return when


def _targets(brief: Brief) -> Ints:
    table = brief.pools.rows("merchants")
    trade = table["trade"]
    fit = TRADE_RESALE[trade] & (TRADE_CHANNEL[trade] == Channel.ECOMMERCE)
    careless = np.flatnonzero(fit & (table["three_ds_percent"] <= 55))
    return brief.rng.choice(careless, brief.size)


def _impersonate(rows: Rows, brief: Brief, which: Ints, cards: int) -> None:
    rng, people = brief.rng, brief.people
    victims = rng.choice(np.flatnonzero(people.born_us < brief.start_us), cards)
    country = people.country[victims]
    far = rng.integers(0, len(COUNTRIES), cards)
    lives = country if brief.evasive or rng.random() < 0.3 else far
    hosted = not brief.evasive and rng.random() < 0.5
    line = network.Line.HOSTING if hosted else network.Line.HOME
    created = brief.start_us - rng.integers(0, 3 * DAY_US, cards)
    aliases = population.parties(
        rng, brief.cast, country, created, brief.start_us, throwaway=0.15, mail_days=150.0
    )
    true_address = brief.evasive | (rng.random(cards) < 0.55)
    made_up = population.addresses(rng, brief.cast, country)
    drops = population.addresses(rng, brief.cast, lives)
    rows["party"] = aliases[which]
    rows["guest"] = rng.random(len(rows)) < 0.4
    rows["card"] = people.cards[victims, 0][which]
    rows["device"] = population.devices(rng, brief.cast, lives)[which]
    rows["ip"] = network.draw(rng, brief.cast, lives, line)[which]
    rows["billing"] = np.where(true_address, people.addresses[victims, 0], made_up)[which]
    delivers = TRADE_DELIVERS[brief.pools.column("merchants", "trade")[rows["merchant"]]]
    rows["shipping"] = np.where(delivers, drops[which], -1)
    rows["avs"] = np.where(true_address, Avs.MATCH, Avs.NO_MATCH)[which]
    rows["entry"] = Entry.MANUAL
    rows["basket"] = rng.integers(1, 4, len(rows))


def _prices(rows: Rows, brief: Brief, nth: Ints) -> None:
    growth = 1.05 if brief.evasive else 1.4
    scale = np.minimum((1.0 if brief.evasive else 1.3) * growth**nth, 8.0)
    rows["amount"] = spending.amounts(brief.rng, brief.pools, rows["merchant"], scale)


def _checks(rows: Rows, brief: Brief) -> None:
    rng, believed = brief.rng, rows["avs"].copy()
    spending.genuine_checks(rows, rng, brief.pools)
    rows["avs"] = np.where(rows["avs"] == Avs.UNAVAILABLE, Avs.UNAVAILABLE, believed)
    rows["cvv"] = rng.choice([Cvv.MATCH, Cvv.NO_MATCH], len(rows), p=[0.86, 0.14])
    asked = rows["three_ds"] >= 0
    result = rng.choice([ThreeDs.FAILED, ThreeDs.ATTEMPTED], len(rows), p=[0.6, 0.4])
    rows["three_ds"] = np.where(asked, result, -1)
