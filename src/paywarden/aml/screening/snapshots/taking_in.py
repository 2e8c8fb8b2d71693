"""The life of a source of lists: take in, approve, take back, hand on what changed.

Order of `take_in`: copy, read the copy, compare, keep, switch. Guards: a list with any fault is
refused and the one in force stays; what raises doubt (`comparing.doubts`) waits for a named person,
who is not the one that took it in; each switch stays `undelivered` until its re-screening is
acknowledged, so that nothing is lost by a crash. Not done here: fetching, scoring, the re-screening
itself (`rescreening`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.snapshots.comparing import compare, doubts
from paywarden.aml.screening.snapshots.model import (
    Act,
    Delta,
    ListsChanged,
    Manifest,
    SourceState,
    StoredFile,
    Switch,
)
from paywarden.aml.screening.snapshots.ports import Snapshots
from paywarden.aml.screening.sources.reading import FileFault, FolderOfLists, read_folder
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest

_PERSON_LIMIT = 100
_WORDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a list. `faults` only when refused, `why` only when it waits."""

    source: str
    outcome: Literal["current", "unchanged", "waiting", "refused"]
    manifest: Manifest | None
    delta: Delta | None = None
    faults: tuple[FileFault, ...] = ()
    why: tuple[str, ...] = ()


