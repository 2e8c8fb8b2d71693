"""The agent's durable state beside its keys: what is anchored, spent and used, in one file.

    group = length (4 octets, big-endian) + check (8) + payload (records in msgpack) + MAC (32)
    check = the first octets of HMAC-SHA-256(state key, MAC of the group before + length)
    MAC   = HMAC-SHA-256(state key, MAC of the group before + payload)

Guards: a record is on disk before `commit` returns; many waiting commits share one sync; a file
changed, cut out of or belonging to another ring is refused at start; what a power cut left half
written at the end (nobody was told that it was there) is dropped. After a failed write nothing more
is promised until a restart, because nobody knows what is on disk. A lock keeps a second agent out.
Not guarded here: a whole older file put back. The vault notices that: its own revision is then
ahead of the one anchored (`Anchored`). Compacted at start and when it has grown.
"""

from __future__ import annotations

import asyncio
import fcntl
import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde.frame_format import UNREADABLE
from paywarden.cde.keys.key_file import replace_durably
from paywarden.core.errors import Conflict, Corrupt, Unavailable

MAGIC: Final = b"PWSTATE1"
MAC_OCTETS: Final = 32
LENGTH_OCTETS: Final = 4
HEADER_OCTETS: Final = 12
GROUP_LIMIT: Final = 1_024
GROWN_OCTETS: Final = 8 << 20


