"""Read a folder of lists: every file by what it holds, and no file's fault hurts another.

Order: all files are opened and recognised; OFAC's aliases and addresses are gathered; then each
list is read whole or not at all. A fault names file, line, code and remedy. The same octets twice
are read once. One id in two files (a list in two formats, an old one beside a new one) becomes one
entity with the names and facts of both, since screening may lose no name. Not done here: keeping
lists, comparing with earlier ones, approval (`snapshots`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.sources.eu_csv import read_eu_csv
from paywarden.aml.screening.sources.eu_xml import read_eu_xml
from paywarden.aml.screening.sources.faults import ListFault, too_large
from paywarden.aml.screening.sources.json_lists import read_json_document, read_json_lines
from paywarden.aml.screening.sources.limits import (
    DEPTH_LIMIT,
    ENTITIES_LIMIT,
    FILES_LIMIT,
)
from paywarden.aml.screening.sources.merging import merged
from paywarden.aml.screening.sources.names_yml import read_names_yml
from paywarden.aml.screening.sources.ofac_advanced_xml import read_ofac_advanced
from paywarden.aml.screening.sources.ofac_csv import (
    OfacTables,
    gather_addresses,
    gather_aliases,
    read_ofac_csv,
)
from paywarden.aml.screening.sources.ofac_xml import read_ofac_xml
from paywarden.aml.screening.sources.opening import Content, contents_of
from paywarden.aml.screening.sources.own import read_own_csv
from paywarden.aml.screening.sources.recognising import Format, recognise
from paywarden.aml.screening.sources.told import Told
from paywarden.aml.screening.sources.uk_csv import read_uk_csv
from paywarden.aml.screening.sources.uk_xml import read_uk_xml
from paywarden.aml.screening.sources.un_xml import read_un

_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")
_PARTS: Final[dict[str, Callable[[Content, Told, OfacTables], int]]] = {
    "ofac-csv-aliases": gather_aliases,
    "ofac-csv-addresses": gather_addresses,
}
_PLAIN: Final[dict[str, Callable[[Content, Told], Iterator[ListedEntity]]]] = {
    "un-xml": read_un,
    "eu-xml": read_eu_xml,
    "eu-csv": read_eu_csv,
    "uk-xml": read_uk_xml,
    "uk-csv": read_uk_csv,
    "ofac-xml": read_ofac_xml,
    "ofac-advanced-xml": read_ofac_advanced,
    "names-yml": read_names_yml,
}


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file that was read: what it was, its digest, its date as told, and what it gave.

    `sha256` is of the file as stored (of an archive's member: unpacked). `notes` are no faults, yet
    worth a look: `the list may be cut off between two rows`, aliases missing, and the like.
    """

    name: str
    format: str
    source: str
    sha256: str
    list_date: str | None
    entities: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFault:
    """One file that gave nothing: where (line, if known), a stable code, and what to do."""

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


@dataclass(slots=True)
class _Reading:
    tables: OfacTables = field(default_factory=OfacTables)
    entities: list[ListedEntity] = field(default_factory=list)
    files: list[FileRead] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    recognised: list[tuple[Content, Format]] = field(default_factory=list)


def read_folder(path: Path) -> FolderOfLists:
    """Read every list in `path`: a folder (four levels deep), or one file.

    Never raises for what files are or hold; a `path` that is not there is a fault too.
    """
    reading = _Reading()
    try:
        found = list(islice(_files(path), FILES_LIMIT + 1))
    except OSError:
        found = []
    if not found:
        reading.faults.append(_nothing(path))
    if len(found) > FILES_LIMIT:
        many = too_large(f"the folder holds more than {FILES_LIMIT} files")
        return FolderOfLists((), (), (_fault(path.name, many),))
    for file, name in found:
        _guarded(reading, name, partial(_open, reading, file, name))
    _gather(reading)
    for content, format_ in reading.recognised:
        if format_.name not in _PARTS:
            _guarded(reading, content.name, partial(_read, reading, content, format_))
    return FolderOfLists(merged(reading.entities), tuple(reading.files), tuple(reading.faults))


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        if path.exists():
            yield path, path.name
        return
    for folder, folders, names in os.walk(path):
        below = Path(folder).relative_to(path)
        deep = len(below.parts) >= DEPTH_LIMIT
        folders[:] = [] if deep else sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name, str(below / name)


