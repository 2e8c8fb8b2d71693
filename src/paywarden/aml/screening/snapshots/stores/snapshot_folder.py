"""Snapshots as folders: `SOURCE/snapshots/ID/` with files and manifest, and `SOURCE/state.note`.

Guards: a snapshot is written aside, synced and renamed into place before any state names it; the
state is replaced by one rename. A kill at any point leaves the old state or the new one, each with
its snapshot whole; what was staged is swept by the next writer. One writer per source (flock).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from paywarden.aml.screening.snapshots.model import Manifest, SourceState, StoredFile
from paywarden.aml.screening.snapshots.signing import MANIFEST, STATE, sealed, unsealed
from paywarden.aml.screening.sources.limits import DEPTH_LIMIT, STORED_LIMIT_OCTETS
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotFound, TooLarge
from paywarden.evidence.note import SigningKey
from paywarden.kit.durable import sync_directory

FILES_LIMIT: Final = 100
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_ID: Final = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK: Final = 1 << 20
_RECORD_LIMIT_OCTETS: Final = 1 << 20


def _no_step(_name: str) -> None:
    """Steps are watched by tests alone."""


class SnapshotFolder:
    """Snapshots under one folder. `step` hears the name of each step, for tests that kill."""

    def __init__(self, root: Path, key: SigningKey, step: Callable[[str], None] = _no_step) -> None:
        self._root = root
        self._key = key
        self._step = step

    @contextmanager
    def locked(self, source: str) -> Iterator[None]:
        """Be the only writer of a source. Errors: Conflict `list_busy`, InvalidRequest."""
        folder = self._folder(source)
        (folder / "snapshots").mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sweep(folder)
            yield
        except BlockingIOError as fault:
            raise Conflict("list_busy", "another process changes this source; try again") from fault
        finally:
            os.close(handle)

    def sources(self) -> Iterator[str]:
        """All sources with a state, in order."""
        for folder in sorted(self._root.glob("*/state.note")):
            yield folder.parent.name

    def state(self, source: str) -> SourceState:
        """State of a source, a fresh one when there is none. Errors: Corrupt."""
        path = self._folder(source) / "state.note"
        octets = _record(path)
        if octets is None:
            return SourceState(source)
        found = unsealed(self._key, STATE, SourceState, octets, f"{source}/state.note")
        if found.source != source:
            raise Corrupt("list_record_damaged", "a state of another source", pointer=source)
        return found

    def write_state(self, state: SourceState) -> None:
        """Replace the state at once and durably."""
        folder = self._folder(state.source)
        aside = folder / "state.part"
        _write(aside, sealed(self._key, STATE, state))
        self._step("state written aside")
        aside.replace(folder / "state.note")
        self._step("state renamed")
        sync_directory(folder)

    def stage(self, source: str, path: Path) -> tuple[Path, tuple[StoredFile, ...]]:
        """Copy a file or folder. Errors: InvalidRequest `list_unreadable`, TooLarge."""
        staged = self._folder(source) / "snapshots" / "staged.part"
        shutil.rmtree(staged, ignore_errors=True)
        (staged / "files").mkdir(mode=0o700, parents=True)
        files = []
        for place, (file, name) in enumerate(_given(path, source)):
            if place >= FILES_LIMIT:
                raise TooLarge("list_too_many_files", f"more than {FILES_LIMIT} files")
            files.append(_copied(file, staged / "files" / name, name))
        self._step("staged")
        return staged, tuple(sorted(files, key=lambda one: one.name))

    def keep(self, staged: Path, manifest: Manifest) -> None:
        """Make a staging folder the snapshot of `manifest`; one that is there already stays."""
        target = self._folder(manifest.source) / "snapshots" / manifest.id
        if (target / "manifest.note").exists():
            self.discard(staged)
            return
        _write(staged / "manifest.note", sealed(self._key, MANIFEST, manifest))
        for folder in sorted((staged / "files").rglob("*")):
            if folder.is_dir():
                sync_directory(folder)
        sync_directory(staged / "files")
        sync_directory(staged)
        self._step("manifest written")
        staged.rename(target)
        self._step("snapshot renamed")
        sync_directory(target.parent)

    def discard(self, staged: Path) -> None:
        """Drop a staging folder."""
        shutil.rmtree(staged, ignore_errors=True)

    def manifest(self, source: str, snapshot: str) -> Manifest:
        """A kept snapshot's manifest. Errors: NotFound `snapshot_unknown`, Corrupt."""
        folder = self._snapshot(source, snapshot)
        octets = _record(folder / "manifest.note")
        if octets is None:
            raise NotFound("snapshot_unknown", "this source has no such snapshot", pointer=source)
        place = f"{source}/{snapshot[:12]}"
        found = unsealed(self._key, MANIFEST, Manifest, octets, place)
        if (found.source, found.id) != (source, snapshot):
            raise Corrupt("list_record_damaged", "a manifest of another snapshot", pointer=place)
        return found

    def files(self, source: str, snapshot: str) -> Path:
        """Folder with a kept snapshot's files."""
        return self._snapshot(source, snapshot) / "files"

    def prune(self, source: str) -> None:
        """Drop snapshots that the state speaks of no more."""
        needed = self.state(source).needed
        for one in (self._folder(source) / "snapshots").iterdir():
            if _ID.match(one.name) and one.name not in needed:
                shutil.rmtree(one, ignore_errors=True)

    def verify(self, source: str, snapshot: str) -> Manifest:
        """Read every octet again. Errors: Corrupt `snapshot_damaged` naming the file."""
        manifest = self.manifest(source, snapshot)
        folder = self.files(source, snapshot)
        there = {str(one.relative_to(folder)) for one in folder.rglob("*") if not one.is_dir()}
        for name in sorted(there ^ {one.name for one in manifest.files}):
            raise _damaged(source, snapshot, name)
        for one in manifest.files:
            if _digest(folder / one.name) != (one.sha256, one.octets):
                raise _damaged(source, snapshot, one.name)
        return manifest

    def _folder(self, source: str) -> Path:
        if not _SOURCE.match(source):
            raise InvalidRequest(
                "list_source_name", "a source's name has letters a-z, digits and hyphens"
            )
        return self._root / source

    def _snapshot(self, source: str, snapshot: str) -> Path:
        if not _ID.match(snapshot):
            raise NotFound("snapshot_unknown", "a snapshot is named by 64 hexadecimal digits")
        return self._folder(source) / "snapshots" / snapshot

    @staticmethod
    def _sweep(folder: Path) -> None:
        shutil.rmtree(folder / "snapshots" / "staged.part", ignore_errors=True)
        (folder / "state.part").unlink(missing_ok=True)


