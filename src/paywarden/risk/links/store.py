"""Links of one scope: connected entities, kept incrementally, forgotten by generations.

Guards: state is a function of the observations in log order, equal to `plain.py`. The older of two
generations answers; both count; at each boundary (30 days of log time) the younger becomes the
older and an empty one begins, so what is known reaches back between one and two generations. Memory
is bounded: a generation without room (MOST_NODES entities) ends before its time, no observation
fails, and `shortened` says so until what answers is whole again. Nothing is scanned, nothing runs
in the background. `read` is what a decision asks for; it counts nothing. Every word is in the
image, so a checkpoint holds it whole; without one links are filled from the whole log, since a hub
hands itself on from generation to generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import KEY_KINDS, LINK_FIELDS
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.image import Image
from paywarden.risk.features.jit import Words
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.effects import Effects, StandingFraud
from paywarden.risk.links import kernel
from paywarden.risk.links.model import (
    CAPS,
    GENERATION_US,
    KINDS,
    MOST_NODES,
    PLACES,
    QUARTER_US,
    LinkValues,
)

FIRST = 1_024
NEIGHBOURS, DEPTH = 200, 2
_WHOLE = -2
"""Number of a generation before every other: none ended before its time."""

_NAMES = tuple((path, path.removeprefix("link.")) for path in LINK_FIELDS)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entity near another: its kind, its digest, how far it is, whether it is bad or a hub."""

    kind: str
    digest: int
    distance: int
    bad: bool
    hub: bool
    partners: int


class Generation:
    """The arrays of one generation (shapes: `kernel.py`)."""

    __slots__ = ("edge_slots", "edges", "keys", "meta", "node", "slots")

    def __init__(self, start_seq: int) -> None:
        self.keys: Words = np.zeros(FIRST, np.int64)
        self.node: npt.NDArray[np.int32] = np.zeros((FIRST, kernel.WIDTH), np.int32)
        self.slots: npt.NDArray[np.int32] = np.zeros(2 * FIRST, np.int32)
        self.edges: npt.NDArray[np.int32] = np.zeros((FIRST, 4), np.int32)
        self.edge_slots: npt.NDArray[np.int32] = np.zeros(2 * FIRST, np.int32)
        self.meta: Words = np.zeros(kernel.META, np.int64)
        self.meta[kernel.START_SEQ] = start_seq

    @property
    def arrays(self) -> tuple[npt.NDArray[np.signedinteger], ...]:
        """In the order of the kernel's arguments."""
        return (self.keys, self.node, self.slots, self.edges, self.edge_slots, self.meta)

    def grow(self) -> None:
        """Make room for more."""
        nodes, edges = int(self.meta[kernel.NODES]), int(self.meta[kernel.EDGES])
        if nodes + kernel.LEAST_NODES > len(self.node):
            self.node = _longer(self.node, nodes)
            self.keys = _longer(self.keys, nodes)
        if edges + kernel.LEAST_EDGES > len(self.edges):
            self.edges = _longer(self.edges, edges)
        if 3 * (nodes + kernel.LEAST_NODES) > 2 * len(self.slots):
            self.slots = np.zeros(2 * len(self.slots), np.int32)
            kernel.place_all(self.keys, self.node, self.slots, nodes)
        if 3 * (edges + kernel.LEAST_EDGES) > 2 * len(self.edge_slots):
            self.edge_slots = np.zeros(2 * len(self.edge_slots), np.int32)
            kernel.place_edges(self.edges, self.edge_slots, edges)

    def bytes(self) -> int:
        """Memory of all arrays."""
        return sum(array.nbytes for array in self.arrays)

    def image(self) -> Image:
        """The arrays as far as they are used (views)."""
        nodes, edges = int(self.meta[kernel.NODES]), int(self.meta[kernel.EDGES])
        return (
            self.keys[:nodes], self.node[:nodes], self.slots,
            self.edges[:edges], self.edge_slots, self.meta,
        )  # fmt: skip

    @classmethod
    def resumed(cls, image: Image) -> Generation:
        """A generation that goes on from an image."""
        one = cls(0)
        keys, node, one.slots, edges, one.edge_slots, one.meta = image
        one.keys, one.node = _at_least(keys, FIRST), _at_least(node, FIRST)
        one.edges = _at_least(edges, FIRST)
        return one


