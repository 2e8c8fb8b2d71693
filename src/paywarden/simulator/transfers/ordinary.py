"""Ordinary life: salaries, spending, and habits of paying one another.

Guards: habits are long-tailed (few accounts have many partners), as in real networks: partners are
drawn by an attraction with a Pareto tail. Habits: once, regularly, back and forth. Everything
follows from the generator that is given. Shapes: a accounts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.simulator.transfers.model import OUTSIDE, Collected, Ints, Legs, WorldSettings

_MONTH_DAYS = 28
_SPENDING_A_DAY = 0.5
_PARTNERS = 3.2
_TAIL = 1.8
_MOST_PULL = 12.0
MIDDLE = 400.0
"""Middle of what people pay one another, in whole units."""


def live(rng: np.random.Generator, settings: WorldSettings, quiet: Ints, into: Collected) -> None:
    """Add the ordinary transfers of all accounts but `quiet`, which lie still."""
    awake = np.setdiff1d(np.arange(settings.accounts), quiet)
    into.add("salary", _salaries(rng, settings, awake))
    into.add("card", _spending(rng, settings, awake))
    for legs in _habits(rng, settings, awake):
        into.add("transfer", legs)


def attraction(rng: np.random.Generator, accounts: int) -> npt.NDArray[np.float64]:
    """How likely each account is to be somebody's partner; sums to 1, [a]."""
    found = np.minimum(rng.pareto(_TAIL, accounts) + 0.1, _MOST_PULL)
    return np.asarray(found / found.sum())


def _salaries(rng: np.random.Generator, settings: WorldSettings, who: Ints) -> Legs:
    months = settings.days // _MONTH_DAYS + 1
    pay = rng.lognormal(np.log(2_400), 0.4, len(who))
    day = rng.integers(0, _MONTH_DAYS, len(who))
    every = np.repeat(np.arange(months) * _MONTH_DAYS, len(who)) + np.tile(day, months)
    at = every * DAY_US + rng.integers(0, 10 * DAY_US // 24, len(every))
    keep = every < settings.days
    amount = (np.tile(pay, months) * 100).astype(np.int64)
    target = np.tile(who, months)
    source = np.full(len(every), OUTSIDE)
    return Legs(at[keep], source[keep], target[keep], amount[keep])


def _spending(rng: np.random.Generator, settings: WorldSettings, who: Ints) -> Legs:
    counts = rng.poisson(_SPENDING_A_DAY * settings.days * rng.gamma(4.0, 0.25, len(who)))
    total = int(counts.sum())
    at = (rng.random(total) * settings.days * DAY_US).astype(np.int64)
    amount = np.maximum(1, (rng.lognormal(np.log(32), 0.9, total) * 100).astype(np.int64))
    return Legs(at, np.repeat(who, counts), np.full(total, OUTSIDE), amount)


def _habits(rng: np.random.Generator, settings: WorldSettings, who: Ints) -> list[Legs]:
    counts = np.minimum(1 + rng.poisson(rng.gamma(0.9, _PARTNERS / 0.9, len(who))), 40)
    giver = np.repeat(who, counts)
    taker = who[rng.choice(len(who), len(giver), p=attraction(rng, len(who)))]
    giver, taker = giver[giver != taker], taker[giver != taker]
    kind = rng.choice(3, len(giver), p=[0.55, 0.25, 0.20])
    once, steady, mutual = (np.flatnonzero(kind == each) for each in range(3))
    middle = rng.lognormal(np.log(MIDDLE), 0.6, len(giver)) * 100
    span = settings.days * DAY_US
    first = Legs(
        (rng.random(len(once)) * span).astype(np.int64),
        giver[once], taker[once], middle[once].astype(np.int64) + 1,
    )  # fmt: skip
    return [
        first,
        _regular(rng, settings, giver[steady], taker[steady], middle[steady]),
        _mutual(rng, span, giver[mutual], taker[mutual], middle[mutual]),
    ]


def _regular(
    rng: np.random.Generator,
    settings: WorldSettings,
    giver: Ints,
    taker: Ints,
    middle: npt.NDArray[np.float64],
) -> Legs:
    """Rents, dues, allowances: the same sum every 7, 14 or 28 days."""
    every = rng.choice([7, 14, 28], len(giver), p=[0.2, 0.2, 0.6])
    begin = rng.integers(0, every)
    counts = (settings.days - begin + every - 1) // every
    turn = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    day = np.repeat(begin, counts) + turn * np.repeat(every, counts)
    at = day * DAY_US + rng.integers(0, DAY_US, len(day))
    amount = np.repeat(middle, counts).astype(np.int64) + 1
    return Legs(at, np.repeat(giver, counts), np.repeat(taker, counts), amount)


def _mutual(
    rng: np.random.Generator,
    span: int,
    giver: Ints,
    taker: Ints,
    middle: npt.NDArray[np.float64],
) -> Legs:
    """Lent and given back some days later."""
    out = (rng.random(len(giver)) * span * 0.9).astype(np.int64)
    back = out + (rng.exponential(9.0, len(giver)) * DAY_US).astype(np.int64)
    amount = middle.astype(np.int64) + 1
    return Legs(
        np.concatenate([out, back]),
        np.concatenate([giver, taker]),
        np.concatenate([taker, giver]),
        np.concatenate([amount, amount]),
    )
