"""History: the observations of a scope from the log, sealed segments first, then the tail.

Guards: windows are rebuilt from what the log says and nothing else. A segment that fails its checks
is replaced by the entries that it covered, which is slower and loses nothing. Observations come in
log order without a gap and without a repeat. Not done here: writing segments (`keeper.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.companions import Companions, Names
from paywarden.decision.state import Observed
from paywarden.kit.journal.ports import Journal
from paywarden.kit.log import logger
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.columns import ObservationColumns, from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.segments import load, ranges

CHUNK = 4_096
_OBSERVED = frozenset({entries.PAYMENT, entries.CONTINUE, entries.EVENT, entries.IMPORTED})


class History:
    """Observations of every scope, from segments under `folder` and from the log."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self._journal = journal
        self._folder = folder

    def folder_of(self, scope: Scope) -> Path:
        """Where the segments of a scope lie."""
        return self._folder / scope.tenant / scope.environment.value

    def columns(self, scope: Scope, after_seq: int, up_to_seq: int) -> Iterator[ObservationColumns]:
        """Chunks with after_seq < seq <= up_to_seq, in log order."""
        last = after_seq
        for part in self._sealed(scope, after_seq, up_to_seq):
            yield part
            last = int(part.seq[-1])
        yield from self._from_log(scope, last, up_to_seq)

    def sealed_up_to(self, scope: Scope) -> int:
        """Sequence of the last sealed observation of a scope; 0 when there is none."""
        found = self.sealed_ranges(scope)
        return found[-1][1] if found else 0

    def sealed_ranges(self, scope: Scope) -> list[tuple[int, int]]:
        """First and last sequence of each sealed segment of a scope, in order."""
        return ranges(self.folder_of(scope))

    def _sealed(self, scope: Scope, after: int, up_to: int) -> Iterator[ObservationColumns]:
        try:
            yield from sealed(self.folder_of(scope), after, up_to)
        except (Corrupt, OSError) as fault:
            # Everything from here on is read from the log, which is the truth.
            code = fault.code if isinstance(fault, Corrupt) else type(fault).__name__
            logger().warning("segment_corrupt", code=code, tenant=scope.tenant)

    def _from_log(self, scope: Scope, after: int, up_to: int) -> Iterator[ObservationColumns]:
        batch: list[Observation] = []
        for seen in self.observations(scope, after, up_to):
            batch.append(seen)
            if len(batch) >= CHUNK:
                yield from_observations(batch)
                batch = []
        if batch:
            yield from_observations(batch)

    def observations(self, scope: Scope, after: int, up_to: int) -> Iterator[Observation]:
        """The same from the log alone, one by one."""
        for entry in self._journal.read(scope, after + 1, max(0, up_to - after)):
            if entry.seq > up_to:
                return
            if entry.kind in _OBSERVED:
                seen: Observation = entries.decode(entry.kind, entry.body).observation
                yield seen


def sealed(folder: Path, after: int, up_to: int) -> Iterator[ObservationColumns]:
    """Sealed observations with after < seq <= up_to, in order. Errors: Corrupt, OSError."""
    for part in load(folder, after + 1):
        cut = int(np.searchsorted(part.seq, up_to, side="right"))
        if cut:
            yield part.slice(0, cut)
        if cut < len(part):
            return


def add_lacking(observed: Observed, read: Names, chunks: Iterator[ObservationColumns]) -> None:
    """Fill the companions that are read and were in no checkpoint, from `chunks` before it."""
    new = Companions.fresh(read - observed.companions.names)
    if new.kept:
        fill(None, chunks, new)
    observed.companions.keep(read, new)


def fill(
    windows: Windows | None,
    chunks: Iterator[ObservationColumns],
    companions: Companions | None = None,
) -> int:
    """Feed chunks to windows and companions without reading; the last sequence, 0 for none."""
    last = 0
    for chunk in chunks:
        if windows is not None:
            windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
        if companions is not None:
            companions.add_columns(chunk)
        last = int(chunk.seq[-1])
    return last
