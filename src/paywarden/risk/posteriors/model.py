"""Which entities have a posterior, how fast evidence decays, and what is read of it.

Guards: one table of kinds and one arithmetic, so that the compiled store (`store.py`) and its plain
twin (`plain.py`) cannot differ; every operation is exactly rounded (no exponential, no logarithm at
run time), so that the same log gives the same bits on every machine.
Evidence is decayed forward (Cormode et al., Forward Decay, ICDE 2009): what happens at t weighs
2 ** (t / half-life) and is divided by the weight of the instant of reading. A payment is exposure,
a fraud label that stands is bad evidence from the instant of its receipt; good evidence is what
exposure remains. The prior is the kind's own rate, worth `strength` payments. `lower` is Wilson's
score bound (JASA 22, 1927) at the posterior's counts: the rate is higher 19 times of 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from paywarden.core.instants import DAY_US
from paywarden.risk.features.catalogue import KEY_KINDS, POSTERIOR_KINDS


@dataclass(frozen=True, slots=True)
class Kind:
    """`half_life_days` of evidence; `strength` of the prior, in payments."""

    half_life_days: int
    strength: float


OF_KIND: dict[str, Kind] = {
    "card": Kind(90, 20.0),
    "device": Kind(60, 20.0),
    "ip": Kind(14, 20.0),
    "ip_prefix": Kind(30, 50.0),
    "bin": Kind(60, 200.0),
    "email_domain": Kind(60, 200.0),
    "merchant": Kind(60, 200.0),
    "payee": Kind(90, 20.0),
    "payer": Kind(90, 20.0),
}
"""An address changes hands within weeks, a card does not; what many share needs more evidence."""
KINDS = POSTERIOR_KINDS
"""In the order of the stored fields."""
PLACES: tuple[int, ...] = tuple(KEY_KINDS.index(kind) for kind in KINDS)
"""Where the digest of each kind stands in the keys of an observation."""
STEPS = 1_024
"""Steps of a half-life: within one, time stands still (20 minutes for an address)."""
STEP_US: tuple[int, ...] = tuple(OF_KIND[kind].half_life_days * DAY_US // STEPS for kind in KINDS)
STRENGTH: tuple[float, ...] = tuple(OF_KIND[kind].strength for kind in KINDS)
FIRST_RATE, FIRST_PAYMENTS = 0.001, 1_000.0
"""Base rate of a kind before anything is known, and how many payments that is worth."""
MOST_RATE = 0.5
"""No base rate is taken to be higher."""
Z = 1.6448536269514722
"""95 % of a normal distribution lie below it."""
REBASE = 500
"""Half-lives after which weights are scaled down, far from overflow."""
SPENT = 0.01
"""Evidence, in payments, below which an entity is as good as new and may be forgotten."""
TAKEN_BACK_US = 10 * max(one.half_life_days for one in OF_KIND.values()) * DAY_US
"""Age at which a label's weight is below a thousandth; later withdrawals change nothing."""


def powers() -> tuple[float, ...]:
    """2 ** (step / STEPS) for each step, by square roots and products alone."""
    roots, root = [], 2.0
    for _ in range(STEPS.bit_length() - 1):
        root = math.sqrt(root)
        roots.append(root)
    found = []
    for step in range(STEPS):
        value = 1.0
        for place, factor in enumerate(reversed(roots)):
            if step >> place & 1:
                value *= factor
        found.append(value)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probability of fraud of one entity: `mean`, and `lower`, above which it is very likely."""

    mean: float
    lower: float
