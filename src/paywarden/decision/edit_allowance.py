"""What one maker may edit of lists without others' word: 50 entries within 24 hours, all lists.

Guards: many small edits are not a way round the approval of a large one. Counted are entries added
or removed by one person or key in one scope, in the window that ends now; edits that were approved
count nothing. A fold over the log (`ListEdit.approved`), so a restart forgives nothing. Not done
here: finding out that two keys are one person's (their owner is a name that nobody verifies).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from paywarden.core.instants import DAY_US

UNAPPROVED_ENTRIES: Final = 50
"""Entries that one maker may edit within `WINDOW_US` without approval."""
WINDOW_US: Final = DAY_US
MAKERS_BEFORE_CLEANING: Final = 1_000


class EditAllowance:
    """Unapproved entries of the last 24 hours by maker, of one scope."""

    __slots__ = ("_edits",)

    def __init__(self) -> None:
        self._edits: dict[str, deque[tuple[int, int]]] = {}

    def note(self, maker: str, at_us: int, entries: int) -> None:
        """Count an edit that nobody approved."""
        if len(self._edits) >= MAKERS_BEFORE_CLEANING:
            self._clean(at_us)
        self._edits.setdefault(maker, deque()).append((at_us, entries))

    def left(self, maker: str, now_us: int) -> int:
        """Entries that `maker` may edit now without approval."""
        held = self._edits.get(maker)
        if held is None:
            return UNAPPROVED_ENTRIES
        while held and held[0][0] <= now_us - WINDOW_US:
            held.popleft()
        return max(0, UNAPPROVED_ENTRIES - sum(entries for _at, entries in held))

    def _clean(self, now_us: int) -> None:
        for maker in [one for one, held in self._edits.items() if _over(held, now_us)]:
            del self._edits[maker]


def _over(held: deque[tuple[int, int]], now_us: int) -> bool:
    return not held or held[-1][0] <= now_us - WINDOW_US
