"""Surges: honest crowds that look like attacks.

A flash sale sells one article at one price to a crowd within three hours; a donation appeal draws
many small gifts from many cards to one charity. Both resemble card testing: many cards, one
merchant, equal small amounts, a short time.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import PAYMENT_COLUMNS, Rows
from paywarden.simulator.world.merchants import TRADE_DELIVERS, TRADE_DONATION
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.spending import Spender


def crowd(
    rng: np.random.Generator, spender: Spender, preset: Preset, horizon: Horizon, cast: Cast
) -> Rows:
    """Payments of every surge of the span."""
    surges = rng.poisson(preset.surges_per_day * horizon.days)
    made = [_surge(rng, spender, horizon, cast) for _ in range(surges)]
    return Rows.concat(made) if made else Rows.blank(PAYMENT_COLUMNS, 0)


def _surge(rng: np.random.Generator, spender: Spender, horizon: Horizon, cast: Cast) -> Rows:
    appeal = bool(rng.random() < 0.4)
    trade = spender.pools.column("merchants", "trade")
    fit = np.flatnonzero(TRADE_DONATION[trade] if appeal else TRADE_DELIVERS[trade])
    merchant, size = rng.choice(fit), int(rng.integers(40, 140))
    day = horizon.start_us + int(rng.integers(0, horizon.days)) * DAY_US
    begin = day + int(rng.uniform(8, 20) * HOUR_US)
    when = begin + np.minimum(rng.exponential(0.7, size), 3.0) * HOUR_US
    when = when.astype(np.int64)
    who = rng.choice(len(spender.people), size, replace=False)
    awake = (when < horizon.end_us) & (spender.people.born_us[who] < when)
    who, when = who[awake], when[awake]
    everybody = np.ones(len(who), dtype=np.bool_)
    rows = spender.at(cast, who, when, everybody, np.full(len(who), merchant))
    rows["amount"] = _gifts(rng, len(rows)) if appeal else 1_000 * int(rng.integers(1, 7)) - 1
    return rows


def _gifts(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    sums = np.array([100, 200, 300, 500, 1_000, 2_000], dtype=np.int64)
    return rng.choice(sums, count, p=[0.1, 0.15, 0.15, 0.35, 0.15, 0.1])
