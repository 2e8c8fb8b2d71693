"""Merchants: who sells what, where, at which prices, through which tills.

Popularity follows a Zipf law within country and channel. `Picker` draws merchants by popularity
for many payments at once.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.rows import Floats, Ints
from paywarden.simulator.words import Channel
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.pools import Cast, Pools
from paywarden.simulator.world.trades import TRADES

TRADE_CHANNEL = np.array([trade.channel for trade in TRADES], dtype=np.int64)
TRADE_RESALE = np.array([trade.resale for trade in TRADES])
TRADE_RECURRING = np.array([trade.recurring for trade in TRADES])
TRADE_DELIVERS = np.array([trade.delivers for trade in TRADES])
TRADE_DONATION = np.array([trade.donation for trade in TRADES])


def create(rng: np.random.Generator, cast: Cast, count: int, start_us: int) -> Ints:
    """About `count` merchants with tills; every country has every trade at least once."""
    shares = np.array([country.share for country in COUNTRIES])
    pairs = [(t, c) for t in range(len(TRADES)) for c in range(len(COUNTRIES))]
    extra = max(0, count - len(pairs))
    weights = np.array([t.share for t in TRADES]) ** 0.5
    trade = np.concatenate(
        [[p[0] for p in pairs], rng.choice(len(TRADES), extra, p=weights / weights.sum())]
    ).astype(np.int64)
    country = np.concatenate(
        [[p[1] for p in pairs], rng.choice(len(COUNTRIES), extra, p=shares / shares.sum())]
    ).astype(np.int64)
    added = cast.add("merchants", len(trade), trade=trade, country=country,
                     **_character(rng, trade, country, start_us))  # fmt: skip
    _tills(rng, cast, added, trade)
    return added


def _character(
    rng: np.random.Generator, trade: Ints, country: Ints, start_us: int
) -> dict[str, Ints]:
    ticket = np.log(np.array([t.ticket for t in TRADES]))[trade]
    spread = np.array([t.spread for t in TRADES])[trade]
    share = np.array([t.share for t in TRADES])[trade]
    rank = np.empty(len(trade))
    for key in np.unique(trade * len(COUNTRIES) + country):
        group = np.flatnonzero(trade * len(COUNTRIES) + country == key)
        rank[group] = rng.permutation(len(group)) + 1
    # the merchants of one trade and country share the trade's business between them
    weight = share / rank**0.9
    age_days = rng.exponential(900, len(trade)) + 5
    return {
        "created": (start_us - age_days * DAY_US).astype(np.int64),
        "mu_milli": np.round(1000 * (ticket + rng.normal(0, 0.3, len(trade)))).astype(np.int64),
        "sigma_milli": np.round(1000 * spread * rng.uniform(0.8, 1.1, len(trade))).astype(np.int64),
        "weight_milli": np.maximum(1, np.round(1e6 * weight)).astype(np.int64),
        "three_ds_percent": rng.choice([10, 55, 85, 95], len(trade), p=[0.15, 0.25, 0.35, 0.25]),
    }


def _tills(rng: np.random.Generator, cast: Cast, merchants: Ints, trade: Ints) -> None:
    physical = merchants[TRADE_CHANNEL[trade] != Channel.ECOMMERCE]
    tills = np.sort(np.repeat(physical, rng.integers(1, 6, len(physical))))
    cast.add("terminals", len(tills), merchant=tills)


class Picker:
    """Draws merchants by popularity within a country, and their tills."""

    def __init__(self, pools: Pools) -> None:
        table = pools.rows("merchants")
        self._country = table["country"]
        self._channel = TRADE_CHANNEL[table["trade"]]
        self._weight = table["weight_milli"].astype(np.float64)
        owners = pools.column("terminals", "merchant")
        every = np.arange(len(table))
        self._first_till = np.searchsorted(owners, every)
        self._tills = np.searchsorted(owners, every, side="right") - self._first_till

    def choose(self, rng: np.random.Generator, country: Ints, channel: Channel) -> Ints:
        """One merchant per entry of `country`; three online purchases in ten go abroad."""
        at = rng.random(len(country))
        chosen = np.empty(len(country), dtype=np.int64)
        for here in np.unique(country):
            mine = country == here
            fit, cumulative = self._cumulative(int(here), channel)
            found = np.searchsorted(cumulative, at[mine])
            chosen[mine] = fit[np.minimum(found, len(fit) - 1)]
        return chosen

    def _cumulative(self, country: int, channel: Channel) -> tuple[Ints, Floats]:
        fit = np.flatnonzero(self._channel == channel)
        weight = self._weight[fit] * (self._country[fit] == country)
        if channel is Channel.ECOMMERCE:
            weight = 0.7 * weight / weight.sum() + 0.3 * self._weight[fit] / self._weight[fit].sum()
        cumulative = np.cumsum(weight)
        return fit, cumulative / cumulative[-1]

    def till(self, rng: np.random.Generator, merchant: Ints) -> Ints:
        """A till of each merchant; -1 for merchants without tills."""
        tills = self._tills[merchant]
        which = (rng.random(len(merchant)) * tills).astype(np.int64)
        return np.where(tills > 0, self._first_till[merchant] + which, -1)
