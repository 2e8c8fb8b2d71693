"""Events of access reviews that leave the house as webhooks; identifiers and counts only."""

from __future__ import annotations

from typing import Final

import msgspec

OVERDUE: Final = "access_review.overdue"


class AccessReviewOverdue(msgspec.Struct, frozen=True):
    """A review of access should have been closed by `due_at`; told once a day until it is."""

    id: str
    occasion: str
    due_at: str
    open_items: int
