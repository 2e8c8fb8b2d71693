"""Posteriors in plain Python: the slow exact twin of `store.py`, readable as the definition."""

from __future__ import annotations

import math
from collections.abc import Sequence

from paywarden.risk.labels.effects import FRAUD, PAYMENT, TAKEN_BACK
from paywarden.risk.posteriors.model import (
    FIRST_PAYMENTS,
    FIRST_RATE,
    KINDS,
    MOST_RATE,
    REBASE,
    SPENT,
    STEP_US,
    STEPS,
    STRENGTH,
    TAKEN_BACK_US,
    Posterior,
    Z,
    powers,
)

Entity = tuple[int, int]
"""(kind, digest)"""


class PlainPosteriors:
    """Posteriors of one scope; `slots`: as many as the compiled table would have."""

    def __init__(self, first_slots: int, most_slots: int) -> None:
        self._slots, self._most = first_slots, most_slots
        self._powers = powers()
        self._origin: int | None = None
        self._bases = [0] * len(KINDS)
        self._known: dict[Entity, list[float]] = {}
        self._totals = [[0.0, 0.0] for _ in KINDS]

    def add(self, t_us: int, digests: Sequence[int], what: int, since_us: int = 0) -> None:
        """Count one observation; digests in the order of KINDS, 0 where absent."""
        back = what & TAKEN_BACK and t_us - since_us <= TAKEN_BACK_US
        if not (back or what & (FRAUD | PAYMENT)):
            return
        if self._origin is None:
            self._origin = t_us
        if any(self._halves(kind, t_us) - self._bases[kind] > REBASE for kind in range(len(KINDS))):
            self._rebase(t_us)
        self._make_room(t_us)
        for kind, digest in enumerate(digests):
            if not digest:
                continue
            held = self._known.setdefault((kind, digest), [0.0, 0.0])
            for sums in (held, self._totals[kind]):
                if back:
                    sums[1] = max(0.0, sums[1] - self._weight(kind, since_us))
                if what & PAYMENT:
                    sums[0] += self._weight(kind, t_us)
                if what & FRAUD:
                    sums[1] += self._weight(kind, t_us)

    def read(self, digests: Sequence[int], t_us: int) -> list[Posterior | None]:
        """What is known of each entity; None where there is none."""
        return [self._one(kind, one, t_us) if one else None for kind, one in enumerate(digests)]

    def _one(self, kind: int, digest: int, t_us: int) -> Posterior:
        weight = self._weight(kind, t_us) if self._origin is not None else 1.0
        exposed, bad = (one / weight for one in self._known.get((kind, digest), (0.0, 0.0)))
        all_exposed, all_bad = (one / weight for one in self._totals[kind])
        rate = (all_bad + FIRST_RATE * FIRST_PAYMENTS) / (all_exposed + FIRST_PAYMENTS)
        rate = min(rate, MOST_RATE)
        strength = STRENGTH[kind]
        against = strength * rate + bad
        count = against + strength * (1.0 - rate) + max(0.0, exposed - bad)
        mean = against / count
        spread = Z * math.sqrt((mean * (1.0 - mean) + Z * Z / (4.0 * count)) / count)
        lower = (mean + Z * Z / (2.0 * count) - spread) / (1.0 + Z * Z / count)
        return Posterior(mean, max(0.0, lower))

    def _halves(self, kind: int, t_us: int) -> int:
        assert self._origin is not None
        return (t_us - self._origin) // STEP_US[kind] // STEPS

    def _weight(self, kind: int, t_us: int) -> float:
        assert self._origin is not None
        step = (t_us - self._origin) // STEP_US[kind]
        return math.ldexp(self._powers[step % STEPS], step // STEPS - self._bases[kind])

    def _rebase(self, t_us: int) -> None:
        factors = []
        for kind in range(len(KINDS)):
            shift = self._halves(kind, t_us) - self._bases[kind]
            self._bases[kind] += shift
            factors.append(math.ldexp(1.0, -shift))
            self._totals[kind] = [one * factors[kind] for one in self._totals[kind]]
        for (kind, _digest), held in self._known.items():
            held[:] = [one * factors[kind] for one in held]

    def _make_room(self, t_us: int) -> None:
        """Forget what is spent, else grow, else forget whom least is known of."""
        while 3 * (len(self._known) + len(KINDS)) > 2 * self._slots:
            weights = {
                entity: max(held) / self._weight(entity[0], t_us)
                for entity, held in self._known.items()
            }
            half = self._slots // 3
            kept = {entity for entity, weight in weights.items() if weight >= SPENT}
            if len(kept) > half and self._slots < self._most:
                self._slots *= 2
            elif len(kept) > half:
                least = sorted(weights.values())[len(weights) - half - 1]
                kept = {entity for entity, weight in weights.items() if weight > least}
            self._known = {entity: self._known[entity] for entity in kept}
