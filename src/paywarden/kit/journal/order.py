"""The one rule of order: entries continue the log without a gap and without a repeat."""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.core.errors import Conflict
from paywarden.kit.journal.model import Entry


def check_continues(last: int, entries: Sequence[Entry]) -> int:
    """Seq of the last of `entries`, when the first is `last + 1` and the rest follow.

    Errors: Conflict `journal_duplicate` or `journal_gap`, naming the seq that is due.
    """
    for entry in entries:
        if entry.seq != last + 1:
            code = "journal_duplicate" if entry.seq <= last else "journal_gap"
            raise Conflict(code, f"the log continues at {last + 1}, not at {entry.seq}")
        last += 1
    return last
