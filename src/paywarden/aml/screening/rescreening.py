"""Hold known parties against what changed in a list, and against nothing else.

Guards: only added and changed entries are screened, since all others were screened already; the
work goes in pages, each committed with its position, so that it goes on where it stopped, after a
crash or at a limit; a page repeated after a crash commits the same hits. Removed entries are handed
to the findings, which close or mark what rested on them. Not done here: scoring (`Screener`), who
the known parties are, alerts and cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.snapshots.model import ListsChanged

PAGE_LIMIT: Final = 500
ROUND_LIMIT: Final = 1_000_000


class Party(Protocol):
    """Somebody known: payer, merchant, owner. `id` orders parties and never changes."""

    @property
    def id(self) -> str:
        """Stable id."""
        ...


class KnownParties(Protocol):
    """Parties in order of id."""

    def after(self, party_id: str, limit: int) -> Sequence[Party]:
        """At most `limit` parties whose id is greater than `party_id` (empty: from the first)."""
        ...


class PreparedScreen(Protocol):
    """Some entries, ready to be searched."""

    def hits(self, party: Party) -> Sequence[Any]:
        """Matches above the screener's threshold."""
        ...


class Screener(Protocol):
    """Matching."""

    def prepare(self, entries: Sequence[ListedEntity]) -> PreparedScreen:
        """Index these entries alone."""
        ...


class Findings(Protocol):
    """What re-screening found, and how far it is."""

    def position(self, change_id: str) -> str:
        """Id of the last party done for a change; empty at the start."""
        ...

    def commit(self, change_id: str, hits: Sequence[tuple[str, Any]], position: str) -> None:
        """Keep hits (party id, hit) and the position together; idempotent."""
        ...

    def entries_removed(self, change_id: str, entry_ids: Sequence[str]) -> None:
        """Entries that are listed no more; idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Rescreened:
    """How far a round came: `done` when no party is left."""

    change_id: str
    parties: int
    hits: int
    done: bool


def rescreen(
    change: ListsChanged,
    parties: KnownParties,
    screener: Screener,
    findings: Findings,
    *,
    page: int = PAGE_LIMIT,
    at_most: int = ROUND_LIMIT,
) -> Rescreened:
    """Go on re-screening for a change, for at most `at_most` parties in this round."""
    if not 1 <= page <= PAGE_LIMIT or at_most < 1:
        raise ValueError("a page has 1 to 500 parties, a round at least one")
    entries = (*change.delta.added, *change.delta.changed)
    if change.delta.removed:
        findings.entries_removed(change.id, change.delta.removed)
    if not entries:
        return Rescreened(change.id, 0, 0, True)
    screen, position = screener.prepare(entries), findings.position(change.id)
    count = found = 0
    while count < at_most:
        batch = parties.after(position, min(page, at_most - count))
        if not batch:
            return Rescreened(change.id, count, found, True)
        hits = [(one.id, hit) for one in batch for hit in screen.hits(one)]
        position = _moved(position, batch)
        findings.commit(change.id, hits, position)
        count, found = count + len(batch), found + len(hits)
    return Rescreened(change.id, count, found, False)


def _moved(position: str, batch: Sequence[Party]) -> str:
    last = batch[-1].id
    if last <= position:
        raise ValueError("known parties came out of order: the round would never end")
    return last
