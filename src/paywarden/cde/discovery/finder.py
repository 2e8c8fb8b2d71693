"""One file, by what it is: archive, database, columns, document, or octets.

Guards: a file is known by its first octets, never by its name; a broken or hostile one is named in
`skipped`, and what it lets be read as plain octets is read so. Memory is bounded by a block for
plain files and by the limits of `expansion` for what must be held whole.
"""

from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path
from typing import BinaryIO

from paywarden.cde.discovery import documents, sqlite_tables
from paywarden.cde.discovery.archives import BROKEN, Member, archive_kind, members
from paywarden.cde.discovery.expansion import DEPTH, Budget, Refused, whole
from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.parquet import BROKEN as PARQUET_BROKEN
from paywarden.cde.discovery.parquet import MAGIC as PARQUET
from paywarden.cde.discovery.parquet import parquet_hits
from paywarden.cde.discovery.streaming import stream_hits

_HEAD = 8192


class Finder:
    """Reads files into `findings`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def file(self, path: Path, label: str) -> None:
        """One regular file. Errors: OSError when it cannot be opened or read."""
        with path.open("rb", buffering=0) as raw:
            size = os.fstat(raw.fileno()).st_size
            head = raw.read(_HEAD)
            raw.seek(0)
            if head.startswith(sqlite_tables.MAGIC):
                self._database_file(path, label, raw, size)
            else:
                source = io.BufferedReader(raw, 1 << 16)
                self._octets(label, source, head, size, Budget(), 0)

    def _octets(
        self, label: str, source: BinaryIO, head: bytes, size: int, budget: Budget, depth: int
    ) -> None:
        """A stream that can be sought when it is outermost (`depth` 0) or held in memory."""
        kind = archive_kind(head)
        if kind is not None:
            if self._archive(label, kind, source, budget, depth):
                return
            if depth:
                return
            source.seek(0)
        elif head.startswith(PARQUET):
            self._parquet(label, source, depth)
            return
        elif documents.is_mail(head) and size <= documents.MAIL_OCTETS:
            self._mail(label, source, budget, depth)
            return
        self._plain(label, source, size if depth == 0 else -1)

    def _plain(self, label: str, source: BinaryIO, size: int) -> None:
        """Octets as they come; holes of a sparse file are passed over and named."""
        if size < 0 or not _has_holes(source, size):
            self._stretch(label, source.read, 0)
            return
        self._findings.skip(label, "sparse_holes")
        descriptor = source.fileno()
        at = 0
        while at < size:
            try:
                begin = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError:
                break
            at = min(size, os.lseek(descriptor, begin, os.SEEK_HOLE))
            source.seek(begin)
            self._stretch(label, _limited(source, at - begin), begin)

    def _stretch(self, label: str, read: object, first: int) -> None:
        def counted(octets: int) -> bytes:
            piece: bytes = read(octets)  # type: ignore[operator]
            self._findings.octets += len(piece)
            return piece

        for hit in stream_hits(counted, first):
            self._findings.add(label, hit.start, hit)

    def _archive(self, label: str, kind: str, source: BinaryIO, budget: Budget, depth: int) -> bool:
        """Whether it could be read as an archive, in whole or until it was refused."""
        if depth >= DEPTH:
            self._findings.skip(label, "nested_too_deep")
            return True
        taken = 0
        try:
            for member in members(kind, source, budget):
                taken += 1
                self._member(label, member, budget, depth)
        except Refused as refused:
            self._findings.skip(label, refused.reason)
        except BROKEN:
            self._findings.skip(label, "archive_broken")
            return taken > 0
        return True

    def _member(self, label: str, member: Member, budget: Budget, depth: int) -> None:
        place = f"{label}!{member.name}" if member.name else label
        if member.stream is None:
            self._findings.skip(place, member.refused)
            return
        try:
            self._member_octets(place, member.name, member.stream, budget, depth + 1)
        except BROKEN:
            self._findings.skip(place, "archive_broken")

    def _member_octets(
        self, place: str, name: str, stream: BinaryIO, budget: Budget, depth: int
    ) -> None:
        head = _peek(stream)
        if head.startswith(sqlite_tables.MAGIC):
            self._database_octets(place, whole(stream).getvalue())
        elif documents.is_office_text(name):
            text = documents.without_markup(whole(stream).getvalue())
            self._stretch(place, io.BytesIO(text).read, 0)
        elif archive_kind(head) == "zip" or head.startswith(PARQUET) or documents.is_mail(head):
            held = whole(stream)
            self._octets(place, held, head, len(held.getvalue()), budget, depth)
        else:
            self._octets(place, stream, head, 0, budget, depth)

    def _mail(self, label: str, source: BinaryIO, budget: Budget, depth: int) -> None:
        octets = source.read()
        known = len(self._findings.found)
        self._stretch(label, io.BytesIO(octets).read, 0)
        marks = {one.mark for one in self._findings.found[known:]}
        for name, payload in documents.mail_parts(octets):
            inner = Findings.like(self._findings)
            Finder(inner)._octets(
                f"{label}!{name}", io.BytesIO(payload), payload[:_HEAD], len(payload), budget,
                depth + 1,
            )  # fmt: skip
            self._findings.take_in(inner, but=marks)

    def _parquet(self, label: str, source: BinaryIO, depth: int) -> None:
        source.seek(0)
        held = io.BytesIO(source.read()) if depth else source
        known = len(self._findings.found)
        try:
            for place, offset, hit in parquet_hits(held):
                self._findings.add(f"{label}#{place}", offset, hit)
        except PARQUET_BROKEN:
            self._findings.skip(label, "parquet_broken")
        marks = {one.mark for one in self._findings.found[known:]}
        held.seek(0)
        raw = Findings.like(self._findings)
        Finder(raw)._stretch(label, held.read, 0)
        # Packed columns are noise to the eye for packed decimals.
        raw.found = [one for one in raw.found if "packed" not in one.form]
        self._findings.take_in(raw, but=marks)

    def _database_file(self, path: Path, label: str, raw: io.FileIO, size: int) -> None:
        try:
            database = sqlite_tables.open_file(path)
        except sqlite3.Error:
            self._findings.skip(label, "database_unreadable_as_tables")
            self._plain(label, io.BufferedReader(raw, 1 << 16), size)
            return
        self._tables(label, database)

        def read(at: int, count: int) -> bytes:
            return os.pread(raw.fileno(), count, at)

        self._free_space(label, raw, read, size)

    def _database_octets(self, label: str, octets: bytes) -> None:
        try:
            database = sqlite_tables.open_octets(octets)
        except sqlite3.Error:
            self._findings.skip(label, "database_unreadable_as_tables")
        else:
            self._tables(label, database)
        self._free_space(
            label, io.BytesIO(octets), lambda at, count: octets[at : at + count], len(octets)
        )

    def _tables(self, label: str, database: sqlite3.Connection) -> None:
        try:
            for place, offset, hit in sqlite_tables.table_hits(database):
                self._findings.add(f"{label}#{place}", offset, hit)
        except sqlite3.Error:
            self._findings.skip(label, "database_broken")
        finally:
            database.close()

    def _free_space(self, label: str, source: object, read: object, size: int) -> None:
        """What free pages and unused octets still hold."""
        free = sqlite_tables.FreeSpace(read, size)
        raw = Findings.like(self._findings)
        Finder(raw)._stretch(label, source.read, 0)  # type: ignore[attr-defined]
        raw.found = [one for one in raw.found if free.holds(one.offset)]
        self._findings.take_in(raw, but=set())


def _peek(stream: BinaryIO) -> bytes:
    peek = getattr(stream, "peek", None)
    assert peek is not None, "members are buffered"
    octets: bytes = peek(_HEAD)
    return octets[:_HEAD]


def _has_holes(source: BinaryIO, size: int) -> bool:
    try:
        found = os.fstat(source.fileno())
    except (OSError, io.UnsupportedOperation):
        return False
    return size > (1 << 20) and found.st_blocks * 512 < size // 2


def _limited(source: BinaryIO, octets: int) -> object:
    left = octets

    def read(size: int) -> bytes:
        nonlocal left
        piece = source.read(min(size, left))
        left -= len(piece)
        return piece

    return read
