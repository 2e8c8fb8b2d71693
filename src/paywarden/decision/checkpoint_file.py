"""A file of named sections that is whole, is ours, or is refused: the form of a checkpoint.

Guards: what is read back is what was written under the same key, byte for byte, or Corrupt is
raised. Each chunk of a section has a SHA-256 in the footer, and the footer has an HMAC-SHA-256
under a key derived from the master key, so neither damage nor a stranger's file passes. Written
like a segment: aside, synced, renamed, directory synced; space is reserved first, so a full disk
ends the attempt before it began, and every STRIDE bytes are synced, so that the disk's queue stays
short for the log's own syncs. Chunks are read and checked by two threads, straight to where they
belong; a section counts only after `read` has returned.
Layout: magic, sections end to end, footer (msgpack), its HMAC (32 bytes), its length (8 bytes,
little-endian). Not done here: what the sections mean (`checkpoints.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret
from paywarden.kit.durable import sync_directory

MAGIC = b"pwckpt\x01\n"
CHUNK_BYTES = 4 << 20
STRIDE_BYTES = 32 << 20
READERS = 2
_FOOTER_LIMIT = 256 << 20
_END = 40
Array = npt.NDArray[Any]


class Section(msgspec.Struct, frozen=True, array_like=True):
    """Where a section lies, and the SHA-256 of each of its chunks."""

    name: str
    offset: int
    length: int
    digests: tuple[bytes, ...]


class Footer(msgspec.Struct, frozen=True, array_like=True):
    """`head` is the caller's, encoded; sections in order of offset."""

    head: bytes
    sections: tuple[Section, ...]


def write_file(
    path: Path, head: bytes, sections: Iterable[tuple[str, Array]], key: Secret[bytes]
) -> int:
    """Write a file durably in place of any of that name; its bytes. Errors: OSError."""
    listed = [(name, _octets(array)) for name, array in sections]
    aside = path.with_suffix(".part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    handle = os.open(aside, flags, 0o600)
    try:
        os.posix_fallocate(handle, 0, len(MAGIC) + sum(len(octets) for _, octets in listed))
        length = _write_all(handle, head, listed, key)
        os.fsync(handle)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    os.replace(aside, path)
    sync_directory(path.parent)
    return length


def _write_all(
    handle: int, head: bytes, sections: Sequence[tuple[str, memoryview]], key: Secret[bytes]
) -> int:
    offset = _put(handle, memoryview(MAGIC), 0)
    synced, described = offset, []
    for name, octets in sections:
        start, digests = offset, []
        for first in range(0, len(octets), CHUNK_BYTES):
            chunk = octets[first : first + CHUNK_BYTES]
            digests.append(hashlib.sha256(chunk).digest())
            offset = _put(handle, chunk, offset)
            if offset - synced >= STRIDE_BYTES:
                os.fdatasync(handle)
                synced = offset
        described.append(Section(name, start, len(octets), tuple(digests)))
    text = msgspec.msgpack.encode(Footer(head, tuple(described)))
    end = text + _mac(key, text) + len(text).to_bytes(8, "little")
    return _put(handle, memoryview(end), offset)


def _put(handle: int, octets: memoryview, offset: int) -> int:
    done = 0
    while done < len(octets):
        done += os.pwrite(handle, octets[done:], offset + done)
    return offset + done


class SectionsFile:
    """An open file whose footer was checked. Errors of every method: Corrupt, OSError."""

    def __init__(self, path: Path, key: Secret[bytes]) -> None:
        self._name = path.name
        self._handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            footer = self._footer(key)
        except BaseException:
            self.close()
            raise
        self.head = footer.head
        self._sections = {section.name: section for section in footer.sections}

    def length(self, name: str) -> int:
        """Bytes of a section."""
        return self._found(name).length

    def read(self, wanted: Sequence[tuple[str, Array]]) -> None:
        """Fill arrays (contiguous, of the sections' lengths) and check every chunk of them."""
        jobs = [job for name, into in wanted for job in self._jobs(name, _octets(into))]
        with ThreadPoolExecutor(READERS) as pool:
            for _ in pool.map(lambda job: self._chunk(*job), jobs):
                pass  # a fault of any chunk is raised here

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _jobs(self, name: str, into: memoryview) -> Iterable[tuple[int, memoryview, bytes]]:
        section = self._found(name)
        if section.length != len(into):
            raise self._corrupt("has a section of another length")
        for number, digest in enumerate(section.digests):
            first = number * CHUNK_BYTES
            yield section.offset + first, into[first : first + CHUNK_BYTES], digest

    def _chunk(self, offset: int, into: memoryview, digest: bytes) -> None:
        self._read_at(offset, into)
        if hashlib.sha256(into).digest() != digest:
            raise self._corrupt("has a damaged section")

    def _footer(self, key: Secret[bytes]) -> Footer:
        size = os.fstat(self._handle).st_size
        end = bytearray(_END)
        if size < len(MAGIC) + _END:
            raise self._corrupt("is too short")
        self._read_at(size - _END, memoryview(end))
        length = int.from_bytes(end[32:], "little")
        if length > min(_FOOTER_LIMIT, size - len(MAGIC) - _END):
            raise self._corrupt("has a damaged end")
        text = bytearray(length)
        self._read_at(size - _END - length, memoryview(text))
        if not hmac.compare_digest(_mac(key, text), bytes(end[:32])):
            raise self._corrupt("is damaged or was written under another key")
        return msgspec.msgpack.decode(text, type=Footer)

    def _read_at(self, offset: int, into: memoryview) -> None:
        done = 0
        while done < len(into):
            count = os.preadv(self._handle, [into[done:]], offset + done)
            if count == 0:
                raise self._corrupt("ends too soon")
            done += count

    def _found(self, name: str) -> Section:
        section = self._sections.get(name)
        if section is None:
            raise self._corrupt("lacks a section")
        return section

    def _corrupt(self, what: str) -> Corrupt:
        return Corrupt("checkpoint_corrupt", f"checkpoint {what}", pointer=self._name)


def _octets(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _mac(key: Secret[bytes], text: bytes | bytearray) -> bytes:
    return hmac.new(key.expose(), MAGIC + text, hashlib.sha256).digest()
