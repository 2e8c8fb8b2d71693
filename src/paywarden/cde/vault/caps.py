"""Caps on distinct cards: what keeps tokens and fingerprints from being an oracle of numbers.

Guards: BIN (8) and last four leave 1,000 candidates for the middle of a number, so somebody who has
a fingerprint could try them all; and lists of stolen numbers are tested by showing them. In one
hour a caller may show `per_caller` different cards; different cards that look alike (same BIN and
last four) `per_look` of one caller, and `per_look_scope` of all callers of the scope together.
A card that this caller itself showed within the hour passes again, whatever the count: another
caller's sighting never decides, since that would tell who showed what. What was refused is no
sighting and has learnt nothing: the caps are asked before any look-up. Sightings are rows of the
store and are read back at start, so a restart gives nobody a fresh hour. PCI DSS 4.0.1, 3.5.1.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from paywarden.cde.vault.model import Sighting

HOUR_US: Final = 3_600_000_000
SEEN_LIMIT: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class CapLimits:
    """Distinct cards in an hour."""

    per_caller: int = 20_000
    per_look: int = 5
    per_look_scope: int = 20


class Caps:
    """Counts of the last hour, in memory beside the store's rows."""

    def __init__(self, limits: CapLimits) -> None:
        self._limits = limits
        self._order: deque[Sighting] = deque()
        self._seen: set[tuple[str, str, bytes]] = set()
        self._callers: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._looks: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._scopes: defaultdict[tuple[str, str], int] = defaultdict(int)

    def restore(self, sightings: Iterable[Sighting]) -> None:
        """Take over the rows of the last hour, oldest first."""
        for sighting in sightings:
            self._count(sighting)

    def admit(self, sighting: Sighting) -> str | bool:
        """True: seen anew (a row to keep); False: seen before; a text: the refusal's code."""
        self._forget(sighting.at_us)
        if (sighting.scope, sighting.caller, sighting.card) in self._seen:
            return False
        refusal = self._refusal(sighting)
        if refusal:
            return refusal
        self._count(sighting)
        return True

    def _refusal(self, sighting: Sighting) -> str | None:
        scope, caller, look = sighting.scope, sighting.caller, sighting.look
        if self._callers[scope, caller] >= self._limits.per_caller:
            return "card_cap_caller"
        if self._looks[scope, caller, look] >= self._limits.per_look:
            return "card_cap_alike"
        if self._scopes[scope, look] >= self._limits.per_look_scope:
            return "card_cap_alike"
        return "card_cap_caller" if len(self._seen) >= SEEN_LIMIT else None

    def _count(self, sighting: Sighting) -> None:
        self._order.append(sighting)
        self._seen.add((sighting.scope, sighting.caller, sighting.card))
        self._add(sighting, 1)

    def _forget(self, now_us: int) -> None:
        while self._order and self._order[0].at_us <= now_us - HOUR_US:
            gone = self._order.popleft()
            self._seen.discard((gone.scope, gone.caller, gone.card))
            self._add(gone, -1)

    def _add(self, sighting: Sighting, count: int) -> None:
        scope, caller, look = sighting.scope, sighting.caller, sighting.look
        self._callers[scope, caller] += count
        self._looks[scope, caller, look] += count
        self._scopes[scope, look] += count
        if count < 0:
            _drop(self._callers, (scope, caller))
            _drop(self._looks, (scope, caller, look))
            _drop(self._scopes, (scope, look))


def _drop(counts: dict, key: object) -> None:  # type: ignore[type-arg]
    if counts[key] <= 0:
        del counts[key]
