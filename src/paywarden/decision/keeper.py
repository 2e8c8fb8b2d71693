"""The keeper: what is durable in the log goes into sealed segments, off the event loop.

Guards: a segment holds only committed observations, in order and without a gap; losing one costs
time at the next start, never a window. Sealing itself is `SegmentWriter`'s. The queue is bounded:
when the disk is too slow for it, sealing stops until the next start (the log still has everything)
and this is said once. Observations are handed over in blocks: waking the thread for each one would
take the interpreter from the event loop once a payment.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.kit.log import logger
from paywarden.risk.features import segments
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.segments import SegmentWriter

BLOCK = 64
"""Observations that are handed over at once, where that is little beside a segment."""
QUEUE_LIMIT = 200_000 // BLOCK
_Block = list[tuple[Scope, Observation]]
_Item = _Block | tuple[Scope, ObservationColumns] | threading.Event | None


class SegmentKeeper:
    """One thread that seals the observations of every scope."""

    def __init__(self, folder_of: Callable[[Scope], Path]) -> None:
        self._folder_of = folder_of
        self._writers: dict[Scope, SegmentWriter] = {}
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._block: _Block = []
        self._block_limit = max(1, min(BLOCK, segments.SEGMENT_EVENTS // 16))
        self._thread = threading.Thread(target=self._run, name="paywarden-keeper", daemon=True)
        self._broken = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def restart(self) -> None:
        """Forget what is not sealed; the caller gives it again from the log.

        Returns when nothing is being sealed any more, so that what is sealed stands still.
        """
        done = threading.Event()
        self._block = []
        self._queue.put(done)
        done.wait()

    def add(self, scope: Scope, observation: Observation) -> None:
        """Queue one committed observation; never blocks."""
        if not self._broken:
            self._block.append((scope, observation))
            if len(self._block) >= self._block_limit:
                self._hand_over()

    def extend(self, scope: Scope, columns: ObservationColumns) -> None:
        """Queue committed observations from the log that no segment holds (at start)."""
        if not self._broken and len(columns):
            self._hand_over()
            self._queue.put((scope, columns))

    @property
    def waiting(self) -> int:
        """Items that are queued."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what is queued and stop. What is not sealed stays in the log."""
        self._hand_over()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _hand_over(self) -> None:
        block, self._block = self._block, []
        self._queue.put(block)
        if self._queue.qsize() > QUEUE_LIMIT:
            self._give_up("segment_queue_full")

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                self._writers.clear()
                item.set()
                continue
            for scope, seen in item if isinstance(item, list) else (item,):
                self._take(scope, seen)

    def _take(self, scope: Scope, seen: Observation | ObservationColumns) -> None:
        if self._broken:
            return
        try:
            writer = self._writers.get(scope)
            if writer is None:
                writer = SegmentWriter(self._folder_of(scope), segments.SEGMENT_EVENTS)
                self._writers[scope] = writer
            if isinstance(seen, ObservationColumns):
                writer.extend(seen)
            else:
                writer.append(seen)
        except (PaywardenError, OSError) as fault:
            self._give_up(type(fault).__name__)

    def _give_up(self, reason: str) -> None:
        self._broken = True
        logger().warning("segments_stopped", reason=reason)
