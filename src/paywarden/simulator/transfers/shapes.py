"""Shapes of laundering: who pays whom in which order, for guilty and innocent patterns alike.

Guards: one function per family, the same for schemes and look-alikes; what tells them apart is the
`Manner`: how fast money moves on, how much of it, whether the sums have to do with one another.
Source: shapes as in AMLSim and AMLworld (Altman and others 2023): fan-in, fan-out, cycle,
bipartite, stack, scatter-gather, gather-scatter; structuring, pass-through and dormant accounts
after FATF typology reports. Times: microseconds since the world's start.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.transfers.model import OUTSIDE

Row = tuple[float, int, int, float]
MINOR = 100


@dataclass(frozen=True, slots=True)
class Manner:
    """`span_us`: from first to last transfer; `fee`: what a hop keeps; `linked`: money moves on."""

    start_us: float
    span_us: float
    fee: float
    linked: bool
    middle: float
    """Middle of the sums, in whole units."""

    def moment(self, rng: np.random.Generator, low: float = 0.0, high: float = 1.0) -> float:
        """A time between two shares of the span."""
        return self.start_us + self.span_us * rng.uniform(low, high)

    def sum_of(self, rng: np.random.Generator) -> float:
        """A sum in minor units, near the middle."""
        return float(rng.lognormal(np.log(self.middle), 0.45)) * MINOR

    def onward(self, rng: np.random.Generator, received: float) -> float:
        """What is paid on of a sum: nearly all of it, or something unrelated."""
        if not self.linked:
            return self.sum_of(rng)
        return received * (1.0 - self.fee * rng.uniform(0.3, 1.0))


Shape = Callable[[np.random.Generator, list[int], Manner], list[Row]]


def fan_in(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """All others pay the first."""
    return [(how.moment(rng), other, who[0], how.sum_of(rng)) for other in who[1:]]


def fan_out(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """The first pays all others."""
    return [(how.moment(rng), who[0], other, how.sum_of(rng)) for other in who[1:]]


def cycle(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Round in a ring, each hop later and smaller by a fee."""
    times = np.sort(rng.uniform(0.0, 1.0, len(who))) * how.span_us + how.start_us
    amount, rows = how.sum_of(rng) * 1.5, []
    for place, at in enumerate(times.tolist()):
        rows.append((at, who[place], who[(place + 1) % len(who)], amount))
        amount = how.onward(rng, amount)
    return rows


def bipartite(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Every one of the first half pays most of the second half."""
    half = max(1, len(who) // 2)
    return [
        (how.moment(rng), one, other, how.sum_of(rng))
        for one in who[:half]
        for other in who[half:]
        if rng.random() < 0.85
    ]


def stack(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Three layers: money of each layer moves on to the next."""
    third = max(1, len(who) // 3)
    layers = [who[:third], who[third : 2 * third], who[2 * third :]]
    held = {one: how.sum_of(rng) * 1.5 for one in layers[0]}
    rows: list[Row] = []
    for step, (giving, taking) in enumerate(itertools.pairwise(layers)):
        gained = dict.fromkeys(taking, 0.0)
        for one in giving:
            part = how.onward(rng, held.get(one, 0.0)) / len(taking)
            for other in taking:
                rows.append((how.moment(rng, step / 2, (step + 0.9) / 2), one, other, part))
                gained[other] += part
        held = gained
    return rows


def scatter_gather(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """The first pays the middle accounts, which pay the last."""
    rows: list[Row] = []
    for middle in who[1:-1]:
        amount = how.sum_of(rng)
        rows.append((how.moment(rng, 0.0, 0.45), who[0], middle, amount))
        rows.append((how.moment(rng, 0.5, 1.0), middle, who[-1], how.onward(rng, amount)))
    return rows


def gather_scatter(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Half of the others pay the first, which pays the other half."""
    half = max(1, (len(who) - 1) // 2)
    givers, takers = who[1 : 1 + half], who[1 + half :]
    rows = [(how.moment(rng, 0.0, 0.45), one, who[0], how.sum_of(rng)) for one in givers]
    part = how.onward(rng, sum(row[3] for row in rows)) / max(1, len(takers))
    return rows + [(how.moment(rng, 0.5, 1.0), who[0], one, part) for one in takers]


def structuring(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Cash from outside in sums below a limit of 10,000; then on to the others."""
    count = int(rng.integers(4, 9))
    low, high = (8_600, 9_950) if how.linked else (2_000, 12_000)
    sums = (rng.uniform(low, high, count) * MINOR).tolist()
    rows: list[Row] = [(how.moment(rng, 0.0, 0.6), OUTSIDE, who[0], one) for one in sums]
    part = (sum(sums) if how.linked else how.sum_of(rng)) * (1 - how.fee) / len(who[1:])
    return rows + [(how.moment(rng, 0.65, 1.0), who[0], one, part) for one in who[1:]]


def pass_through(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """Money comes to the first, and most of it leaves within a day (innocent: within weeks)."""
    rows: list[Row] = []
    half = max(2, len(who) // 2 + 1)
    for giver in who[1:half]:
        at, amount = how.moment(rng, 0.0, 0.8), how.sum_of(rng)
        wait = rng.uniform(1.0, 22.0) * HOUR_US if how.linked else rng.uniform(3, 20) * DAY_US
        taker = who[int(rng.integers(half, len(who)))] if len(who) > half else OUTSIDE
        rows += [(at, giver, who[0], amount), (at + wait, who[0], taker, how.onward(rng, amount))]
    return rows


def dormant(rng: np.random.Generator, who: list[int], how: Manner) -> list[Row]:
    """An account that has long been still takes a large sum and passes it on at once."""
    at, amount = how.moment(rng, 0.0, 0.2), how.sum_of(rng) * 8
    wait = rng.uniform(0.2, 2.5) * DAY_US if how.linked else rng.uniform(8, 30) * DAY_US
    part = how.onward(rng, amount) / max(1, len(who) - 2)
    rows = [(at, who[1], who[0], amount)]
    return rows + [(at + wait * rng.uniform(0.6, 1.0), who[0], one, part) for one in who[2:]]


SHAPES: Final[Mapping[str, tuple[Shape, int, int]]] = {
    "fan_in": (fan_in, 8, 15),
    "fan_out": (fan_out, 8, 15),
    "cycle": (cycle, 4, 8),
    "bipartite": (bipartite, 6, 11),
    "stack": (stack, 6, 15),
    "scatter_gather": (scatter_gather, 5, 9),
    "gather_scatter": (gather_scatter, 6, 10),
    "structuring": (structuring, 3, 5),
    "pass_through": (pass_through, 5, 9),
    "dormant": (dormant, 4, 6),
}
"""Shape, and the least and the most accounts of a pattern."""
