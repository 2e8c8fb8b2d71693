"""Port of the event log; the only seam between one machine and many.

Legal order: the state owner numbers entries (`staged_head + 1`, without gaps), adds them to a unit
with `append`, submits the unit to the writer, and answers nobody before the unit's future is done.
After a failed commit nothing may be appended until the state was rebuilt from `read` and the writer
recovered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.model import Entry


class Journal(Protocol):
    """Append to, and read from an offset of, the ordered event log."""

    def append(self, unit: UnitOfWork, entries: Sequence[Entry]) -> None:
        """Add `entries` to `unit`; they must continue `staged_head` without a gap.

        Errors: Conflict `journal_gap` or `journal_duplicate` naming the expected seq.
        """
        ...

    def read(self, scope: Scope | None, from_seq: int, limit: int) -> Iterator[Entry]:
        """Committed entries with seq >= `from_seq`, ascending, at most `limit`, each verified.

        Args: `scope` None reads all scopes. Errors: Corrupt naming the seq.
        """
        ...

    def head(self) -> int:
        """Seq of the last committed entry; 0 when the log is empty."""
        ...

    def mark(self, seq: int) -> bytes:
        """Chain digest of the last entry up to `seq`: tells one log from another that shares it."""
        ...

    @property
    def staged_head(self) -> int:
        """Seq of the last entry given to `append`, committed or not."""
        ...

    def verify(self) -> int:
        """Check the chain from the first entry to the last; the head. Errors: Corrupt."""
        ...
