"""Messages are read in a process of their own, so that no payment waits for XML.

Guards: parsing and the schema take half a second for 500 transactions, and what comes is hostile
until it was read; so a child of low priority does it, with a limit of memory and a deadline, and
may die without harm. It starts with the first message and not before; a process that answers
payments never loads what checks schemas. At most `WAITING_LIMIT` messages wait, more are told to
come back. Octets cross two pipes of one parent as lengths and msgpack; no code crosses.
Not done here: reading (`taking_in`), deciding (`http`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from typing import Final

import msgspec

from paywarden.core.errors import (
    Corrupt,
    InvalidRequest,
    LimitExceeded,
    TooLarge,
    Unavailable,
    Unparsable,
)
from paywarden.decision.iso20022.model import TakenIn

CHILD: Final = "paywarden.entrypoints.iso20022_child"
DEADLINE_SECONDS: Final = 20.0
WAITING_LIMIT: Final = 8
ANSWER_LIMIT: Final = 32 << 20
LENGTH: Final = struct.Struct(">II")
"""Of a request: octets, and the most transactions. Of an answer: octets, and 0 or 1 (refused)."""
KINDS: Final = {
    kind.__name__: kind for kind in (InvalidRequest, Unparsable, TooLarge, Unavailable, Corrupt)
}
_TOLD: Final = tuple[str, str, str, str | None]


class ReadingProcess:
    """Reads messages in a child that is started when first needed; one at a time."""

    def __init__(self, *, deadline_seconds: float = DEADLINE_SECONDS, child: str = CHILD) -> None:
        self._deadline_seconds = deadline_seconds
        self._child = child
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def take_in(self, octets: bytes, limit: int) -> TakenIn:
        """As `taking_in.take_in`. Errors: those, LimitExceeded, Unavailable `iso20022_ended`."""
        if self._waiting >= WAITING_LIMIT:
            raise LimitExceeded(
                "iso20022_busy", "too many messages are being read; come back soon",
                retry_after_seconds=2,
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._turn:
                refused, answer = await self._exchange(octets, limit)
        finally:
            self._waiting -= 1
        if refused:
            name, code, detail, pointer = msgspec.msgpack.decode(answer, type=_TOLD)
            raise KINDS[name](code, detail, pointer=pointer)
        return msgspec.msgpack.decode(answer, type=TakenIn)

    async def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _exchange(self, octets: bytes, limit: int) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                process = await self._started()
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(LENGTH.pack(len(octets), limit) + octets)
                await process.stdin.drain()
                length, refused = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                if length > ANSWER_LIMIT:
                    raise Corrupt("iso20022_answer", "the reader of messages answers too much")
                return refused, await process.stdout.readexactly(length)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            await self.close()
            detail = "the message could not be read within its limits of time and memory"
            raise Unavailable("iso20022_ended", detail) from None
        except (asyncio.CancelledError, Corrupt):
            await self.close()  # an answer still on its way must not reach the next one who asks
            raise

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._child,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env=_environment(),
            )  # fmt: skip
        return self._process


def _environment() -> dict[str, str]:
    """Only what a Python needs to find itself; no secret of the parent."""
    wanted = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZDIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}
