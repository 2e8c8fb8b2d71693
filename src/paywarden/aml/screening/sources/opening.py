"""Files as they lie: plain, gzip or zip, opened as streams that stop at limits.

Guards: an archive that unpacks to far more than it is (a bomb) is left at the limit, not at the end
of memory; truncated and encrypted archives are faults; what a file is named plays no part. Archives
in archives are not opened. Links out of a folder and things that are no files are not followed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from paywarden.aml.screening.sources.faults import ListFault, malformed, too_large, truncated
from paywarden.aml.screening.sources.limits import (
    DOCUMENT_LIMIT_OCTETS,
    HEAD_OCTETS,
    MEMBERS_LIMIT,
    RATIO_FREE_OCTETS,
    RATIO_LIMIT,
    STORED_LIMIT_OCTETS,
    UNPACKED_LIMIT_OCTETS,
)

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_CHUNK: Final = 1 << 20


class LimitedStream(io.RawIOBase):
    """A stream of at most so many octets; what lies beneath it fails as a ListFault."""

    def __init__(self, inner: BinaryIO, limit_octets: int) -> None:
        self._inner = inner
        self._left = limit_octets

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`. Errors: ListFault."""
        try:
            octets = self._inner.read(len(buffer))
        except EOFError as fault:
            raise truncated() from fault
        except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as fault:
            raise malformed("the compressed octets are damaged") from fault
        self._left -= len(octets)
        if self._left < 0:
            raise too_large("the file unpacks to more than is allowed")
        buffer[: len(octets)] = octets
        return len(octets)

    def close(self) -> None:
        """Close what lies beneath as well."""
        self._inner.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Content:
    """One list as octets: a file, or a member of an archive. `name` is relative to the folder."""

    name: str
    sha256: str
    opener: Callable[[], BinaryIO]
    limit_octets: int

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Unpacked octets from the start. Errors while reading: ListFault."""
        raw: io.RawIOBase = LimitedStream(self._opened(), self.limit_octets)
        with io.BufferedReader(raw, _CHUNK) as buffered:
            yield buffered

    def _opened(self) -> BinaryIO:
        try:
            return self.opener()
        except (zipfile.BadZipFile, zlib.error) as fault:
            raise malformed("the archive is damaged") from fault
        except (RuntimeError, NotImplementedError) as fault:
            raise ListFault(
                "list_archive_unreadable",
                "the archive is encrypted or packed in a way not known here",
                "unpack it and give the list itself",
            ) from fault

    def digested(self) -> Content:
        """The same with its digest, which a member of an archive has not yet. Errors: ListFault."""
        if self.sha256:
            return self
        state = hashlib.sha256()
        with self.stream() as stream:
            while chunk := stream.read(_CHUNK):
                state.update(chunk)
        return replace(self, sha256=state.hexdigest())

    def head(self) -> bytes:
        """The first octets, for recognising the format."""
        with self.stream() as stream:
            return stream.read(HEAD_OCTETS)

    def whole(self) -> bytes:
        """All octets, for formats that cannot be streamed. Errors: ListFault."""
        octets = bytearray()
        with self.stream() as stream:
            while chunk := stream.read(_CHUNK):
                octets += chunk
                if len(octets) > DOCUMENT_LIMIT_OCTETS:
                    raise too_large("a list of this format is read whole and may not be so large")
        return bytes(octets)


def contents_of(path: Path, name: str) -> list[Content]:
    """The lists in a file: itself, or the members of its archive. Errors: ListFault."""
    size = _checked_size(path)
    digest, first = _digest(path)
    if first.startswith(_GZIP):
        return [Content(name, digest, lambda: _gzip(path), _allowed(size))]
    if first.startswith((_ZIP, _EMPTY_ZIP)):
        return _members(path, name)
    return [Content(name, digest, lambda: path.open("rb"), STORED_LIMIT_OCTETS)]


def _gzip(path: Path) -> BinaryIO:
    return gzip.open(path, "rb")  # type: ignore[return-value]


def _allowed(packed_octets: int) -> int:
    return min(UNPACKED_LIMIT_OCTETS, max(RATIO_FREE_OCTETS, packed_octets * RATIO_LIMIT))


def _checked_size(path: Path) -> int:
    try:
        found = os.stat(path)
        readable = os.access(path, os.R_OK)
    except OSError as fault:
        raise _unreadable() from fault
    if not stat.S_ISREG(found.st_mode) or not readable:
        raise _unreadable()
    if found.st_size > STORED_LIMIT_OCTETS:
        raise too_large("the file is larger than is allowed")
    if found.st_size == 0:
        raise ListFault("list_empty", "the file is empty", "fetch it again")
    return found.st_size


def _unreadable() -> ListFault:
    return ListFault(
        "list_unreadable",
        "the file cannot be read",
        "give the process the right to read it, or take it away",
    )


def _digest(path: Path) -> tuple[str, bytes]:
    state = hashlib.sha256()
    with path.open("rb") as file:
        first = file.read(_CHUNK)
        chunk = first
        while chunk:
            state.update(chunk)
            chunk = file.read(_CHUNK)
    return state.hexdigest(), first[:4]


def _members(path: Path, name: str) -> list[Content]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [one for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise malformed("the archive is damaged or incomplete") from fault
    if not infos:
        raise ListFault("list_empty", "the archive holds no file", "fetch it again")
    if len(infos) > MEMBERS_LIMIT:
        raise too_large(f"the archive holds more than {MEMBERS_LIMIT} files")
    if sum(one.file_size for one in infos) > UNPACKED_LIMIT_OCTETS:
        raise too_large("the archive unpacks to more than is allowed")
    return [_member(path, name, one) for one in infos]


def _member(path: Path, name: str, info: zipfile.ZipInfo) -> Content:
    def opened() -> BinaryIO:
        with zipfile.ZipFile(path) as archive:
            return archive.open(info)  # type: ignore[return-value]

    inner = info.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return Content(f"{name}!{inner}", "", opened, _allowed(info.compress_size))