class ListDesk:
    """All acts on sources of lists."""

    def __init__(self, snapshots: Snapshots, clock: Clock) -> None:
        self._snapshots = snapshots
        self._clock = clock

    def take_in(self, path: Path, source: str, person: str) -> TakenIn:
        """Take in a file or folder as the new list of `source`.

        Errors: InvalidRequest (not there, no name), Conflict `list_busy`, Corrupt (our records).
        """
        _named(person)
        with self._snapshots.locked(source):
            state = self._snapshots.state(source)
            staged, files = self._snapshots.stage(source, path)
            try:
                return self._taken(state, staged, files, person)
            finally:
                self._snapshots.discard(staged)

    def _taken(
        self, state: SourceState, staged: Path, files: tuple[StoredFile, ...], person: str
    ) -> TakenIn:
        read = read_folder(staged / "files")
        if read.faults:
            why = "; ".join(f"{one.name}: {one.code}" for one in read.faults[:5])
            self._snapshots.write_state(state.acted(self._act("refused", person, "", None, why)))
            return TakenIn(state.source, "refused", None, faults=read.faults)
        manifest = self._manifest(state.source, files, read)
        if manifest.id == state.current:
            act = self._act("confirmed", person, "", manifest.id)
            self._snapshots.write_state(state.confirmed(act))
            return TakenIn(state.source, "unchanged", manifest)
        before = self._current(state)
        delta = compare(self._entities(state.source, state.current), read.entities)
        why_not = doubts(before, manifest, delta, state.previous)
        self._snapshots.keep(staged, manifest)
        if why_not:
            told = "; ".join(why_not)
            act = self._act("waits", person, "", manifest.id, told)
            self._snapshots.write_state(state.waits(manifest.id, told, act))
            return TakenIn(state.source, "waiting", manifest, delta, why=why_not)
        self._snapshots.write_state(
            state.switched(manifest.id, self._act("taken in", person, "", manifest.id))
        )
        self._snapshots.prune(state.source)
        return TakenIn(state.source, "current", manifest, delta)

    def approve(self, source: str, snapshot: str, person: str, reason: str) -> SourceState:
        """Put the waiting snapshot in force.

        Errors: Conflict `list_not_waiting`, `list_same_person`; InvalidRequest without a reason.
        """
        _named(person)
        _reasoned(reason)
        with self._snapshots.locked(source):
            state = self._snapshots.state(source)
            if state.waiting != snapshot:
                raise Conflict("list_not_waiting", "this snapshot does not wait for approval")
            if state.waiting_from.casefold() == person.casefold():
                raise Conflict("list_same_person", "who took a list in does not approve it")
            return self._switched(state, snapshot, "approved", person, reason)

    def roll_back(self, source: str, snapshot: str | None, person: str, reason: str) -> SourceState:
        """Put a former snapshot (the last one by default) in force again.

        Errors: Conflict `list_no_former`; InvalidRequest without a reason; Corrupt.
        """
        _named(person)
        _reasoned(reason)
        with self._snapshots.locked(source):
            state = self._snapshots.state(source)
            target = snapshot or next(iter(state.previous), None)
            if target is None or target not in state.previous:
                raise Conflict("list_no_former", "there is no such former snapshot of this source")
            return self._switched(state, target, "rolled back", person, reason)

    def _switched(
        self, state: SourceState, snapshot: str, what: str, person: str, reason: str
    ) -> SourceState:
        self._snapshots.verify(state.source, snapshot)
        after = state.switched(snapshot, self._act(what, person, reason, snapshot))
        self._snapshots.write_state(after)
        return after

    def states(self) -> Iterator[tuple[SourceState, Manifest | None]]:
        """Each source with the manifest in force."""
        for source in self._snapshots.sources():
            state = self._snapshots.state(source)
            yield state, self._current(state)

    def in_force(self) -> tuple[ListedEntity, ...]:
        """Entities of all current snapshots. Errors: Corrupt when one cannot be read."""
        found: list[ListedEntity] = []
        for source in self._snapshots.sources():
            found += self._entities(source, self._snapshots.state(source).current)
        return tuple(found)

    def entities_of(self, source: str, snapshot: str) -> tuple[ListedEntity, ...]:
        """Entities of one kept snapshot, every octet checked. Errors: NotFound, Corrupt."""
        return self._entities(source, snapshot)

    def changes(self, source: str) -> Iterator[ListsChanged]:
        """Switches that nobody has acknowledged, oldest first: re-screen, then `acknowledge`."""
        for switch in self._snapshots.state(source).undelivered:
            yield self._change(source, switch)

    def acknowledge(self, change: ListsChanged) -> None:
        """The re-screening of a change is done; safe to repeat."""
        with self._snapshots.locked(change.source):
            state = self._snapshots.state(change.source)
            self._snapshots.write_state(state.delivered(change.seq))

    def verify(self, source: str) -> tuple[Manifest, ...]:
        """Check every snapshot a state names. Errors: Corrupt naming the file."""
        state = self._snapshots.state(source)
        named = (state.current, *state.previous, state.waiting)
        return tuple(self._snapshots.verify(source, one) for one in named if one is not None)

    def _change(self, source: str, switch: Switch) -> ListsChanged:
        before = self._entities(source, switch.before)
        after = self._entities(source, switch.after)
        delta = compare(before, after)
        return ListsChanged(source, switch.seq, switch.before, switch.after, delta)

    def _current(self, state: SourceState) -> Manifest | None:
        if state.current is None:
            return None
        return self._snapshots.manifest(state.source, state.current)

    def _entities(self, source: str, snapshot: str | None) -> tuple[ListedEntity, ...]:
        if snapshot is None:
            return ()
        self._snapshots.verify(source, snapshot)
        read = read_folder(self._snapshots.files(source, snapshot))
        if read.faults:
            raise Corrupt(
                "snapshot_unreadable",
                f"a list in force cannot be read ({read.faults[0].code}); take it in again",
                pointer=f"{source}/{snapshot[:12]}/{read.faults[0].name}",
            )
        return read.entities

    def _manifest(
        self, source: str, files: tuple[StoredFile, ...], read: FolderOfLists
    ) -> Manifest:
        dates = [one.list_date for one in read.files if one.list_date]
        return Manifest(
            id=snapshot_id(files),
            source=source,
            formats=tuple(sorted({one.format for one in read.files})),
            files=files,
            list_date=max(dates, default=None),
            fetched_at_us=self._clock.now_us(),
            entities=len(read.entities),
            counts=dict(sorted(Counter(one.schema for one in read.entities).items())),
            notes=tuple(dict.fromkeys(note for one in read.files for note in one.notes))[:20],
        )

    def _act(
        self, act: str, person: str, reason: str, snapshot: str | None, detail: str = ""
    ) -> Act:
        return Act(
            act,
            person,
            reason[:_WORDS_LIMIT],
            self._clock.now_us(),
            snapshot,
            detail[:_WORDS_LIMIT],
        )


def snapshot_id(files: tuple[StoredFile, ...]) -> str:
    """Hash (hex) of names and digests of a snapshot's files."""
    lines = "".join(f"{one.sha256}  {one.name}\n" for one in files)
    return sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def source_of(path: Path) -> str:
    """The one source that a file or folder is of. Errors: InvalidRequest `list_source_unclear`."""
    found = {one.source for one in read_folder(path).entities}
    if len(found) == 1:
        return found.pop()
    raise InvalidRequest(
        "list_source_unclear",
        f"this holds lists of {len(found)} sources; name it with --source, or take each in alone",
        pointer=path.name,
    )


def _named(person: str) -> None:
    if not person.strip() or len(person) > _PERSON_LIMIT:
        raise InvalidRequest("list_person_missing", "say who does this", pointer="--person")


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise InvalidRequest("list_reason_missing", "say why", pointer="--reason")
