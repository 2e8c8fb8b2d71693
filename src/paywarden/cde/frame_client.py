"""Client of frames: many requests on one connection, answers in any order.

Guards: a request waits at most `timeout_seconds` for its answer; at most `limit` wait at once; a
lost connection fails all that were under way (none is sent twice: a budget may have been spent) and
is made anew at the next request. Faults are Unavailable, refusals are values.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from paywarden.cde.frame_format import (
    FRAME_LIMIT_OCTETS,
    GREETING_ID,
    HEADER_OCTETS,
    UNREADABLE,
    AnswerFrame,
    Hello,
    Refused,
    RefusedFrame,
    ask_frame,
    read_answer,
)
from paywarden.core.errors import LimitExceeded, NotPermitted, TooLarge, Unavailable
from paywarden.core.secret import Secret

T = TypeVar("T")
TIMEOUT_SECONDS: Final = 5.0
WAITING_LIMIT: Final = 1_024
UNDER_WAY: Final = 96  # fewer than a server takes on one connection


class FrameClient:
    """Asks the server at `path` in the name of `caller`. Belongs to one event loop."""

    def __init__(
        self,
        path: Path,
        caller: str,
        proof: Secret[bytes] | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        limit: int = WAITING_LIMIT,
    ) -> None:
        self._path, self._hello = path, Hello(caller, proof.expose() if proof else b"")
        self._timeout_seconds, self._limit = timeout_seconds, limit
        self._waiting: dict[int, asyncio.Future[AnswerFrame]] = {}
        self._asked = 0
        self._places = asyncio.Semaphore(UNDER_WAY)
        self._queued = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}

    async def ask(self, request: object, kind: type[T] | Any) -> T | Refused | Any:
        """The answer as `kind`, or Refused.

        Errors: Unavailable `cde_unreachable` or `cde_timeout`, LimitExceeded `cde_queue_full`,
        NotPermitted `caller_unproven`, TooLarge `frame_too_large`.
        """
        if self._queued >= self._limit:
            raise LimitExceeded("cde_queue_full", f"too many wait for {self._path.name}")
        self._queued += 1
        try:
            async with asyncio.timeout(self._timeout_seconds), self._places:
                answer = await self._exchange(request)
        except TimeoutError as fault:
            raise Unavailable("cde_timeout", f"no answer of {self._path.name} in time") from fault
        finally:
            self._queued -= 1
        if isinstance(answer, RefusedFrame):
            return Refused(answer.code, answer.detail)
        return self._decoded(answer.value, kind)

    async def close(self) -> None:
        """End the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._drop()

    async def _exchange(self, request: object) -> AnswerFrame:
        writer = await self._connection()
        self._asked += 1
        number = self._asked
        try:
            frame = ask_frame(number, request)
        except ValueError as fault:
            raise TooLarge("frame_too_large", "ask for fewer at a time") from fault
        future: asyncio.Future[AnswerFrame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            writer.write(frame)
            await writer.drain()
            return await future
        except ConnectionError as fault:
            raise self._unreachable() from fault
        finally:
            self._waiting.pop(number, None)

    async def _connection(self) -> asyncio.StreamWriter:
        if self._writer is not None and not self._writer.is_closing():
            return self._writer
        async with self._connecting:
            if self._writer is None or self._writer.is_closing():
                await self._connect()
            assert self._writer is not None
            return self._writer

    async def _connect(self) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError as fault:
            raise self._unreachable() from fault
        try:
            writer.write(ask_frame(GREETING_ID, self._hello))
            await writer.drain()
            answer = read_answer(await _read_frame(reader))
        except (OSError, asyncio.IncompleteReadError, *UNREADABLE) as fault:
            writer.transport.abort()
            raise self._unreachable() from fault
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        if isinstance(answer, RefusedFrame):
            writer.transport.abort()
            raise NotPermitted(answer.code, answer.detail)
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader, writer))

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                answer = read_answer(await _read_frame(reader))
                future = self._waiting.get(answer.id)
                if future is not None and not future.done():
                    future.set_result(answer)
        except (OSError, asyncio.IncompleteReadError, *UNREADABLE):
            if self._writer is writer:
                self._drop()

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._unreachable())

    def _unreachable(self) -> Unavailable:
        return Unavailable("cde_unreachable", f"nobody answers at {self._path.name}; start it")

    def _decoded(self, value: msgspec.Raw, kind: Any) -> Any:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.msgpack.Decoder(kind)
        try:
            return decoder.decode(value)
        except UNREADABLE as fault:
            raise Unavailable("cde_unreachable", "the answer is of another version") from fault


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(HEADER_OCTETS), "big")
    if not 0 < length <= FRAME_LIMIT_OCTETS:
        raise ConnectionResetError("a frame over its limit")
    return await reader.readexactly(length)