class AnchorRecord(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """The newest anchor of a name."""

    name: str
    revision: int
    root: bytes


class CeilingRecord(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """No more than this is spent of an account: (number of the window, ceiling) per window."""

    account: str
    windows: tuple[tuple[int, int], ...]


class OnceRecord(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """An approval that has been used."""

    once_key: bytes


class RingRecord(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """A key file of this revision is on disk: an older one is not opened again."""

    revision: int


Record = AnchorRecord | CeilingRecord | OnceRecord | RingRecord
Snapshot = Callable[[], Iterable[Record]]
_groups: msgspec.msgpack.Decoder[list[Record]] = msgspec.msgpack.Decoder(list[Record])
Waiting = tuple[Record, asyncio.Future[None]]


class StateJournal:
    """The open file; `records` are those found at start, oldest first."""

    def __init__(self, path: Path, key: bytes, journal_id: bytes, beside: Executor) -> None:
        """Errors: Unavailable `agent_state_missing`, Conflict `agent_running`, Corrupt."""
        self._path, self._key, self._beside = path, key, beside
        self._first = _first(key, journal_id)
        self._lock = _locked(path.with_name("agent.lock"))
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._broken = False
        self._handle, self._size, self._mac = -1, 0, b""
        self.snapshot: Snapshot | None = None
        try:
            self.records = self._read()
            self._start_file(self.records)
        except BaseException:
            os.close(self._lock)
            raise

    def commit(self, record: Record) -> asyncio.Future[None]:
        """Queue a record now, in the order of calls; the future ends when it is durable.

        Errors (of the future): Unavailable `agent_state_unwritable`.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._broken:
            future.set_exception(_unwritable())
            return future
        self._waiting.append((record, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_groups())
        return future

    async def close(self) -> None:
        """Write what waits and let the file go."""
        if self._writing is not None:
            await self._writing
        self.abandon()

    def abandon(self) -> None:
        """Let the file go at once, as a killed process does."""
        for handle in (self._handle, self._lock):
            os.close(handle)
        self._broken = True

    async def _write_groups(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
                records = [record for record, _ in group]
                try:
                    await loop.run_in_executor(self._beside, self._append, records)
                except OSError:
                    self._break([*group, *self._waiting])
                    return
                for _, future in group:
                    if not future.done():
                        future.set_result(None)
                if self._size >= GROWN_OCTETS and self.snapshot is not None:
                    await self._compact(list(self.snapshot()))
        finally:
            self._writing = None

    async def _compact(self, records: list[Record]) -> None:
        # They include those that wait, which are then written a second time: the last one counts.
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._beside, self._start_file, records)
        except OSError:
            self._break(self._waiting)

    def _break(self, group: list[Waiting]) -> None:
        self._broken, self._waiting = True, []
        for _, future in group:
            if not future.done():
                future.set_exception(_unwritable())

    def _append(self, records: list[Record]) -> None:
        piece, mac = _group(self._key, self._mac, records)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._handle, view) :]
        os.fdatasync(self._handle)
        self._mac = mac
        self._size += len(piece)

    def _start_file(self, records: Iterable[Record]) -> None:
        """A new file with these records in the place of the old one."""
        mac, pieces, kept = self._first, [MAGIC], _newest(records)
        for start in range(0, max(1, len(kept)), GROUP_LIMIT):  # one group at least: see `_read`
            piece, mac = _group(self._key, mac, kept[start : start + GROUP_LIMIT])
            pieces.append(piece)
        octets = b"".join(pieces)
        replace_durably(self._path, octets)
        if self._handle >= 0:
            os.close(self._handle)
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(self._path, flags)
        self._mac, self._size = mac, len(octets)

    def _read(self) -> list[Record]:
        try:
            octets = self._path.read_bytes()
        except FileNotFoundError as fault:
            raise Unavailable(
                "agent_state_missing",
                f"no {self._path.name} beside the key file: put back the one that belongs to it",
            ) from fault
        if not octets.startswith(MAGIC):
            raise _corrupt()
        groups = [_decoded(payload) for payload in self._payloads(octets)]
        if not groups:  # the first one is written whole with the file: somebody cut it off
            raise _corrupt()
        return [record for group in groups for record in group]

    def _payloads(self, octets: bytes) -> Iterator[bytes]:
        at, mac = len(MAGIC), self._first
        while at < len(octets):
            start = at + HEADER_OCTETS
            header = octets[at:start]
            if len(header) < HEADER_OCTETS or not octets[at:].strip(b"\0"):
                return  # a group cut off in its header, or whose octets never reached the disk
            length = int.from_bytes(header[:LENGTH_OCTETS], "big")
            if not hmac.compare_digest(header, _header(self._key, mac, length)):
                raise _corrupt()
            end = start + length + MAC_OCTETS
            payload, found = octets[start : start + length], octets[start + length : end]
            wanted = _chained(self._key, mac, payload)
            if not hmac.compare_digest(wanted, found):
                if end >= len(octets):
                    return  # the last group, cut off while it was written
                raise _corrupt()
            yield payload
            at, mac = end, wanted


def create_journal(path: Path, key: bytes, journal_id: bytes) -> None:
    """The first file of a new ring. Errors: Conflict `agent_state_exists`."""
    if os.path.lexists(path):
        raise Conflict("agent_state_exists", f"{path.name} exists and is kept; move it away")
    piece, _ = _group(key, _first(key, journal_id), [])
    replace_durably(path, MAGIC + piece)


def _newest(records: Iterable[Record]) -> list[Record]:
    """The last record of each subject."""
    last: dict[tuple[str, object], Record] = {}
    for record in records:
        match record:
            case AnchorRecord(name=name):
                last["a", name] = record
            case CeilingRecord(account=account):
                last["b", account] = record
            case OnceRecord(once_key=once_key):
                last["o", once_key] = record
            case RingRecord():
                last["r", ""] = record
    return list(last.values())


def _first(key: bytes, journal_id: bytes) -> bytes:
    return hmac.digest(key, MAGIC + journal_id, "sha256")


def _chained(key: bytes, mac: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, mac + payload, "sha256")


def _header(key: bytes, mac: bytes, length: int) -> bytes:
    octets = length.to_bytes(LENGTH_OCTETS, "big")
    return octets + _chained(key, mac, octets)[: HEADER_OCTETS - LENGTH_OCTETS]


def _group(key: bytes, mac: bytes, records: list[Record]) -> tuple[bytes, bytes]:
    """(a group as it stands in the file, its MAC)."""
    payload = msgspec.msgpack.encode(records)
    header, mac_here = _header(key, mac, len(payload)), _chained(key, mac, payload)
    return header + payload + mac_here, mac_here


def _decoded(payload: bytes) -> list[Record]:
    try:
        return _groups.decode(payload)
    except UNREADABLE as fault:
        raise _corrupt() from fault


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(handle)
        raise Conflict("agent_running", "a key agent holds these keys already") from fault
    return handle


def _corrupt() -> Corrupt:
    return Corrupt("agent_state_corrupt", "the agent's state was changed or is another ring's")


def _unwritable() -> Unavailable:
    return Unavailable("agent_state_unwritable", "the agent's state cannot be written; restart it")
