"""The index of a set of snapshots, built once and kept as a file that every process maps.

Guards, in order: a signed note of the home's list key names snapshots, program and digest, so that
nobody without that key puts an index in place of the lists; the file is checked as a whole
(`index_file`). Whatever is missing, foreign, damaged or of another program is built anew from the
signed snapshots; a disk that is full costs the file and never the answer. One process builds at a
time (flock), others wait and map what it made. Files of other lists are removed: a process that
still maps one keeps it until it ends. Not done here: changes between snapshots, which are built for
one use (`entrypoints.screening_child`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.index_file import read_index, write_index
from paywarden.aml.screening.serving.messages import Wanted
from paywarden.aml.screening.snapshots.signing import sealed, unsealed
from paywarden.core.errors import PaywardenError
from paywarden.evidence.note import SigningKey
from paywarden.kit.durable import sync_directory

KEPT: Final = "paywarden/screening-index/v1"
NOTE_LIMIT_OCTETS: Final = 65_536
_DIGEST_OCTETS: Final = 32
_LOCK: Final = "lock"


class Kept(msgspec.Struct, frozen=True):
    """What a note says: `name` of the file, and the digest (hex) that closes it."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Held:
    """An index; whether a kept file was mapped; why what was built could not be kept."""

    index: ScreeningIndex
    mapped: bool = False
    fault: str = ""


class KeptIndexes:
    """Files of indexes in one private folder."""

    def __init__(self, folder: Path, key: SigningKey, program: bytes) -> None:
        self._folder = folder
        self._key = key
        self._program = program

    def index(self, wanted: Wanted, build: Callable[[], ScreeningIndex]) -> Held:
        """The index, mapped or built. Errors: those of `build`."""
        name = self.name_of(wanted)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                found = self._read(name)
                if found is not None:
                    self._sweep(name)
                    return Held(found, mapped=True)
                return self._built(name, build)
        except OSError as fault:
            return Held(build(), fault=type(fault).__name__)

    def name_of(self, wanted: Wanted) -> str:
        """Snapshots and program in one word."""
        state = hashlib.sha256(self._program)
        state.update(msgspec.msgpack.encode(wanted))
        return state.hexdigest()

    def _built(self, name: str, build: Callable[[], ScreeningIndex]) -> Held:
        """Build; then map the file, so that all processes share one copy."""
        made = build()
        try:
            self._write(name, made)
            return Held(self._read(name) or made)
        except OSError as fault:
            return Held(made, fault=type(fault).__name__)

    def _write(self, name: str, index: ScreeningIndex) -> None:
        self._sweep("")
        path, note = self._path(name), self._note(name)
        write_index(index, path)
        octets = sealed(self._key, KEPT, Kept(name, _closing(path)))
        handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as sink:
            sink.write(octets)
            sink.flush()
            os.fsync(sink.fileno())
        sync_directory(self._folder)

    def _read(self, name: str) -> ScreeningIndex | None:
        """The kept index; None when there is none that can be believed."""
        path, note = self._path(name), self._note(name)
        try:
            with note.open("rb") as source:
                octets = source.read(NOTE_LIMIT_OCTETS)
            kept = unsealed(self._key, KEPT, Kept, octets, note.name)
            if kept != Kept(name, _closing(path)):
                return None
            return read_index(path)
        except (PaywardenError, OSError):
            return None

    def _sweep(self, name: str) -> None:
        """Remove files of other lists and programs, and drafts of whoever was killed."""
        own = {_LOCK, self._path(name).name, self._note(name).name}
        for path in self._folder.iterdir():
            if path.name not in own:
                path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(self._folder / _LOCK, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.index"

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.note"


def _closing(path: Path) -> str:
    """The digest at the end of a file, which reading it proves."""
    with path.open("rb") as source:
        source.seek(-_DIGEST_OCTETS, os.SEEK_END)
        return source.read().hex()
