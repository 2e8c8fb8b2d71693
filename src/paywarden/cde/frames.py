"""Server of frames on a unix socket: who calls is known before anything else is read.

    server = await serve_frames(path, handler, uids, requests=Request, admit=admit)
    ...
    await server.close()

Guards, in this order: the peer's user (SO_PEERCRED, which no peer can forge) is one of those
allowed; the greeting comes first, in time, and `admit` believes it; a frame is no longer than its
limit; its body is one of `requests`. A malformed envelope ends the connection, a malformed body is
refused. A peer that stalls in mid-frame or does not read its answers is cut off; connections, and
requests under way on each, are bounded. What a request holds is never logged nor quoted.
Left to the handler: which caller may ask what. The client stands in `frame_client`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from paywarden.cde.frame_format import (
    FRAME_LIMIT_OCTETS,
    GREETING_ID,
    HEADER_OCTETS,
    UNREADABLE,
    DoneFrame,
    Hello,
    Refused,
    RefusedFrame,
    frame_of,
    packed,
    read_ask,
)
from paywarden.core.errors import Conflict, PaywardenError
from paywarden.kit.log import logger

CONNECTIONS_LIMIT: Final = 64
UNDER_WAY_LIMIT: Final = 128
STALL_SECONDS: Final = 5.0
BACKLOG: Final = 64
_CREDENTIALS: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: user and process as the kernel says, name as it has proved."""

    uid: int
    pid: int
    name: str


Handler = Callable[[Peer, Any], Awaitable[object]]
"""Answers one request: a value that msgpack can hold, or `Refused`."""

Admit = Callable[[Hello, int], bool]
"""Whether a greeting of this user is believed."""


class FrameServer:
    """A listening socket and its connections."""

    def __init__(
        self,
        handler: Handler,
        allowed_uids: Collection[int],
        requests: Any,
        admit: Admit,
        stall_seconds: float,
    ) -> None:
        self._handler = handler
        self._uids = frozenset(allowed_uids)
        self._bodies: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(requests)
        self._admit = admit
        self._stall_seconds = stall_seconds
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def listen(self, path: Path, mode: int) -> None:
        """Bind `path` with `mode`. Errors: Conflict `socket_in_use`."""
        _clear_stale(path)
        before = os.umask(0o177)  # never, not even for an instant, open to others
        try:
            self._server = await asyncio.start_unix_server(
                self._connected, path, limit=FRAME_LIMIT_OCTETS + HEADER_OCTETS, backlog=BACKLOG
            )
        finally:
            os.umask(before)
        path.chmod(mode)
        self._path = path

    async def close(self) -> None:
        """Stop listening, end every connection, take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= CONNECTIONS_LIMIT:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, *UNREADABLE):
            pass  # the peer went, stalled or spoke no frames: nothing is owed to it
        except asyncio.CancelledError:
            pass  # the server closes
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid, uid = _peer_of(writer)
        if uid not in self._uids:
            return
        name = await asyncio.wait_for(self._greeted(reader, writer, uid), self._stall_seconds)
        if name is not None:
            conversation = _Conversation(self, reader, writer, Peer(uid, pid, name))
            await conversation.run()

    async def _greeted(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, uid: int
    ) -> str | None:
        ask = read_ask(await _read_frame(reader, self._stall_seconds))
        hello = msgspec.msgpack.decode(ask.body, type=Hello)
        if ask.id != GREETING_ID or not self._admit(hello, uid):
            refusal = RefusedFrame(ask.id, "caller_unproven", "the caller did not prove its name")
            writer.write(frame_of(packed(refusal)))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return None
        writer.write(frame_of(packed(DoneFrame(ask.id, msgspec.Raw(packed(hello.caller))))))
        await writer.drain()
        return hello.caller


class _Conversation:
    """One admitted connection: reads requests, answers each when it is ready."""

    def __init__(
        self,
        server: FrameServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Peer,
    ) -> None:
        self._server, self._reader, self._writer, self._peer = server, reader, writer, peer
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(UNDER_WAY_LIMIT)

    async def run(self) -> None:
        try:
            while True:
                await self._places.acquire()
                ask = read_ask(await _read_frame(self._reader, self._server._stall_seconds))
                if ask.id in self._under_way or ask.id == GREETING_ID:
                    return
                task = asyncio.create_task(self._answer(ask.id, ask.body))
                self._under_way[ask.id] = task
        finally:
            for task in list(self._under_way.values()):
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _answer(self, number: int, body: msgspec.Raw) -> None:
        try:
            answer = await self._value(body)
            self._writer.write(_answer_frame(number, answer))
            await asyncio.wait_for(self._writer.drain(), self._server._stall_seconds)
        except (TimeoutError, ConnectionError):
            self._writer.transport.abort()
        finally:
            self._under_way.pop(number, None)
            self._places.release()

    async def _value(self, body: msgspec.Raw) -> object:
        try:
            request = self._server._bodies.decode(body)
        except UNREADABLE:
            return Refused("request_malformed", "the request is none that this server knows")
        try:
            return await self._server._handler(self._peer, request)
        except PaywardenError as error:
            return Refused(error.code, error.detail)
        except Exception as error:
            # Its text may quote what the request held: only its kind leaves.
            logger().error("frame_failed", error=type(error).__name__)
            return Refused("internal_error", "the server failed; its log names the kind of fault")


async def serve_frames(
    path: Path,
    handler: Handler,
    allowed_uids: Collection[int],
    *,
    requests: Any,
    admit: Admit,
    mode: int = 0o600,
    stall_seconds: float = STALL_SECONDS,
) -> FrameServer:
    """Listen at `path`; `requests` is the union of structs understood.

    Errors: Conflict `socket_in_use` when another process answers there.
    """
    server = FrameServer(handler, allowed_uids, requests, admit, stall_seconds)
    await server.listen(path, mode)
    return server


def _answer_frame(number: int, answer: object) -> bytes:
    if not isinstance(answer, Refused):
        body = packed(DoneFrame(number, msgspec.Raw(packed(answer))))
        if len(body) <= FRAME_LIMIT_OCTETS:
            return frame_of(body)
        answer = Refused("answer_too_large", "ask for fewer at a time")
    return frame_of(packed(RefusedFrame(number, answer.code, answer.detail[:512])))


async def _read_frame(reader: asyncio.StreamReader, stall_seconds: float) -> bytes:
    """The next body: waits for its first octet for ever, for the rest `stall_seconds`."""
    first = await reader.readexactly(1)
    async with asyncio.timeout(stall_seconds):
        header = first + await reader.readexactly(HEADER_OCTETS - 1)
        length = int.from_bytes(header, "big")
        if not 0 < length <= FRAME_LIMIT_OCTETS:
            raise ConnectionError("a frame over its limit")
        return await reader.readexactly(length)


def _peer_of(writer: asyncio.StreamWriter) -> tuple[int, int]:
    """(pid, uid) of the peer, as the kernel knows them."""
    end = writer.get_extra_info("socket")
    octets = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(octets)
    return pid, uid


def _clear_stale(path: Path) -> None:
    """Take away a socket that nobody answers at; a file of another kind is never touched."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Conflict("socket_in_use", f"{path.name} is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as fault:
            raise Conflict("socket_in_use", f"{path.name} cannot be asked") from fault
    raise Conflict("socket_in_use", f"another process answers at {path.name}")