def _given(path: Path, source: str) -> Iterator[tuple[Path, str]]:
    """Files and their names within the snapshot; a single file is named for its source."""
    if path.is_file():
        yield path, source + "".join(path.suffixes[-2:])[:20]
        return
    if not path.is_dir():
        raise InvalidRequest("list_missing", "there is no such file or folder", pointer=path.name)
    for folder, folders, names in os.walk(path):
        below = Path(folder).relative_to(path)
        deep = len(below.parts) >= DEPTH_LIMIT
        folders[:] = [] if deep else sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name, str(below / name)


def _copied(file: Path, target: Path, name: str) -> StoredFile:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.is_file():
        raise InvalidRequest("list_unreadable", "this is not a plain file", pointer=name)
    try:
        with file.open("rb") as source, target.open("xb") as copy:
            return _poured(source, copy, name)
    except OSError as fault:
        raise InvalidRequest(
            "list_unreadable", "the file cannot be copied", pointer=name
        ) from fault


def _poured(source: BinaryIO, copy: BinaryIO, name: str) -> StoredFile:
    state, octets = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        octets += len(chunk)
        if octets > STORED_LIMIT_OCTETS:
            raise TooLarge("list_too_large", "the file is larger than is allowed", pointer=name)
        state.update(chunk)
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return StoredFile(name, state.hexdigest(), octets)


def _write(path: Path, octets: bytes) -> None:
    with path.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _record(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_RECORD_LIMIT_OCTETS)
    except FileNotFoundError:
        return None


def _digest(path: Path) -> tuple[str, int]:
    state, octets = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            octets += len(chunk)
            state.update(chunk)
    return state.hexdigest(), octets


def _damaged(source: str, snapshot: str, name: str) -> Corrupt:
    return Corrupt(
        "snapshot_damaged",
        "a file of a snapshot is not what was taken in; take the list in again, or restore it",
        pointer=f"{source}/{snapshot[:12]}/{name}",
    )
