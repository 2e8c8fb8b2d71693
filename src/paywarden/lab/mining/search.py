"""Beam search for conjunctions of one to three conditions, over packed bits.

Guards: deterministic; bounded in conditions, width and rounds. What is sought is what nothing else
catches yet: payments that present rules stop, or that an earlier draft catches, are worth nothing.
A conjunction is worth what it catches (`Material.wanted`) times what its precision, at the low end
of a Wilson interval, is above the least that was asked, and less where it comes near the share of
honest payments that a draft may match; each further condition has to earn its place.
Other payments lie in packed bits, the few targets in plain ones, so that value is a matrix product.
Shapes: c conditions, t targets, o others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.lab.mining.conditions import (
    Bools,
    Bound,
    Condition,
    Quantity,
    finer,
    holds,
)
from paywarden.lab.mining.material import Material
from paywarden.lab.mining.readable import thresholds_of

MAX_CONDITIONS = 500
PER_QUANTITY = 10
BEAM = 40
DEPTH = 3
FURTHER = 1.05
"""A further condition has to make a rule worth a twentieth more."""
WORTH_DIGITS = 1.02
"""A threshold of two digits has to be worth a fiftieth more than one of the coarse grid."""
NEARNESS = 2.0
"""Worth falls over the last half before the most honest payments that a draft may match."""
LEAST_SHARE = 0.001
"""Share of all that is wanted below which a draft is not worth reading."""
_Z = 1.6449  # one-sided 95 %
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """A conjunction and what it is worth on the mined rows."""

    conditions: tuple[Condition, ...]
    worth: float


class Search:
    """Searches the rows of one part."""

    def __init__(
        self,
        material: Material,
        conditions: Sequence[Condition],
        min_precision: float,
        burst: bool,
        max_hurt: float = 1.0,
    ) -> None:
        """`min_precision`, `max_hurt`: shares, see the request; `burst`: targets are a burst."""
        self._material = material
        target = material.part.target
        held = [condition.holds(material) for condition in conditions]
        self._conditions = conditions
        self._targets = np.array([one[target] for one in held], np.bool_)
        self._others = np.array([np.packbits(one[~target]) for one in held], np.uint8)
        self._weight = material.part.weight
        self._target_weight = material.part.target_weight
        self._least = min_precision
        self._most = max_hurt * max(float((~target).sum()) * self._weight, 1e-9)
        self._burst = burst
        self._wanted = material.wanted(burst)
        self._open = ~material.stopped[target]
        self._all = float(self._wanted.sum())

    def run(self, most: int) -> list[Found]:
        """At most `most` conjunctions, each the best for what those before it leave."""
        found: list[Found] = []
        if not len(self._conditions) or self._all <= 0:
            return found
        for _ in range(most):
            best = self._best()
            if best is None or best.worth < LEAST_SHARE * self._all:
                break
            refined = self._refined(best)
            found.append(refined)
            caught = holds(refined.conditions, self._material)[self._material.part.target]
            self._wanted[caught] = 0.0
            self._open &= ~caught
        return found

    def _refined(self, state: _State) -> Found:
        """Thresholds of two digits where they are worth it, one condition after the other."""
        best = Found(tuple(self._conditions[i] for i in state.members), state.worth)
        for index, condition in enumerate(best.conditions):
            if not isinstance(condition, Bound):
                continue
            rest = [one for other, one in enumerate(best.conditions) if other != index]
            others_hold = holds(rest, self._material)
            for near in finer(condition):
                worth = self._worth(others_hold & near.holds(self._material))
                if worth > best.worth * WORTH_DIGITS:
                    parts = (*best.conditions[:index], near, *best.conditions[index + 1 :])
                    best = Found(parts, worth)
        return best

    def _worth(self, held: Bools) -> float:
        target = self._material.part.target
        caught = held[target]
        value = np.array([caught @ self._wanted]) * self._target_weight
        targets = np.array([float((caught & self._open).sum())]) * self._target_weight
        others = np.array([float(held[~target].sum())]) * self._weight
        return float(self._judged(value, targets, others)[0][0])

    # --- one round -------------------------------------------------------------------------

    def _best(self) -> _State | None:
        full = _State((), np.ones(self._targets.shape[1], np.bool_), None, 0.0, 0.0)
        beam, best = [full], None
        for depth in range(DEPTH):
            grown = self._grown(beam)
            if not grown:
                break
            for state in grown:
                needed = 0.0 if best is None else best.worth * (FURTHER if depth else 1.0)
                if state.worth > needed:
                    best = state
            beam = sorted(grown, key=lambda state: (-state.promise, state.members))[:BEAM]
        return best

    def _grown(self, beam: list[_State]) -> list[_State]:
        found: dict[tuple[int, ...], _State] = {}
        for state in beam:
            value, targets, others = self._counts(state)
            worth, promise = self._judged(value, targets, others)
            order = np.argsort(-promise, kind="stable")[: BEAM * 2].tolist()
            order += np.argsort(-worth, kind="stable")[:BEAM].tolist()
            subjects = {self._conditions[i].subject for i in state.members}
            for index in order:
                members = tuple(sorted((*state.members, index)))
                if promise[index] <= 0 or members in found:
                    continue
                if index in state.members or self._conditions[index].subject in subjects:
                    continue
                found[members] = self._state(state, index, members, worth[index], promise[index])
        return list(found.values())

    def _state(
        self, state: _State, index: int, members: tuple[int, ...], worth: float, promise: float
    ) -> _State:
        others = self._others[index]
        if state.others is not None:
            others = others & state.others
        targets = self._targets[index] & state.targets
        return _State(members, targets, others, float(worth), float(promise))

    def _counts(self, state: _State) -> tuple[Floats, Floats, Floats]:
        """Wanted value, targets and others of a state with each condition added, [c]."""
        value = self._targets @ (self._wanted * state.targets)
        targets = self._targets @ (self._open & state.targets).astype(np.float64)
        packed = self._others if state.others is None else self._others & state.others
        others = np.bitwise_count(packed).sum(axis=1, dtype=np.int64) * self._weight
        scale = self._target_weight
        return np.asarray(value * scale), np.asarray(targets * scale), np.asarray(others)

    def _judged(self, value: Floats, targets: Floats, others: Floats) -> tuple[Floats, Floats]:
        """What conjunctions are worth, and what they promise to become, [c]."""
        caught = np.maximum(targets - others, 0.0) if self._burst else targets
        matched = np.maximum(targets if self._burst else targets + others, 1e-9)
        share = np.divide(caught, targets, out=np.zeros_like(caught), where=targets > 0)
        low = wilson_low(caught, matched)
        enough = targets >= 5 * self._target_weight
        above = np.maximum(low - self._least, 0.0) / (1.0 - self._least)
        spared = np.clip((1.0 - others / self._most) * NEARNESS, 0.0, 1.0)
        worth = np.where(enough, value * share * above * spared, 0.0)
        promise = np.where(enough, value * share * low, 0.0)
        return worth, promise


@dataclass(frozen=True, slots=True)
class _State:
    """A conjunction on its way: where it holds, its worth, and what orders the beam."""

    members: tuple[int, ...]
    targets: Bools
    others: npt.NDArray[np.uint8] | None
    worth: float
    promise: float


def wilson_low(part: Floats, whole: Floats) -> Floats:
    """Low end of a one-sided 95 % Wilson interval of part of whole (whole above 0)."""
    share = np.minimum(part / whole, 1.0)
    z2 = _Z * _Z / whole
    spread = np.sqrt(share * (1 - share) / whole + z2 / (4 * whole))
    return np.asarray(np.maximum((share + z2 / 2 - _Z * spread) / (1 + z2), 0.0))


def promising(
    material: Material, quantities: Sequence[Quantity], words: Sequence[Condition], burst: bool
) -> list[Condition]:
    """The conditions to combine: the best thresholds of each quantity, and words that occur."""
    target = material.part.target
    base = material.wanted(burst)
    scored: list[tuple[float, str, Condition]] = []
    for quantity in quantities:
        scored += _bounds(material, quantity, base, burst)
    for word in words:
        held = word.holds(material)
        score = _score(material, held[target], int(held[~target].sum()), base, burst)
        scored.append((score, word.text, word))
    scored.sort(key=lambda one: (-one[0], one[1]))
    return [condition for score, _, condition in scored[:MAX_CONDITIONS] if score > 0]


def _bounds(
    material: Material, quantity: Quantity, wanted: Floats, burst: bool
) -> list[tuple[float, str, Condition]]:
    values = quantity.values(material)
    target = material.part.target
    mine = values.data[values.valid & target]
    others = values.data[values.valid & ~target]
    steps = thresholds_of(mine, quantity.real)
    highest = np.sort(others)[-max(len(others) // 10, 1) :]
    steps += thresholds_of(highest, quantity.real)
    found: list[tuple[float, str, Condition]] = []
    for least in (True, False) if quantity.both else (True,):
        side: list[tuple[float, str, Condition]] = []
        for step in sorted(set(steps)):
            if least and step <= 0 and not quantity.mean:
                continue
            condition = Bound(quantity, least, step)
            held = condition.holds(material)
            score = _score(material, held[target], int(held[~target].sum()), wanted, burst)
            side.append((score, condition.text, condition))
        side.sort(key=lambda one: (-one[0], one[1]))
        found += side[:PER_QUANTITY]
    return found


def _score(material: Material, targets: Bools, others: int, wanted: Floats, burst: bool) -> float:
    """How much better than chance: caught value times the lift over the base share."""
    count = float(targets.sum()) * material.part.target_weight
    total = float(len(targets)) * material.part.target_weight
    every = float((~material.part.target).sum()) * material.part.weight
    if not count or not total:
        return 0.0
    base = total / (total + every) if total + every else 1.0
    share = count / (count + others * material.part.weight)
    return float(targets @ wanted) * max(share - base, 0.0)
