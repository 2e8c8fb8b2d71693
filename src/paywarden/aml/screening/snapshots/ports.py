"""What the use cases want of the place where snapshots lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from paywarden.aml.screening.snapshots.model import Manifest, SourceState, StoredFile


class Snapshots(Protocol):
    """Snapshots and states by source. What was returned from a write survives a power cut."""

    def locked(self, source: str) -> AbstractContextManager[None]:
        """Be the only writer of a source. Errors: Conflict `list_busy`."""
        ...

    def sources(self) -> Iterator[str]:
        """All sources with a state."""
        ...

    def state(self, source: str) -> SourceState:
        """State of a source, a fresh one when there is none. Errors: Corrupt."""
        ...

    def write_state(self, state: SourceState) -> None:
        """Replace the state at once and durably."""
        ...

    def stage(self, source: str, path: Path) -> tuple[Path, tuple[StoredFile, ...]]:
        """Copy a file or folder into a staging folder. Errors: InvalidRequest, TooLarge."""
        ...

    def keep(self, staged: Path, manifest: Manifest) -> None:
        """Make a staging folder the snapshot of `manifest`; a snapshot is kept once."""
        ...

    def discard(self, staged: Path) -> None:
        """Drop a staging folder."""
        ...

    def manifest(self, source: str, snapshot: str) -> Manifest:
        """A kept snapshot's manifest. Errors: NotFound, Corrupt."""
        ...

    def files(self, source: str, snapshot: str) -> Path:
        """Folder with a kept snapshot's files, to be read as lists."""
        ...

    def prune(self, source: str) -> None:
        """Drop snapshots that the state speaks of no more."""
        ...

    def verify(self, source: str, snapshot: str) -> Manifest:
        """Read every octet of a snapshot again. Errors: Corrupt naming the file."""
        ...
