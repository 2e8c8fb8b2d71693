"""What links join, how far, and what a payment learns from them.

Guards: one order of kinds and one cap each, so that the compiled store (`store.py`) and its plain
twin (`plain.py`) cannot differ. An entity with more partners than its cap is a hub (a carrier's
network, a shop's tablet, a family's address): hubs join nobody, and what they had joined before
parts again with the next generation.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.instants import DAY_US, MINUTE_US
from paywarden.risk.features.catalogue import KEY_KINDS

CAPS: dict[str, int] = {
    "payer": 24,
    "account": 24,
    "card": 12,
    "email": 12,
    "phone": 12,
    "device": 12,
    "shipping_address": 16,
    "ip": 0,
}
"""Linked kinds in order of strength, with the number of partners beyond which one is a hub.

An address of the network joins nobody (0): even few strangers behind each of many addresses make
one component of everybody. It is counted as a hub and shown among neighbours."""
KINDS: tuple[str, ...] = tuple(CAPS)
PLACES: tuple[int, ...] = tuple(KEY_KINDS.index(kind) for kind in KINDS)
"""Where the digest of each linked kind stands in the keys of an observation."""
CARD = KINDS.index("card")
GENERATION_US = 30 * DAY_US
QUARTER_US = 15 * MINUTE_US
QUARTERS = 4
MOST_NODES = 200_000_000
"""Entities of a generation; beyond it the older one is forgotten before its time."""
EDGES_PER_NODE = 2
"""A generation holds at most so many edges for each entity of the bound."""


@dataclass(frozen=True, slots=True)
class LinkValues:
    """What is known of a payment's entities before it is counted; hubs left out.

    `component_size`: entities connected with them. `bad_neighbours`: those among them that took
    part in standing fraud. `cards`: cards among them (of a ring of devices, say). `new_edges_1h`:
    connections made there within the last 45 to 60 minutes. `hubs`: how many of the payment's own
    entities are hubs.
    """

    component_size: int = 0
    bad_neighbours: int = 0
    cards: int = 0
    new_edges_1h: int = 0
    hubs: int = 0