def _guarded(reading: _Reading, name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except ListFault as fault:
        reading.faults.append(_fault(name, fault))
    except OSError:
        unread = ListFault("list_unreadable", "the file cannot be read", "check disk and rights")
        reading.faults.append(_fault(name, unread))


def _open(reading: _Reading, file: Path, name: str) -> None:
    for content in contents_of(file, name):
        _guarded(reading, content.name, partial(_recognise, reading, content))


def _recognise(reading: _Reading, found: Content) -> None:
    content = found.digested()
    first = reading.seen.setdefault(content.sha256, content.name)
    if first != content.name:
        note = f"the same as {first}, and read once"
        reading.files.append(
            FileRead(content.name, "duplicate", "", content.sha256, None, 0, (note,))
        )
        return
    reading.recognised.append((content, recognise(content.head())))


def _gather(reading: _Reading) -> None:
    """OFAC's parts before its main files; when one of them is broken, main files are not read."""
    before = len(reading.faults)
    parts = [one for one in reading.recognised if one[1].name in _PARTS]
    mains = [one for one in reading.recognised if one[1].name == "ofac-csv-main"]
    for content, format_ in parts:
        if mains:
            _guarded(reading, content.name, partial(_part, reading, content, format_))
        else:
            reading.faults.append(_fault(content.name, _alone()))
    if mains and len(reading.faults) > before:
        reading.recognised = [one for one in reading.recognised if one not in mains]
        reading.faults += [_fault(one.name, _part_broken()) for one, _ in mains]


def _part(reading: _Reading, content: Content, format_: Format) -> None:
    told = Told()
    fresh = OfacTables()
    count = _PARTS[format_.name](content, told, fresh)
    for number, aliases in fresh.aliases.items():
        reading.tables.aliases[number] += aliases
    for number, lands in fresh.lands.items():
        reading.tables.lands[number] += lands
    told.note(f"{count} rows, joined to the main file")
    reading.files.append(_file_read(content, format_, "ofac", told, 0))


def _read(reading: _Reading, content: Content, format_: Format) -> None:
    told = Told()
    source = own_source(content.name)
    entities = list(islice(_entities(reading, content, format_, told, source), ENTITIES_LIMIT + 1))
    if len(entities) + len(reading.entities) > ENTITIES_LIMIT:
        raise too_large(f"there are more than {ENTITIES_LIMIT} entries")
    if not entities:
        raise ListFault("list_empty", "the list holds no entry", "fetch it again")
    twice = len(entities) - len({one.id for one in entities})
    if twice:
        told.note(f"{twice} entries have an id that stands before, and were joined to it")
    reading.entities += entities
    reading.files.append(_file_read(content, format_, entities[0].source, told, len(entities)))


def _entities(
    reading: _Reading, content: Content, format_: Format, told: Told, source: str
) -> Iterator[ListedEntity]:
    if format_.name == "ofac-csv-main":
        return read_ofac_csv(content, told, reading.tables)
    if format_.name == "own-csv":
        return read_own_csv(content, told, source, format_.delimiter)
    if format_.name == "json-lines":
        return read_json_lines(content, told, source)
    if format_.name == "json":
        return read_json_document(content, told, source)
    return _PLAIN[format_.name](content, told)


def own_source(name: str) -> str:
    """Source of an own list: the name of its file, without folders and endings."""
    stem = name.replace("!", "/").rsplit("/", 1)[-1].partition(".")[0]
    return f"own-{_NOT_WORD.sub('-', stem.casefold()).strip('-') or 'list'}"


def _file_read(content: Content, format_: Format, source: str, told: Told, count: int) -> FileRead:
    return FileRead(
        content.name,
        format_.name,
        source,
        content.sha256,
        told.list_date,
        count,
        tuple(told.notes),
    )


def _fault(name: str, fault: ListFault) -> FileFault:
    return FileFault(name, fault.line, fault.code, fault.detail, fault.remedy)


def _nothing(path: Path) -> FileFault:
    return FileFault(
        path.name,
        None,
        "list_missing",
        "there is no file",
        "give a folder with lists, or one list",
    )


def _alone() -> ListFault:
    return ListFault(
        "list_main_missing",
        "aliases or addresses of OFAC without the main file (sdn.csv)",
        "put the main file beside it",
    )


def _part_broken() -> ListFault:
    return ListFault(
        "list_part_broken",
        "a file of aliases or addresses beside it cannot be read, so names would be missing",
        "see that file's fault",
    )
