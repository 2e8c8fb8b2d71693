"""Many parties at once, in several processes where that pays.

Guards: answers stand in the order of the parties and equal those of one process; each process is
forked from the one that holds the index, so the lists are in memory once. Where forking is not
possible, or for few parties, this process does it alone.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence

from paywarden.aml.screening.index import DEFAULT_THRESHOLD, Hit, ScreeningIndex
from paywarden.aml.screening.party import Party

FEWEST = 2_000
"""Parties below which a second process costs more than it gives."""
MOST_PROCESSES = 8
_CHUNK = 500
_shared: list[tuple[ScreeningIndex, Sequence[Party], float]] = []


def screen_all(
    index: ScreeningIndex,
    parties: Sequence[Party],
    threshold: float = DEFAULT_THRESHOLD,
    processes: int | None = None,
) -> list[tuple[Hit, ...]]:
    """Hits of each party, in order."""
    count = min(processes or len(os.sched_getaffinity(0)), MOST_PROCESSES)
    alone = count < 2 or len(parties) < FEWEST or threading.active_count() > 1
    if alone or "fork" not in multiprocessing.get_all_start_methods():
        return [index.search(party, threshold) for party in parties]
    for party in parties[:1]:
        index.search(party, threshold)  # machine code is loaded before the fork, once
    _shared.append((index, parties, threshold))
    try:
        with multiprocessing.get_context("fork").Pool(count) as pool:
            parts = pool.map(_part, range(0, len(parties), _CHUNK), chunksize=1)
    finally:
        _shared.pop()
    return [hits for part in parts for hits in part]


def _part(start: int) -> list[tuple[Hit, ...]]:
    index, parties, threshold = _shared[-1]
    return [index.search(party, threshold) for party in parties[start : start + _CHUNK]]
