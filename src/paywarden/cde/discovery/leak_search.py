"""Planted markers, searched for wherever they must not be: files, pages, process memory.

Markers are planted at one end of the system and searched for everywhere outside the card data
environment, in every form of `leak_forms`. Guards against a search that finds nothing because it
looks at nothing: markers that must be found (positive controls), every form found in a block of its
own before the search begins, and a list of what could not be read. Only a report without hits,
without missed controls and without anything unread says that nothing leaked.
Guards: a report names markers, never their text.
"""

from __future__ import annotations

import io
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from paywarden.cde.discovery import process_memory, sqlite_tables
from paywarden.cde.discovery.archives import BROKEN, archive_kind, members
from paywarden.cde.discovery.cells import cell_octets
from paywarden.cde.discovery.expansion import DEPTH, Budget, Refused, whole
from paywarden.cde.discovery.findings import Skipped
from paywarden.cde.discovery.leak_forms import Marker, forms_of
from paywarden.cde.discovery.patterns import Patterns
from paywarden.core.errors import Corrupt, InvalidRequest

MOST_HITS = 10_000
_HEAD = 512


@dataclass(frozen=True, slots=True)
class LeakHit:
    """A marker in a place: octet of a file or page, or address in a process."""

    place: str
    offset: int
    marker: str
    form: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a search saw. `hits` are leaks; `controls` are where the positive controls were found."""

    hits: tuple[LeakHit, ...]
    controls: tuple[LeakHit, ...]
    controls_missed: tuple[str, ...]
    unread: tuple[Skipped, ...]
    files: int
    processes: int
    pages: int
    octets: int

    @property
    def clean(self) -> bool:
        """Whether nothing leaked and the search is to be believed."""
        return not (self.hits or self.controls_missed or self.unread)

    def document(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**asdict(self), "clean": self.clean}


def search(
    markers: Sequence[Marker],
    roots: Iterable[Path] = (),
    pids: Iterable[int] = (),
    pages: Mapping[str, bytes] | None = None,
) -> Report:
    """Search files below `roots`, the memory of `pids`, and `pages` (name -> octets).

    Errors: InvalidRequest for doubtful markers or for the searching process itself, whose memory
    holds every marker; Corrupt when a form is not found where it was put.
    """
    run = _Run(markers)
    run.check_itself()
    for root in roots:
        run.tree(root)
    for pid in pids:
        run.process(pid)
    for name, octets in (pages or {}).items():
        run.page(name, octets)
    return run.report()


class _Run:
    def __init__(self, markers: Sequence[Marker]) -> None:
        if len({one.name for one in markers}) != len(markers) or not markers:
            raise InvalidRequest("markers_unnamed", "markers need names of their own")
        if any(len(one.text) < 13 for one in markers):
            raise InvalidRequest("marker_short", "a marker has at least 13 characters")
        self._controls = {one.name for one in markers if one.must_be_found}
        self._forms: dict[str, bytes] = {}
        self._names: dict[str, tuple[str, str]] = {}
        for marker in markers:
            for form, octets in forms_of(marker.text).items():
                self._names[f"{marker.name}|{form}"] = (marker.name, form)
                self._forms[f"{marker.name}|{form}"] = octets
        self._patterns = Patterns(self._forms)
        self._found: list[LeakHit] = []
        self._unread: list[Skipped] = []
        self._files = self._processes = self._pages = self._octets = 0

    def check_itself(self) -> None:
        for name, octets in self._forms.items():
            block = b"\xa7" * 37 + octets + b"\xa7" * 5
            if (37, name) not in set(self._patterns.in_block(block)):
                raise Corrupt("search_blind", "a form is not found where it was put")

    def report(self) -> Report:
        controls = tuple(one for one in self._found if one.marker in self._controls)
        missed = self._controls - {one.marker for one in controls}
        return Report(
            tuple(one for one in self._found if one.marker not in self._controls),
            controls, tuple(sorted(missed)), tuple(self._unread), self._files, self._processes,
            self._pages, self._octets,
        )  # fmt: skip

    def page(self, name: str, octets: bytes) -> None:
        self._pages += 1
        self._stream(f"page {name}", io.BytesIO(octets).read, 0)

    def tree(self, root: Path) -> None:
        if root.is_file():
            self._file(root)
            return
        if not root.is_dir():
            self._unread.append(Skipped(str(root), "absent"))
        for folder, _folders, names in os.walk(root, onerror=self._refused):
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    self._file(path)

    def process(self, pid: int) -> None:
        if pid == os.getpid():
            raise InvalidRequest("search_of_itself", "the searching process holds every marker")
        self._processes += 1
        try:
            listed = process_memory.mappings(pid)
            descriptor = process_memory.open_memory(pid)
        except OSError:
            self._unread.append(Skipped(f"process {pid}", "unreadable"))
            return
        try:
            for one in listed:
                self._mapping(pid, descriptor, one)
        finally:
            os.close(descriptor)

    def _mapping(self, pid: int, descriptor: int, one: process_memory.Mapping) -> None:
        place = f"process {pid} {one.name or 'anonymous'}"
        try:
            self._stream(place, process_memory.reader(descriptor, one), one.start)
        except OSError:
            still = any(other.start == one.start for other in process_memory.mappings(pid))
            if still:
                self._unread.append(Skipped(place, "unreadable"))

    def _refused(self, fault: OSError) -> None:
        self._unread.append(Skipped(str(fault.filename), "unreadable"))

    def _file(self, path: Path) -> None:
        self._files += 1
        try:
            with path.open("rb") as source:
                head = source.read(_HEAD)
                source.seek(0)
                self._stream(str(path), source.read, 0)
                source.seek(0)
                self._inside(str(path), head, source, Budget(), 0)
            if head.startswith(sqlite_tables.MAGIC):
                self._cells(path)
        except OSError:
            self._unread.append(Skipped(str(path), "unreadable"))

    def _inside(
        self, place: str, head: bytes, source: BinaryIO, budget: Budget, depth: int
    ) -> None:
        kind = archive_kind(head)
        if kind is None or depth >= DEPTH:
            return
        try:
            for member in members(kind, source, budget):
                name = f"{place}!{member.name}"
                if member.stream is None:
                    self._unread.append(Skipped(name, member.refused))
                    continue
                held = whole(member.stream)
                self._stream(name, held.read, 0)
                held.seek(0)
                self._inside(name, held.getvalue()[:_HEAD], held, budget, depth + 1)
        except Refused as refused:
            self._unread.append(Skipped(place, refused.reason))
        except BROKEN:
            self._unread.append(Skipped(place, "archive_broken"))

    def _cells(self, path: Path) -> None:
        """Cells that are cut over several pages, so that the file as octets does not show them."""
        try:
            database = sqlite_tables.open_file(path)
        except sqlite3.Error:
            return  # its octets were searched
        try:
            for place, value in sqlite_tables.long_cells(database):
                self._stream(f"{path}#{place}", io.BytesIO(cell_octets(value)).read, 0)
        finally:
            database.close()

    def _stream(self, place: str, read: Callable[[int], bytes], first: int) -> None:
        def counted(octets: int) -> bytes:
            piece = read(octets)
            self._octets += len(piece)
            return piece

        for at, name in self._patterns.in_stream(counted, first):
            if len(self._found) < MOST_HITS:
                marker, form = self._names[name]
                self._found.append(LeakHit(place, at, marker, form))
