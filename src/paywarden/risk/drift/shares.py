"""When a share has changed: more than chance, more than nothing, and seen often enough. Pure.

Guards: the test is the signed root of the likelihood ratio of two binomial shares, which holds for
small counts and for shares at 0 and 1, where the usual z misleads. A change must also be large in
itself, or a busy merchant would raise alarms over nothing. It must stand out against the whole
reference and against the same hours of other days, one by one, so that neither night and day nor a
batch at two is an alarm; one that stands ends only when half of the change is gone.
Source: Wilks, Ann. Math. Stat. 9 (1938) 60.
Shapes: every array of one call has the same shape; counts may be fractions (faded references).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a change an alarm.

    `least`, `least_before`: payments now and in the reference. `change`: difference of the shares;
    `ratio`: of the greater to the smaller one. `both`: a fall counts as well as a rise.
    """

    least: int
    least_before: int
    change: float
    z: float
    ratio: float = 1.0
    both: bool = False


class Hits(NamedTuple):
    """Payments with a mark, of all."""

    hits: Counts
    total: Counts

    @property
    def share(self) -> Counts:
        """Share of hits; 0 where there is nothing."""
        return np.asarray(self.hits / np.maximum(self.total, 1e-9), np.float64)

    def at(self, places: Any) -> Hits:
        """Some of them."""
        return Hits(self.hits[places], self.total[places])


Near = Callable[[], Sequence[Hits]]
"""The hours of other days; made only when something is to be excused."""


class Judged(NamedTuple):
    """`rises`: an alarm may begin. `stays`: one that stands goes on."""

    rises: Bools
    stays: Bools


def signed_root(now: Hits, before: Hits) -> Counts:
    """Normal deviate of the change of a share, positive for a rise; 0 where nothing is known.

    >>> few = Hits(np.array([30.0]), np.array([30.0]))
    >>> float(signed_root(few, Hits(np.array([0.0]), np.array([300.0])))[0]) > 10
    True
    """
    together = Hits(now.hits + before.hits, now.total + before.total).share
    twice = 2 * (_surprise(now, together) + _surprise(before, together))
    return np.sqrt(np.maximum(twice, 0.0)) * np.sign(now.share - before.share)


def _surprise(seen: Hits, share: Counts) -> Counts:
    """Total times the Kullback-Leibler divergence of the seen share from `share`, in nats."""
    own = np.clip(seen.share, 0.0, 1.0)
    return seen.total * (_part(own, share) + _part(1 - own, 1 - share))


def _part(own: Counts, other: Counts) -> Counts:
    safe = np.where(own > 0, own, 1.0)
    return np.where(own > 0, own * np.log(safe / np.clip(other, 1e-12, 1.0)), 0.0)


def judge(rule: Rule, now: Hits, before: Hits, near: Near) -> Judged:
    """Judge each share of `now` against the whole reference and that of each hour of `near`.

    An hour in which the share was as it is now excuses it; one that holds too little is not asked.
    """
    gap = now.share - before.share
    enough = (now.total >= rule.least) & (before.total >= rule.least_before)
    rises = enough & (np.abs(gap) >= rule.change)
    stays = _stays(rule, now, gap)
    places = np.nonzero(rises)  # few: logarithms are taken for these alone
    if not len(places[0]):
        return Judged(rises, stays)
    some = now.at(places)
    way = np.sign(gap[places])
    found = _stands_out(rule, some, before.at(places), way)
    for hour in (one.at(places) for one in near()):
        found &= (hour.total < rule.least_before) | _stands_out(rule, some, hour, way)
    rises[places] = found
    return Judged(rises, stays)


def _stays(rule: Rule, now: Hits, gap: Counts) -> Bools:
    still = (np.abs(gap) if rule.both else gap) >= rule.change / 2
    return (now.total > 0) & ((now.total < rule.least) | still)


def _stands_out(rule: Rule, now: Hits, before: Hits, way: Counts) -> Bools:
    gap = (now.share - before.share) * way
    z = signed_root(now, before) * way
    high, low = np.maximum(now.share, before.share), np.minimum(now.share, before.share)
    found = (gap >= rule.change) & (z >= rule.z) & (high >= rule.ratio * low)
    return found if rule.both else found & (way > 0)