class Links:
    """Connected entities of one scope. `most_nodes`: of a generation, len(KINDS) or more."""

    def __init__(self, generation_us: int = GENERATION_US, most_nodes: int = MOST_NODES) -> None:
        self._length = generation_us
        self._most = most_nodes
        self._number = 0
        self._shortened = _WHOLE
        self._older, self._younger = Generation(0), Generation(0)
        self._caps: Words = np.array(list(CAPS.values()), np.int64)
        self._effects = Effects()
        self._row: Words = np.zeros((1, len(KINDS)), np.int64)
        self._numbers: Words = np.zeros((4, 1), np.int64)
        self._out: Words = np.zeros(5 + len(KINDS), np.int64)

    def add(self, seen: Observation) -> None:
        """Count one observation of the log."""
        what, _since = self._effects.of(seen)
        if not what:
            return
        self._turn(seen.seq, seen.t_us)
        self._row.view(np.uint64)[0] = [seen.keys[place] for place in PLACES]
        self._numbers[:, 0] = what, seen.t_us // QUARTER_US, seen.retracts, seen.seq
        self._run(self._row, self._numbers, 0, 1)

    def add_columns(self, columns: ObservationColumns) -> None:
        """Count many observations, in log order."""
        what, _since = self._effects.of_columns(columns)
        digests = np.ascontiguousarray(columns.keys[:, PLACES]).view(np.int64)
        numbers = np.stack([what, columns.t_us // QUARTER_US, columns.retracts, columns.seq])
        start = 0
        generations = columns.t_us // self._length
        for stop in [*np.flatnonzero(np.diff(generations) != 0).tolist(), len(columns) - 1]:
            if start <= stop:
                self._turn(int(columns.seq[start]), int(columns.t_us[start]))
                self._run(digests, numbers, start, stop + 1)
            start = stop + 1

    def read(self, keys: Sequence[int], t_us: int) -> LinkValues:
        """What is known of a payment's entities (`keys` as in observations); counts nothing."""
        older = self._answering(t_us)
        if older is None:
            return LinkValues()
        self._row.view(np.uint64)[0] = [keys[place] for place in PLACES]
        kernel.look(
            older.keys, older.node, older.slots, self._caps, self._row, t_us // QUARTER_US,
            self._out,
        )  # fmt: skip
        return LinkValues(*self._out[:5].tolist())

    def fields(self, keys: Sequence[int], t_us: int) -> dict[str, int]:
        """The same by path of the catalogue."""
        found = self.read(keys, t_us)
        return {path: getattr(found, name) for path, name in _NAMES}

    def shortened(self, t_us: int) -> bool:
        """Whether what answers at an instant reaches back less far than a whole generation."""
        return t_us // self._length - self._shortened <= 1

    def neighbours(
        self, kind: str, digest: int, *, depth: int = DEPTH, limit: int = NEIGHBOURS
    ) -> list[Neighbour]:
        """Entities within `depth` edges, nearest first, at most `limit`; hubs are not passed."""
        one, place = self._older, KINDS.index(kind)
        first = self._find(place, digest)
        found: dict[int, int] = {} if first < 0 else {first: 0}
        waiting = list(found)
        for at in waiting:
            hub = self._hub(at) and at != first
            if found[at] >= depth or hub:
                continue
            for other in self._partners(at, limit):
                if other not in found and len(found) < limit:
                    found[other] = found[at] + 1
                    waiting.append(other)
        return [
            Neighbour(
                KINDS[int(one.node[at, kernel.KIND])], int(one.keys[at]) & (2**64 - 1), distance,
                bool(one.node[at, kernel.FRAUDS] > 0), self._hub(at),
                int(one.node[at, kernel.DEGREE]),
            )
            for at, distance in found.items()
        ]  # fmt: skip

    def warm(self) -> None:
        """Have the compiled code of reading, counting and growing at hand; counts nothing."""
        self.read((0,) * len(KEY_KINDS), self._number * self._length)
        self.neighbours(KINDS[0], 0)
        aside, one = Links(self._length, self._most), Generation(0)
        aside._run(aside._row, aside._numbers, 0, 0)
        kernel.place_all(one.keys, one.node, one.slots, 0)
        kernel.place_edges(one.edges, one.edge_slots, 0)

    def memory(self) -> dict[str, int]:
        """Bytes, and entities and edges of the older generation."""
        meta = self._older.meta
        return {
            "bytes": self._older.bytes() + self._younger.bytes(),
            "entities": int(meta[kernel.NODES]),
            "edges": int(meta[kernel.EDGES]),
            "younger_entities": int(self._younger.meta[kernel.NODES]),
            "labels": len(self._effects.standing),
        }

    def image(self) -> Image:
        """Everything, as arrays (views, valid until the next call of anything)."""
        numbers = np.array([self._number, self._shortened], np.int64)
        standing = self._effects.standing.arrays()
        return (numbers, *standing, *self._older.image(), *self._younger.image())

    def resume(self, image: Image) -> None:
        """Go on from an image, whose arrays are kept."""
        numbers, seqs, times, *arrays = image
        self._number, self._shortened = numbers.tolist()
        self._effects = Effects(StandingFraud(seqs, times))
        half = len(arrays) // 2
        self._older = Generation.resumed(tuple(arrays[:half]))
        self._younger = Generation.resumed(tuple(arrays[half:]))

    # --- parts ------------------------------------------------------------------------------

    def _answering(self, t_us: int) -> Generation | None:
        """The generation that answers at an instant; None when all was forgotten by then."""
        ahead = t_us // self._length - self._number
        if ahead <= 0:
            return self._older
        return self._younger if ahead == 1 else None

    def _turn(self, seq: int, t_us: int) -> None:
        number = t_us // self._length
        if number == self._number:
            return
        if number > self._number + 1:
            self._next(seq)
        self._next(seq)
        self._number = number

    def _next(self, seq: int) -> None:
        """The younger generation is the older from here on."""
        self._older, self._younger = self._younger, Generation(seq)
        self._effects.standing.forget_before(int(self._older.meta[kernel.START_SEQ]))

    def _run(self, digests: Words, numbers: Words, start: int, stop: int) -> None:
        what, quarter, retracts, seqs = numbers
        count: Any = kernel.run
        while True:
            both = (*self._older.arrays, *self._younger.arrays)
            start = int(
                count(*both, self._caps, self._most, digests, what, quarter, retracts, start, stop)
            )
            if start >= stop:
                return
            self._make_way(int(seqs[start]))

    def _make_way(self, seq: int) -> None:
        """See to it that the observation at `seq` can be counted."""
        both = (self._older, self._younger)
        if any(kernel.at_bound(one.meta, self._most) for one in both):
            self._next(seq)
            self._shortened = self._number
            return
        for one in both:
            one.grow()

    def _find(self, kind: int, digest: int) -> int:
        """Row of a node in the older generation, or -1."""
        one = self._older
        self._row.view(np.uint64)[0, kind] = digest
        return int(kernel.find(one.keys, one.node, one.slots, self._row, kind))

    def _hub(self, at: int) -> bool:
        node = self._older.node
        return bool(node[at, kernel.DEGREE] > self._caps[node[at, kernel.KIND]])

    def _partners(self, at: int, limit: int) -> list[int]:
        """At most `limit` nodes that share an edge, newest edge first."""
        found: list[int] = []
        edges, edge = self._older.edges, int(self._older.node[at, kernel.HEAD])
        while edge >= 0 and len(found) < limit:
            mine = edges[edge, kernel.END_A] == at
            found.append(int(edges[edge, kernel.END_B if mine else kernel.END_A]))
            edge = int(edges[edge, kernel.NEXT_A if mine else kernel.NEXT_B])
        return found


def _at_least(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    if len(array) >= rows:
        return array
    longer = np.zeros((rows, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def _longer(array: npt.NDArray[np.signedinteger], used: int) -> npt.NDArray[np.signedinteger]:
    grown = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown
