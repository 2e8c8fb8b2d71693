"""Companies: honest business buyers who look like thieves with a cart.

One buys a pile of gift cards for its staff within an hour or two; one sends presents or spare parts
to many addresses; one pays many small bills of one supplier by one card. Look-alikes of stolen
cards, of triangulation (one account, many delivery addresses) and of laundering.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import PAYMENT_COLUMNS, Ints, Rows
from paywarden.simulator.words import Channel
from paywarden.simulator.world.merchants import TRADE_CHANNEL, TRADE_DELIVERS
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.spending import Spender
from paywarden.simulator.world.trades import TRADES

_PER_PERSON_DAY = 1 / 15_000  # each of the three kinds
_GIFT = np.array([trade.mcc == "5947" for trade in TRADES])


def orders(
    rng: np.random.Generator, spender: Spender, preset: Preset, horizon: Horizon, cast: Cast
) -> Rows:
    """Payments of every company order of the span."""
    expected = _PER_PERSON_DAY * preset.customers * horizon.days
    made = [Rows.blank(PAYMENT_COLUMNS, 0)]
    for kind in (_gift_cards, _presents, _bills):
        for _ in range(rng.poisson(expected)):
            made.append(_within(kind(rng, spender, horizon, cast), horizon, spender))
    return Rows.concat(made)


def _gift_cards(rng: np.random.Generator, spender: Spender, horizon: Horizon, cast: Cast) -> Rows:
    rows = _orders(rng, spender, horizon, cast, _GIFT, int(rng.integers(8, 31)), 2.0)
    rows["amount"] = 2_500 * int(rng.integers(1, 5))
    return rows


def _presents(rng: np.random.Generator, spender: Spender, horizon: Horizon, cast: Cast) -> Rows:
    rows = _orders(rng, spender, horizon, cast, TRADE_DELIVERS, int(rng.integers(6, 21)), 30.0)
    strangers = rng.integers(0, len(spender.people), len(rows))
    rows["shipping"] = spender.people.addresses[strangers, 0]
    return rows


def _bills(rng: np.random.Generator, spender: Spender, horizon: Horizon, cast: Cast) -> Rows:
    rows = _orders(rng, spender, horizon, cast, ~_GIFT, int(rng.integers(5, 16)), 200.0)
    rows["amount"] = rows["amount"] // 1_000 * 1_000 + 1_000  # round sums
    return rows


def _orders(
    rng: np.random.Generator,
    spender: Spender,
    horizon: Horizon,
    cast: Cast,
    trades: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    count: int,
    hours: float,
) -> Rows:
    """`count` orders of one buyer with one card at one online merchant within `hours`."""
    trade = spender.pools.column("merchants", "trade")
    fit = np.flatnonzero(trades[trade] & (TRADE_CHANNEL[trade] == Channel.ECOMMERCE))
    buyer = int(rng.integers(0, len(spender.people)))
    begin = horizon.start_us + int(rng.integers(0, horizon.days)) * DAY_US
    begin += int(rng.uniform(7, 15) * HOUR_US)
    when: Ints = begin + np.sort(rng.uniform(0, hours, count) * HOUR_US).astype(np.int64)
    merchant = np.full(count, rng.choice(fit))
    online = np.ones(count, dtype=np.bool_)
    rows = spender.at(cast, np.full(count, buyer), when, online, merchant)
    rows["card"] = spender.people.cards[buyer, 0]
    rows["guest"] = 0
    return rows


def _within(rows: Rows, horizon: Horizon, spender: Spender) -> Rows:
    born = spender.people.born_us[np.searchsorted(spender.people.party, rows["party"])]
    return rows.take((rows["time"] < horizon.end_us) & (rows["time"] >= born))
