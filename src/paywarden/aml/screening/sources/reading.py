"""Read a folder of lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paywarden.aml.screening.model import ListedEntity


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file that was read: its name, what it was, its digest, its age and what it gave."""

    name: str
    format: str
    source: str
    sha256: str
    list_date: str | None
    entities: int


@dataclass(frozen=True, slots=True)
class FileFault:
    """One file (and line, where known) that gave nothing, and what to do."""

    name: str
    line: int | None
    code: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FolderOfLists:
    """What a folder gave: entities of all sound files; files read; files that gave nothing."""

    entities: tuple[ListedEntity, ...]
    files: tuple[FileRead, ...]
    faults: tuple[FileFault, ...]


def read_folder(path: Path) -> FolderOfLists:
    """Read every list in `path` (a folder, or one file). Never raises for what files hold."""
    raise NotImplementedError
