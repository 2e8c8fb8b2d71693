"""Structuring: a sum that must be reported, cut into sums that need not be.

Four forms: cash of one person just below the threshold, day after day; many people who each bring
some and pass it on (smurfing); many small deposits that together are large; one sum sent out in
transfers below the threshold. Source: FATF, Operational issues of financial investigations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.rows import Rows

_FORMS = ("below", "smurfs", "small", "split")


@dataclass(frozen=True, slots=True)
class Structuring(Terms):
    """One of four forms, drawn."""

    def attack(self, brief: Brief) -> Attack:
        """About `brief.size` deposits or transfers, and what follows them."""
        form = _FORMS[int(brief.rng.integers(0, len(_FORMS)))]
        made = {"below": _below, "smurfs": _smurfs, "small": _small, "split": _split}[form](brief)
        return moves.guilty(brief, f"structurer ({form})", *made)


def _below(brief: Brief) -> list[Rows]:
    people = moves.circle(brief, 1)
    when = moves.within(brief, brief.size, 9.0 if brief.evasive else 5.0)
    low = 0.72 if brief.evasive else 0.88
    euros = brief.rng.uniform(low, 0.995, brief.size) * moves.THRESHOLD_EUROS
    return [
        moves.deposit(brief, people, np.zeros(brief.size), when, moves.typed(brief, people, euros)),
        _onward(brief, people, 0, float(euros.sum()), int(when[-1])),
    ]


def _small(brief: Brief) -> list[Rows]:
    people = moves.circle(brief, 1)
    count = brief.size * 2
    when = moves.within(brief, count, 8.0)
    euros = brief.rng.uniform(250, 950, count)
    return [
        moves.deposit(brief, people, np.zeros(count), when, moves.typed(brief, people, euros)),
        _onward(brief, people, 0, float(euros.sum()), int(when[-1])),
    ]


def _smurfs(brief: Brief) -> list[Rows]:
    people = moves.circle(brief, brief.size + 1, fresh=0.4)
    smurfs = np.arange(1, brief.size + 1)
    when = moves.within(brief, brief.size, 3.0)
    euros = brief.rng.uniform(0.35, 0.97, brief.size) * moves.THRESHOLD_EUROS
    later = moves.hours_later(brief, when, 2, 30)
    passed = euros * brief.rng.uniform(0.94, 0.99, brief.size)
    return [
        moves.deposit(brief, people, smurfs, when, moves.typed(brief, people, euros)),
        moves.pay(
            brief, people, smurfs, people.account[0], later, moves.typed(brief, people, passed)
        ),
        _onward(brief, people, 0, float(passed.sum()), int(later.max())),
    ]


def _split(brief: Brief) -> list[Rows]:
    people = moves.circle(brief, 1)
    payees = parts.mules(brief, np.repeat(people.country[:1], brief.size))
    when = moves.within(brief, brief.size, 2.0)
    euros = brief.rng.uniform(0.85, 0.99, brief.size) * moves.THRESHOLD_EUROS
    minor = moves.typed(brief, people, euros)
    return [moves.pay(brief, people, np.zeros(brief.size), payees, when, minor)]


def _onward(brief: Brief, people: moves.Circle, of: int, euros: float, after_us: int) -> Rows:
    """Nearly all of it abroad or away, in one to three transfers."""
    count = int(brief.rng.integers(1, 4))
    away = parts.mules(brief, np.repeat(people.country[:1], count))
    when = moves.hours_later(brief, np.full(count, after_us), 3, 40)
    kept = euros * float(brief.rng.uniform(0.9, 0.97)) * moves.shares(brief.rng, count)
    minor = moves.exact(people, kept)
    return moves.pay(brief, people, np.full(count, of), away, when, minor)


CAMPAIGN = Structuring(
    type="structuring",
    sizes=(6, 18),
    latest_start=0.5,
    engine="aml",
)
