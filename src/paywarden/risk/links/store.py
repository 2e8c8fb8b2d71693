"""Links of one scope: connected entities, kept incrementally, forgotten by generations.

Guards: state is a function of the observations in log order, equal to `plain.py`. The older of two
generations answers; both count; at each boundary (30 days of log time) the younger becomes the
older and an empty one begins, so what is known reaches back between one and two generations, and
memory is bounded by what two generations hold (MAX_NODES entities; beyond it `links_full`). Nothing
is scanned, nothing runs in the background. `read` is what a decision asks for; it counts nothing.
After a restart links are filled from the whole log (`add_columns`), since a hub hands itself on
from generation to generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import LimitExceeded
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.jit import Words
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.model import FRAUD as FRAUD_VERDICT
from paywarden.risk.links import kernel
from paywarden.risk.links.model import (
    CAPS,
    FRAUD,
    GENERATION_US,
    KINDS,
    PAYMENT,
    PLACES,
    QUARTER_US,
    TAKEN_BACK,
    LinkValues,
)

MAX_NODES = 200_000_000
FIRST = 1_024
KIND, VERDICT = OBSERVED_INDEX["event.kind"], OBSERVED_INDEX["event.verdict"]
NEIGHBOURS, DEPTH = 200, 2
_ABSENT = -2


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
        """Make room for more. Errors: LimitExceeded."""
        nodes, edges = int(self.meta[kernel.NODES]), int(self.meta[kernel.EDGES])
        if nodes > MAX_NODES:
            raise LimitExceeded("links_full", f"links hold at most {MAX_NODES} entities")
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


class Links:
    """Connected entities of one scope."""

    def __init__(self, generation_us: int = GENERATION_US) -> None:
        self._length = generation_us
        self._number = 0
        self._older, self._younger = Generation(0), Generation(0)
        self._caps: Words = np.array(list(CAPS.values()), np.int64)
        self._frauds: set[int] = set()
        self._row: Words = np.zeros((1, len(KINDS)), np.int64)
        self._numbers: Words = np.zeros((3, 1), np.int64)
        self._out: Words = np.zeros(5 + len(KINDS), np.int64)

    def add(self, seen: Observation) -> None:
        """Count one observation of the log."""
        kind, verdict = seen.values[KIND], seen.values[VERDICT]
        what = self._what(
            seen.seq, kind == "payment", kind == "label" and verdict == FRAUD_VERDICT, seen.retracts
        )
        if not what:
            return
        self._turn(seen.seq, seen.t_us)
        self._row.view(np.uint64)[0] = [seen.keys[place] for place in PLACES]
        self._numbers[:, 0] = what, seen.t_us // QUARTER_US, seen.retracts
        self._run(self._row, self._numbers, 0, 1)

    def add_columns(self, columns: ObservationColumns) -> None:
        """Count many observations, in log order."""
        names = {text: number for number, text in enumerate(columns.symbols)}
        kinds = columns.values[KIND]
        payment = kinds == names.get("payment", _ABSENT)
        fraud = (kinds == names.get("label", _ABSENT)) & (
            columns.values[VERDICT] == names.get(FRAUD_VERDICT, _ABSENT)
        )
        what = np.where(payment, PAYMENT, 0) | np.where(fraud, FRAUD, 0)
        for row in np.flatnonzero(fraud | (columns.retracts != 0)).tolist():
            seq, retracts = int(columns.seq[row]), int(columns.retracts[row])
            what[row] = self._what(seq, bool(payment[row]), bool(fraud[row]), retracts)
        digests = np.ascontiguousarray(columns.keys[:, PLACES]).view(np.int64)
        numbers = np.stack([what, columns.t_us // QUARTER_US, columns.retracts]).astype(np.int64)
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
        """Have the compiled code of reading at hand; counts nothing."""
        self.read((0,) * len(KEY_KINDS), self._number * self._length)
        self.neighbours(KINDS[0], 0)

    def memory(self) -> dict[str, int]:
        """Bytes, and entities and edges of the older generation."""
        meta = self._older.meta
        return {
            "bytes": self._older.bytes() + self._younger.bytes(),
            "entities": int(meta[kernel.NODES]),
            "edges": int(meta[kernel.EDGES]),
            "younger_entities": int(self._younger.meta[kernel.NODES]),
            "labels": len(self._frauds),
        }

    # --- parts ------------------------------------------------------------------------------

    def _what(self, seq: int, payment: bool, fraud: bool, retracts: int) -> int:
        what = PAYMENT if payment else 0
        if retracts and retracts in self._frauds:
            self._frauds.discard(retracts)
            what |= TAKEN_BACK
        if fraud:
            self._frauds.add(seq)
            what |= FRAUD
        return what

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
        self._older = self._younger if number == self._number + 1 else Generation(seq)
        self._younger = Generation(seq)
        self._number = number
        oldest = int(self._older.meta[kernel.START_SEQ])
        self._frauds = {one for one in self._frauds if one >= oldest}

    def _run(self, digests: Words, numbers: Words, start: int, stop: int) -> None:
        what, quarter, retracts = numbers
        count: Any = kernel.run
        while True:
            both = (*self._older.arrays, *self._younger.arrays)
            start = int(count(*both, self._caps, digests, what, quarter, retracts, start, stop))
            if start >= stop:
                return
            self._older.grow()
            self._younger.grow()

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


def _longer(array: npt.NDArray[np.signedinteger], used: int) -> npt.NDArray[np.signedinteger]:
    grown = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown
