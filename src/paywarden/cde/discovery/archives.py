"""What lies in gzip, bzip2, xz, zip and tar: each member as a stream, within limits.

Guards: nothing is written to a disk; names of members are labels only and open no file; an
encrypted or broken member is refused by a word.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from paywarden.cde.discovery.expansion import Budget, Refused, Unpacked

BROKEN = (
    EOFError, OSError, ValueError, RuntimeError, NotImplementedError, KeyError,
    zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""What the standard library raises at damaged archives."""
_STREAMS = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}


class Member(NamedTuple):
    """One member: name ("" for a packed stream) and its octets; `refused` instead of octets."""

    name: str
    stream: BinaryIO | None
    refused: str = ""


def archive_kind(head: bytes) -> str | None:
    """`gzip`, `bzip2`, `xz`, `zip` or `tar` by the first 512 octets; None for anything else."""
    for magic, kind in _STREAMS.items():
        if head.startswith(magic):
            return kind
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else None


def members(kind: str, source: BinaryIO, budget: Budget) -> Iterator[Member]:
    """Members one after the other; read each before taking the next. Errors: Refused, BROKEN."""
    if kind == "zip":
        yield from _of_zip(source, budget)
    elif kind == "tar":
        yield from _of_tar(source, budget)
    else:
        opened = {"gzip": gzip.GzipFile, "bzip2": bz2.BZ2File, "xz": lzma.LZMAFile}[kind]
        counting = _Counting(source)
        stream = opened(fileobj=counting) if kind == "gzip" else opened(counting)
        yield Member("", _held(cast(BinaryIO, stream), lambda: counting.octets, budget))


class _Counting(io.RawIOBase):
    """Counts the stored octets that an unpacker takes."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.octets = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self.octets += len(piece)
        return piece

    def seekable(self) -> bool:
        return False


def _held(stream: BinaryIO, stored: object, budget: Budget) -> BinaryIO:
    return io.BufferedReader(Unpacked(stream, stored, budget), 1 << 16)  # type: ignore[arg-type]


def _of_zip(source: BinaryIO, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            budget.member()
            if entry.is_dir():
                continue
            if entry.flag_bits & 1:
                yield Member(entry.filename, None, "encrypted")
                continue
            try:
                opened = archive.open(entry)
            except BROKEN:
                yield Member(entry.filename, None, "archive_broken")
                continue
            with opened:
                size = entry.compress_size
                yield Member(
                    entry.filename,
                    _held(cast(BinaryIO, opened), lambda size=size: size, budget),
                )


def _of_tar(source: BinaryIO, budget: Budget) -> Iterator[Member]:
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for entry in archive:
            budget.member()
            opened = archive.extractfile(entry) if entry.isreg() else None
            if opened is not None:
                yield Member(
                    entry.name,
                    _held(cast(BinaryIO, opened), lambda size=entry.size: size, budget),
                )


__all__ = ["BROKEN", "Member", "Refused", "archive_kind", "members"]
