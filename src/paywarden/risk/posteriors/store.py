"""Posteriors of one scope: evidence by entity, kept incrementally in a bounded table.

Guards: state is a function of the observations in log order, equal to `plain.py` bit by bit. When
the table is full, entities of whom hardly anything is known any more go first; then it doubles; at
MOST_SLOTS those of whom least is known go, and `shortened` says so until the longest half-life has
passed. No bound fails an observation. Nothing runs in the background. `read` is what a decision
asks for; it counts nothing. Every word is in the image, so a checkpoint holds it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.risk.features.catalogue import KEY_KINDS, POSTERIOR_FIELDS
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.image import Image
from paywarden.risk.features.jit import Words
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.effects import Effects, StandingFraud
from paywarden.risk.posteriors import kernel
from paywarden.risk.posteriors.model import (
    KINDS,
    OF_KIND,
    PLACES,
    SPENT,
    STEP_US,
    STRENGTH,
    TAKEN_BACK_US,
    powers,
)

FIRST_SLOTS = 1_024
MOST_SLOTS = 1 << 26
"""1.6 GB; two thirds are used."""
SHORTENED_US = max(one.half_life_days for one in OF_KIND.values()) * DAY_US
Floats = npt.NDArray[np.float64]
_PATHS = tuple(POSTERIOR_FIELDS)


class Posteriors:
    """Posteriors of every kind of entity of one scope."""

    def __init__(self, first_slots: int = FIRST_SLOTS, most_slots: int = MOST_SLOTS) -> None:
        """`first_slots`, `most_slots`: powers of two."""
        self._most = most_slots
        self._keys: Words = np.zeros(first_slots, np.int64)
        self._evidence: Floats = np.zeros((first_slots, 2))
        self._totals: Floats = np.zeros((len(KINDS), 2))
        self._meta: Words = np.zeros(kernel.META, np.int64)
        self._bases: Words = np.zeros(len(KINDS), np.int64)
        self._effects = Effects()
        self._steps: Words = np.array(STEP_US, np.int64)
        self._powers: Floats = np.array(powers())
        self._strength: Floats = np.array(STRENGTH)
        self._row: Words = np.zeros((1, len(KINDS)), np.int64)
        self._numbers: Words = np.zeros((3, 1), np.int64)
        self._out: Floats = np.zeros((len(KINDS), 2))
        self._unread: Words = np.full(1, -1, np.int64)
        self._nowhere: Floats = np.zeros((0, len(KINDS), 2))

    def add(self, seen: Observation) -> None:
        """Count one observation of the log."""
        what, since = self._effects.of(seen)
        if not what:
            return
        self._row.view(np.uint64)[0] = [seen.keys[place] for place in PLACES]
        self._numbers[:, 0] = what, seen.t_us, since
        self._run(self._row, self._numbers, self._unread, self._nowhere)

    def add_columns(self, columns: ObservationColumns) -> None:
        """Count many observations, in log order."""
        self.observe_columns(columns, np.zeros(len(columns), np.bool_))

    def observe_columns(self, columns: ObservationColumns, wanted: npt.NDArray[np.bool_]) -> Floats:
        """Count many; what `read` gives before each that is `wanted`, [wanted, KINDS, 2]."""
        what, since = self._effects.of_columns(columns)
        digests = np.ascontiguousarray(columns.keys[:, PLACES]).view(np.int64)
        rows = np.flatnonzero(wanted)
        places = np.full(len(columns), -1, np.int64)
        places[rows] = np.arange(len(rows))
        out = np.zeros((len(rows), len(KINDS), 2))
        self._run(digests, np.stack([what, columns.t_us, since]), places, out)
        return out

    def read(self, keys: Sequence[int], t_us: int) -> Floats:
        """Mean and lower bound [KINDS, 2] of the entities; -1 where there is none. A view."""
        self._row.view(np.uint64)[0] = [keys[place] for place in PLACES]
        look: Any = kernel.look
        look(*self._parts, self._row, t_us, self._out)
        return self._out

    def fields(self, keys: Sequence[int], t_us: int) -> dict[str, float]:
        """The same by path of the catalogue; entities that are not there left out."""
        values = self.read(keys, t_us).reshape(-1).tolist()
        pairs = zip(_PATHS[::2], _PATHS[1::2], values[::2], values[1::2], strict=True)
        found: dict[str, float] = {}
        for mean_path, lower_path, mean, lower in pairs:
            if mean >= 0:
                found[mean_path], found[lower_path] = mean, lower
        return found

    def shortened(self, t_us: int) -> bool:
        """Whether entities were forgotten for want of room lately."""
        at_us = int(self._meta[kernel.SHORTENED_US])
        return at_us > 0 and t_us - at_us < SHORTENED_US

    def warm(self) -> None:
        """Have the compiled code of reading at hand; counts nothing."""
        self.read((0,) * len(KEY_KINDS), 0)

    def image(self) -> Image:
        """Everything, as arrays (views, valid until the next call of anything)."""
        return (
            self._keys, self._evidence, self._totals, self._meta, self._bases,
            *self._effects.standing.arrays(),
        )  # fmt: skip

    def resume(self, image: Image) -> None:
        """Go on from an image, whose arrays are kept."""
        (
            self._keys, self._evidence, self._totals, self._meta, self._bases, seqs, times,
        ) = image  # fmt: skip
        self._effects = Effects(StandingFraud(seqs, times))

    def memory(self) -> dict[str, int]:
        """Bytes, entities, and fraud labels that stand."""
        return {
            "bytes": self._keys.nbytes + self._evidence.nbytes,
            "entities": int(self._meta[kernel.USED]),
            "labels": len(self._effects.standing),
        }

    # --- parts ------------------------------------------------------------------------------

    @property
    def _parts(self) -> tuple[Any, ...]:
        return (
            self._keys, self._evidence, self._totals, self._meta,
            self._powers, self._steps, self._bases, self._strength,
        )  # fmt: skip

    def _run(self, digests: Words, numbers: Words, places: Words, out: Floats) -> None:
        what, times, since = numbers
        count: Any = kernel.run
        start, looked = 0, 0
        while True:
            start = int(
                count(
                    *self._parts, digests, what, times, since, places, out,
                    start, len(what), looked,
                )
            )  # fmt: skip
            if start >= len(what):
                return
            looked = 1
            self._make_way(int(times[start]))

    def _make_way(self, t_us: int) -> None:
        """See to it that an observation at this instant can be counted."""
        if not kernel.out_of_range(self._steps, self._bases, self._meta, t_us):
            self._make_room(t_us)
            return
        kernel.rebase(
            self._keys, self._evidence, self._totals, self._meta, self._steps, self._bases,
            t_us, np.zeros(len(KINDS)),
        )  # fmt: skip

    def _make_room(self, t_us: int) -> None:
        """Forget what is spent, else grow, else forget whom least is known of."""
        slots, weights = len(self._keys), np.zeros(len(self._keys))
        kernel.known_weights(
            self._keys, self._evidence, self._meta, self._powers, self._steps, self._bases,
            t_us, weights,
        )  # fmt: skip
        half, kept = slots // 3, weights >= SPENT
        if int(kept.sum()) > half and slots < self._most:
            slots *= 2
        elif int(kept.sum()) > half:
            least = np.sort(weights[weights >= 0.0])[-half - 1]
            kept = weights > least
            self._meta[kernel.SHORTENED_US] = t_us
        keys, evidence = np.zeros(slots, np.int64), np.zeros((slots, 2))
        used = int(kernel.place_all(self._keys, self._evidence, kept, keys, evidence))
        self._keys, self._evidence, self._meta[kernel.USED] = keys, evidence, used
        self._effects.standing.forget_older(t_us - TAKEN_BACK_US)
