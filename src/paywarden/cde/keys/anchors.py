"""Anchors: a revision and a root per name, kept outside the database that they vouch for.

Guards: a revision never goes back, and one revision never has two roots; the answer leaves after
the record is durable. What `Anchored` gives is durable, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.state_journal import AnchorRecord, StateJournal

NAMES_LIMIT: Final = 4_096


class Anchors:
    """The newest anchor of every name."""

    def __init__(self, journal: StateJournal) -> None:
        self._journal = journal
        found = [one for one in journal.records if isinstance(one, AnchorRecord)]
        self._proposed = {one.name: one for one in found}
        self._durable = dict(self._proposed)

    async def anchor(self, name: str, revision: int, root: bytes) -> bool | Refused:
        """True once durable. Refused: `anchor_behind`, `anchor_conflict`, `anchors_full`."""
        held = self._proposed.get(name)
        if held is None and len(self._proposed) >= NAMES_LIMIT:
            return Refused("anchors_full", "too many names are anchored")
        if held is not None and revision < held.revision:
            return Refused("anchor_behind", f"revision {held.revision} is anchored already")
        if held is not None and revision == held.revision and root != held.root:
            return Refused("anchor_conflict", f"revision {revision} has another root")
        record = AnchorRecord(name, revision, root)
        self._proposed[name] = record
        await self._journal.commit(record)
        known = self._durable.get(name)
        if known is None or known.revision < revision:
            self._durable[name] = record
        return True

    def anchored(self, name: str) -> AnchorRecord | None:
        """The newest durable anchor."""
        return self._durable.get(name)

    def records(self) -> Iterable[AnchorRecord]:
        """What a compacted journal keeps."""
        return list(self._proposed.values())
