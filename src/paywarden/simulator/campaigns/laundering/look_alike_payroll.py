"""Payroll: a small employer takes in what customers owe and pays the staff on one day.

Innocent beside fan-out and gather-scatter: the sums come again, and something stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class Payroll(Terms):
    """Invoices in, wages out."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` wages, half as many invoices."""
        rng, size = brief.rng, brief.size
        debtors = max(2, size // 2)
        people = moves.circle(brief, 1 + size + debtors)
        wages = rng.normal(2_100, 450, size).clip(600)
        when = moves.within(brief, debtors, 5.0)
        owed = wages.sum() * rng.uniform(1.2, 1.9) * moves.shares(rng, debtors, 0.6)
        invoices = moves.pay(
            brief, people, 1 + size + np.arange(debtors), people.account[0], when,
            moves.exact(people, owed),
        )  # fmt: skip
        day = moves.hours_later(brief, np.full(size, when[-1]), 6, 9)
        staff = people.account[1 : size + 1]
        paid = moves.pay(brief, people, np.zeros(size), staff, day, moves.exact(people, wages))
        moves.say(brief, paid, ["wages"] * size)
        return moves.innocent(brief, "employer", invoices, paid)


CAMPAIGN = Payroll(
    type="look_alike_payroll",
    sizes=(5, 20),
    latest_start=0.7,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
