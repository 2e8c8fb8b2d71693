"""The keeper: what is durable in the log goes into sealed segments, off the event loop.

Guards: a segment holds only committed observations, in order and without a gap; losing one costs
time at the next start, never a window. Observations become columns in small parts, so that the
thread never holds the interpreter for long. The queue is bounded: when the disk is too slow for it,
sealing stops until the next start (the log still has everything) and this is said once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.kit.log import logger
from paywarden.risk.features.columns import ObservationColumns, concat, from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.segments import SEGMENT_EVENTS, ranges, write_segment

QUEUE_LIMIT = 200_000
PART = 256
_RESTART = "restart"
_Item = tuple[Scope, Observation] | str | None


class _Open:
    """The segment of a scope that is being filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[ObservationColumns] = []
        self.fresh: list[Observation] = []
        self.count = 0

    def add(self, observation: Observation) -> None:
        self.fresh.append(observation)
        self.count += 1
        if len(self.fresh) >= PART:
            self.parts.append(from_observations(self.fresh))
            self.fresh = []
        if self.count >= SEGMENT_EVENTS:
            self.seal()

    def seal(self) -> None:
        if self.fresh:
            self.parts.append(from_observations(self.fresh))
        write_segment(self.folder, concat(self.parts))
        self.parts, self.fresh, self.count = [], [], 0


class SegmentKeeper:
    """One thread that seals the observations of every scope."""

    def __init__(self, folder_of: Callable[[Scope], Path]) -> None:
        self._folder_of = folder_of
        self._open: dict[Scope, _Open] = {}
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="paywarden-keeper", daemon=True)
        self._broken = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def sealed_up_to(self, scope: Scope) -> int:
        """Sequence of the last sealed observation of a scope; 0 when there is none."""
        found = ranges(self._folder_of(scope))
        return found[-1][1] if found else 0

    def restart(self) -> None:
        """Forget what is not sealed; the caller gives it again from the log."""
        self._queue.put(_RESTART)

    def add(self, scope: Scope, observation: Observation) -> None:
        """Queue one committed observation; never blocks."""
        if not self._broken:
            self._queue.put((scope, observation))
            if self._queue.qsize() > QUEUE_LIMIT:
                self._give_up("segment_queue_full")

    def close(self) -> None:
        """Finish what is queued and stop. What is not sealed stays in the log."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, str):
                self._open.clear()
                continue
            if self._broken:
                continue
            scope, observation = item
            try:
                self._opened(scope).add(observation)
            except (PaywardenError, OSError) as fault:
                self._give_up(type(fault).__name__)

    def _opened(self, scope: Scope) -> _Open:
        found = self._open.get(scope)
        if found is None:
            folder = self._folder_of(scope)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._open[scope] = _Open(folder)
        return found

    def _give_up(self, reason: str) -> None:
        self._broken = True
        logger().warning("segments_stopped", reason=reason)
