"""The keeper: what is durable in the log goes into sealed segments, off the event loop.

Guards: a segment holds only committed observations, in order; losing one costs time at the next
start, never a window. The queue is bounded: when the disk is too slow for it, segments are skipped
until the next start (the log still has everything) and this is said once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.kit.log import logger
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.segments import SegmentWriter

QUEUE_LIMIT = 200_000
_Item = tuple[Scope, Observation] | None


class SegmentKeeper:
    """One thread that feeds a segment writer per scope."""

    def __init__(self, writer_of: Callable[[Scope], SegmentWriter]) -> None:
        self._writer_of = writer_of
        self._writers: dict[Scope, SegmentWriter] = {}
        self._queue: queue.Queue[_Item] = queue.Queue(QUEUE_LIMIT)
        self._thread = threading.Thread(target=self._run, name="paywarden-keeper", daemon=True)
        self._broken = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, scope: Scope, observation: Observation) -> None:
        """Queue one committed observation; never blocks."""
        if self._broken:
            return
        try:
            self._queue.put_nowait((scope, observation))
        except queue.Full:
            self._give_up("segment_queue_full")

    def close(self) -> None:
        """Finish what is queued and stop. What is not sealed stays in the log."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._broken:
                continue
            scope, observation = item
            try:
                writer = self._writers.get(scope)
                if writer is None:
                    writer = self._writers[scope] = self._writer_of(scope)
                writer.append(observation)
            except (PaywardenError, OSError) as fault:
                self._give_up(type(fault).__name__)

    def _give_up(self, reason: str) -> None:
        self._broken = True
        logger().warning("segments_stopped", reason=reason)
