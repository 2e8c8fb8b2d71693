"""Snapshots of one source of lists, the state of a source, and what a switch changed.

Guards: legal transitions only. A source has at most one current snapshot and one that waits for a
named person; `previous` are those it may be taken back to, newest first; `undelivered` are switches
whose re-screening nobody has acknowledged, so that a crash between switch and re-screening loses
nothing. Pure: what lies on disk and how it is signed is `stores`' and `signing`'s.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.aml.screening.model import ListedEntity
from paywarden.core.errors import Conflict

PREVIOUS_LIMIT: Final = 10
ACTS_LIMIT: Final = 20
UNDELIVERED_LIMIT: Final = 100


class StoredFile(msgspec.Struct, frozen=True):
    """One file of a snapshot: name within it, SHA-256 (hex) and size."""

    name: str
    sha256: str
    octets: int


class Manifest(msgspec.Struct, frozen=True):
    """What a snapshot is: `id` is the hash of its files. `counts` are entities per schema."""

    id: str
    source: str
    formats: tuple[str, ...]
    files: tuple[StoredFile, ...]
    list_date: str | None
    fetched_at_us: int
    entities: int
    counts: dict[str, int]
    notes: tuple[str, ...] = ()


class Act(msgspec.Struct, frozen=True):
    """What was done to a source, by whom, why, and between which snapshots."""

    act: str
    person: str
    reason: str
    at_us: int
    snapshot: str | None
    detail: str = ""


class Switch(msgspec.Struct, frozen=True):
    """One change of the current snapshot; `seq` counts the switches of the source."""

    seq: int
    before: str | None
    after: str


class SourceState(msgspec.Struct, frozen=True):
    """State of one source. `confirmed_at_us`: when the publisher last gave the current list."""

    source: str
    version: int = 0
    switches: int = 0
    current: str | None = None
    previous: tuple[str, ...] = ()
    waiting: str | None = None
    waiting_why: str = ""
    waiting_from: str = ""
    confirmed_at_us: int = 0
    undelivered: tuple[Switch, ...] = ()
    acts: tuple[Act, ...] = ()

    def acted(self, act: Act) -> SourceState:
        """The next version, with an act noted."""
        acts = (*self.acts, act)[-ACTS_LIMIT:]
        return msgspec.structs.replace(self, version=self.version + 1, acts=acts)

    def confirmed(self, act: Act) -> SourceState:
        """The publisher gave the current list again."""
        return msgspec.structs.replace(self.acted(act), confirmed_at_us=act.at_us)

    def waits(self, snapshot: str, why: str, act: Act) -> SourceState:
        """A snapshot waits for a person; one that waited before is given up."""
        return msgspec.structs.replace(
            self.acted(act), waiting=snapshot, waiting_why=why, waiting_from=act.person
        )

    def switched(self, snapshot: str, act: Act) -> SourceState:
        """`snapshot` becomes current. Errors: Conflict when too many switches are undelivered."""
        if len(self.undelivered) >= UNDELIVERED_LIMIT:
            raise Conflict("rescreening_behind", "too many changes of lists await re-screening")
        kept = tuple(one for one in self.previous if one != snapshot)
        previous = (self.current, *kept) if self.current is not None else kept
        switch = Switch(self.switches + 1, self.current, snapshot)
        return msgspec.structs.replace(
            self.acted(act),
            switches=switch.seq,
            current=snapshot,
            previous=previous[:PREVIOUS_LIMIT],
            waiting=None,
            waiting_why="",
            waiting_from="",
            confirmed_at_us=act.at_us,
            undelivered=(*self.undelivered, switch),
        )

    @property
    def needed(self) -> frozenset[str]:
        """Snapshots that this state still speaks of."""
        told = {self.current, self.waiting, *self.previous}
        for one in self.undelivered:
            told |= {one.before, one.after}
        return frozenset(one for one in told if one is not None)

    def delivered(self, seq: int) -> SourceState:
        """The re-screening of a switch is done."""
        left = tuple(one for one in self.undelivered if one.seq != seq)
        return msgspec.structs.replace(self, version=self.version + 1, undelivered=left)


class Delta(msgspec.Struct, frozen=True):
    """What a switch changed: whole entities that are new or other, and ids that are gone."""

    added: tuple[ListedEntity, ...]
    changed: tuple[ListedEntity, ...]
    removed: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changed but octets."""
        return not (self.added or self.changed or self.removed)


class ListsChanged(msgspec.Struct, frozen=True):
    """Event: known parties have to be held against `delta.added` and `delta.changed`."""

    source: str
    seq: int
    before: str | None
    after: str
    delta: Delta

    @property
    def id(self) -> str:
        """Names this change for ever: source and number of the switch."""
        return f"{self.source}#{self.seq}"
