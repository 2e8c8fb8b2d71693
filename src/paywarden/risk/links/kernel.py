"""Compiled links: union-find over entities in flat arrays, with the edges as lists beside it.

Guards: the same answers as `plain.py`, without an object per entity. A generation is six arrays:
`keys` (digest of each node), `node` (its numbers, below), `slots` (open addressing, node + 1),
`edges` (two ends, next edge of either), `edge_slots` (open addressing, edge + 1), `meta` (counts).
Tables are filled to two thirds; who calls makes room first (`LEAST_NODES`, `LEAST_EDGES`) and grows
between calls. What holds for a component stands at its root. Not done here: growth, generations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.heap import mix
from paywarden.risk.features.jit import Word, Words, compiled, door
from paywarden.risk.labels.effects import FRAUD, PAYMENT, TAKEN_BACK
from paywarden.risk.links.model import CARD, EDGES_PER_NODE, KINDS, QUARTERS

PARENT, SIZE, BAD, CARDS, FRAUDS, DEGREE, KIND, HEAD, STAMP, RING = range(10)
WIDTH = RING + QUARTERS
END_A, END_B, NEXT_A, NEXT_B = range(4)
NODES, EDGES, START_SEQ = range(3)
META = 3
LINKED = len(KINDS)
LEAST_NODES, LEAST_EDGES = LINKED, LINKED
Ints: Any = npt.NDArray[np.int32]
_MIXED = 0x632BE59BD9B4E019


@compiled
def node_home(key: Word, kind: Word, mask: Word) -> Word:
    """Slot at which the search for a node begins."""
    return np.int64(mix(key ^ (kind + 1) * _MIXED) & np.uint64(mask))


@compiled
def find_node(keys: Words, node: Ints, slots: Ints, key: Word, kind: Word) -> Word:
    """The node of an entity, or -1."""
    mask = len(slots) - 1
    at = node_home(key, kind, mask)
    while slots[at] != 0:
        found = slots[at] - 1
        if keys[found] == key and node[found, KIND] == kind:
            return found
        at = (at + 1) & mask
    return -1


@compiled
def is_hub(node: Ints, caps: Words, at: Word) -> bool:
    """Whether a node joins nobody."""
    return bool(node[at, DEGREE] > caps[node[at, KIND]])


@compiled
def make_node(
    keys: Words, node: Ints, slots: Ints, meta: Words, caps: Words, key: Word, kind: Word, hub: Word
) -> Word:
    """A node of an entity that is not known; there is room."""
    at = meta[NODES]
    meta[NODES] += 1
    keys[at] = key
    for column in range(WIDTH):
        node[at, column] = 0
    node[at, PARENT], node[at, SIZE], node[at, KIND], node[at, HEAD] = at, 1, kind, -1
    node[at, CARDS] = 1 if kind == CARD else 0
    node[at, DEGREE] = caps[kind] + 1 if hub else 0
    mask = len(slots) - 1
    slot = node_home(key, kind, mask)
    while slots[slot] != 0:
        slot = (slot + 1) & mask
    slots[slot] = at + 1
    return at


@compiled
def root_of(node: Ints, at: Word) -> Word:
    """Root of a component; the way there is halved."""
    while node[at, PARENT] != at:
        node[at, PARENT] = node[node[at, PARENT], PARENT]
        at = node[at, PARENT]
    return at


@compiled
def root_read(node: Ints, at: Word) -> Word:
    """Root of a component; nothing is written."""
    while node[at, PARENT] != at:
        at = node[at, PARENT]
    return at


@compiled
def advance(node: Ints, root: Word, quarter: Word) -> None:
    """Let the ring of a root end with a quarter."""
    stamp = node[root, STAMP]
    gone = quarter - stamp
    for step in range(1, min(gone, QUARTERS) + 1):
        node[root, RING + ((stamp + step) & (QUARTERS - 1))] = 0
    if gone > 0:
        node[root, STAMP] = quarter


@compiled
def union(node: Ints, one: Word, two: Word, quarter: Word) -> None:
    """Join two components."""
    large, small = root_of(node, one), root_of(node, two)
    if large == small:
        return
    if node[large, SIZE] < node[small, SIZE]:
        large, small = small, large
    advance(node, large, quarter)
    advance(node, small, quarter)
    node[small, PARENT] = large
    for column in (SIZE, BAD, CARDS):
        node[large, column] += node[small, column]
    for slot in range(QUARTERS):
        node[large, RING + slot] += node[small, RING + slot]


@compiled
def add_edge(node: Ints, edges: Ints, edge_slots: Ints, meta: Words, a: Word, b: Word) -> bool:
    """Add an edge between two nodes; False when it was there."""
    low, high = min(a, b), max(a, b)
    mask = len(edge_slots) - 1
    at = np.int64(mix((np.int64(low) << 32) | high) & np.uint64(mask))
    while edge_slots[at] != 0:
        edge = edge_slots[at] - 1
        if edges[edge, END_A] == low and edges[edge, END_B] == high:
            return False
        at = (at + 1) & mask
    edge = meta[EDGES]
    meta[EDGES] += 1
    edge_slots[at] = edge + 1
    edges[edge, END_A], edges[edge, END_B] = low, high
    edges[edge, NEXT_A], edges[edge, NEXT_B] = node[low, HEAD], node[high, HEAD]
    node[low, HEAD] = node[high, HEAD] = edge
    node[low, DEGREE] += 1
    node[high, DEGREE] += 1
    return True


@compiled
def change_frauds(node: Ints, at: Word, change: Word) -> None:
    """A node takes part in one standing fraud more or less."""
    before = node[at, FRAUDS] > 0
    node[at, FRAUDS] += change
    after = node[at, FRAUDS] > 0
    if before != after:
        node[root_of(node, at), BAD] += 1 if after else -1


@compiled
def add_event(
    keys: Words, node: Ints, slots: Ints, edges: Ints, edge_slots: Ints, meta: Words, caps: Words,
    okeys: Words, onode: Ints, oslots: Ints, follows: Word,
    digests: Words, row: Word, what: Word, quarter: Word, retracts: Word,
) -> None:  # fmt: skip
    """Count one observation in one generation; `follows`: hubs of the other one are hubs here."""
    back = what & TAKEN_BACK and retracts >= meta[START_SEQ]
    change = (1 if what & FRAUD else 0) - (1 if back else 0)
    if not (back or what & (FRAUD | PAYMENT)):
        return
    anchor: Word = -1
    for kind in range(LINKED):
        key = digests[row, kind]
        if key == 0:
            continue
        at: Word = find_node(keys, node, slots, key, kind)
        if at < 0:
            before: Word = find_node(okeys, onode, oslots, key, kind) if follows else -1
            hub = before >= 0 and is_hub(onode, caps, before)
            at = make_node(keys, node, slots, meta, caps, key, kind, hub)
        if change != 0:
            change_frauds(node, at, change)
        if anchor < 0 and not is_hub(node, caps, at):
            anchor = at
    if not what & PAYMENT or anchor < 0:
        return
    for kind in range(LINKED):
        key = digests[row, kind]
        if key == 0:
            continue
        at = find_node(keys, node, slots, key, kind)
        if at == anchor:
            continue
        fresh = add_edge(node, edges, edge_slots, meta, anchor, at)
        if is_hub(node, caps, at) or is_hub(node, caps, anchor):
            continue
        union(node, anchor, at, quarter)
        if fresh:
            root = root_of(node, anchor)
            advance(node, root, quarter)
            node[root, RING + (quarter & (QUARTERS - 1))] += 1


@door
def at_bound(meta: Words, most: int) -> bool:
    """Whether one more observation might exceed what a generation may hold."""
    if meta[NODES] + LEAST_NODES > most:
        return True
    return bool(meta[EDGES] + LEAST_EDGES > EDGES_PER_NODE * most)


@compiled
def full(node: Ints, slots: Ints, edges: Ints, edge_slots: Ints, meta: Words) -> bool:
    """Whether one more observation might not find room."""
    nodes, links = meta[NODES] + LEAST_NODES, meta[EDGES] + LEAST_EDGES
    if nodes > len(node) or links > len(edges):
        return True
    return bool(3 * nodes > 2 * len(slots) or 3 * links > 2 * len(edge_slots))


@door
def run(
    k1: Words, n1: Ints, s1: Ints, e1: Ints, t1: Ints, m1: Words,
    k2: Words, n2: Ints, s2: Ints, e2: Ints, t2: Ints, m2: Words,
    caps: Words, most: int, digests: Words, what: Words, quarter: Words, retracts: Words,
    start: int, stop: int,
) -> int:  # fmt: skip
    """Count observations start to stop in the older (1) and the younger (2) generation.

    The number of the first that was not counted, because there may be no room for it; else stop.
    """
    for row in range(start, stop):
        back = what[row] & TAKEN_BACK and retracts[row] >= m1[START_SEQ]
        if not (back or what[row] & (FRAUD | PAYMENT)):
            continue
        if at_bound(m1, most) or at_bound(m2, most):
            return row
        if full(n1, s1, e1, t1, m1) or full(n2, s2, e2, t2, m2):
            return row
        add_event(k1, n1, s1, e1, t1, m1, caps, k1, n1, s1, 0,
                  digests, row, what[row], quarter[row], retracts[row])  # fmt: skip
        add_event(k2, n2, s2, e2, t2, m2, caps, k1, n1, s1, 1,
                  digests, row, what[row], quarter[row], retracts[row])  # fmt: skip
    return stop


@door
def find(keys: Words, node: Ints, slots: Ints, digests: Words, kind: int) -> int:
    """The node of the entity whose digest is digests[0, kind], or -1."""
    found: int = find_node(keys, node, slots, digests[0, kind], kind)
    return found


@door
def look(
    keys: Words, node: Ints, slots: Ints, caps: Words, digests: Words, quarter: int, out: Words
) -> None:
    """Fill `out` [5] with what is known of the entities `digests` [1, LINKED]; writes nothing else.

    `out` holds in its last LINKED words the roots that were seen.
    """
    for place in range(len(out)):
        out[place] = 0
    seen = 0
    for kind in range(LINKED):
        key = digests[0, kind]
        at: Word = find_node(keys, node, slots, key, kind) if key != 0 else -1
        if at < 0:
            continue
        if is_hub(node, caps, at):
            out[4] += 1
            continue
        root = root_read(node, at)
        known = False
        for place in range(seen):
            known = known or out[5 + place] == root + 1
        if known:
            continue
        out[5 + seen] = root + 1
        seen += 1
        out[0] += node[root, SIZE]
        out[1] += node[root, BAD]
        out[2] += node[root, CARDS]
        stamp = node[root, STAMP]
        for slot in range(QUARTERS):
            of = stamp - ((stamp - slot) & (QUARTERS - 1))
            if of > quarter - QUARTERS:
                out[3] += node[root, RING + slot]


@door
def place_all(keys: Words, node: Ints, slots: Ints, count: int) -> None:
    """Fill an empty table of slots with `count` nodes."""
    mask = len(slots) - 1
    for at in range(count):
        slot = node_home(keys[at], node[at, KIND], mask)
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = at + 1


@door
def place_edges(edges: Ints, edge_slots: Ints, count: int) -> None:
    """Fill an empty table of slots with `count` edges."""
    mask = len(edge_slots) - 1
    for edge in range(count):
        pair = (np.int64(edges[edge, END_A]) << 32) | edges[edge, END_B]
        at = np.int64(mix(pair) & np.uint64(mask))
        while edge_slots[at] != 0:
            at = (at + 1) & mask
        edge_slots[at] = edge + 1
