"""Places of admission shared fairly between tenants.

Guards: an eighth of the places is kept for tenants (with their environment) that hold less than
their equal share; the others may take whatever else is free. So one tenant alone has nearly all of
them, a newcomer always finds room, and as requests end the places even out. Counts only what runs
now, so memory is bounded by the places. Not done here: the total before anybody is
known (`operation`), rates (`gate`).
"""

from __future__ import annotations

from typing import Final

from paywarden.core.errors import LimitExceeded
from paywarden.core.scope import Scope

KEPT_SHARE: Final = 8
"""One part in so many is kept."""


class FairPlaces:
    """Who is in flight, by scope."""

    def __init__(self, places: int) -> None:
        if places < 1:
            raise ValueError("there is at least one place")
        self._free_for_all = places - max(1, places // KEPT_SHARE)
        self._held: dict[Scope, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """How many are in flight."""
        return self._total

    def enter(self, scope: Scope) -> None:
        """Take a place. Errors: LimitExceeded `tenant_share_full`."""
        mine = self._held.get(scope, 0)
        if self._total >= self._free_for_all and mine >= self._share(scope):
            raise LimitExceeded(
                "tenant_share_full", "this tenant has its share of requests in flight already"
            )
        self._held[scope] = mine + 1
        self._total += 1

    def leave(self, scope: Scope) -> None:
        """Give a place back."""
        self._total -= 1
        if self._held[scope] == 1:
            del self._held[scope]
        else:
            self._held[scope] -= 1

    def _share(self, scope: Scope) -> int:
        """Places of each when all who are here, and `scope`, have the same."""
        present = len(self._held) + (scope not in self._held)
        return max(1, self._free_for_all // present)
