"""Password work in a child process, so that sign-ins never take processor or memory from payments.

Guards: one piece of work at a time in one process of the lowest priority with a memory limit of its
own; at most `WAITING_LIMIT` wait, more are told to come back. A flood of sign-ins therefore slows
sign-ins and nothing else. The child dies with its parent's pipe and is started again at the next
use. Passwords cross a pipe between two processes of one user, as JSON lines, and stand in no log.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import BinaryIO, Final, Literal

import msgspec

from paywarden.core.errors import LimitExceeded, Unavailable
from paywarden.core.secret import Secret
from paywarden.identity import argon2id

WAITING_LIMIT: Final = 16
DEADLINE_SECONDS: Final = 20.0
LINE_LIMIT: Final = 64 * 1024
CHILD: Final = "paywarden.entrypoints.password_child"


class Work(msgspec.Struct, frozen=True):
    """One piece of work for the child."""

    kind: Literal["hash", "verify", "strength"]
    password: str
    encoded: str = ""
    words: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """Its result: the field of its kind counts."""

    encoded: str = ""
    fits: bool = False
    score: int = 0


class HashingProcess:
    """`PasswordHashing` by a child process that is started when first needed."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def hash(self, password: Secret[str]) -> str:
        """Argon2id hash in PHC form."""
        return (await self._ask(Work("hash", password.expose()))).encoded

    async def verify(self, encoded: str, password: Secret[str]) -> bool:
        """Whether the password belongs to the hash."""
        return (await self._ask(Work("verify", password.expose(), encoded))).fits

    async def strength(self, password: Secret[str], words: Sequence[str]) -> int:
        """Score 0 to 4."""
        work = Work("strength", password.expose(), words=tuple(words))
        return (await self._ask(work)).score

    async def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ask(self, work: Work) -> Done:
        if self._waiting >= WAITING_LIMIT:
            raise LimitExceeded(
                "sign_in_busy", "too many attempts at once; come back soon", retry_after_seconds=2
            )
        self._waiting += 1
        try:
            async with self._turn:
                return await self._exchange(work)
        finally:
            self._waiting -= 1

    async def _exchange(self, work: Work) -> Done:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                process = await self._started()
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(msgspec.json.encode(work) + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readuntil(b"\n")
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            await self.close()
            raise Unavailable("hashing_ended", "passwords cannot be checked now") from None
        except asyncio.CancelledError:
            await self.close()  # an answer still on its way must not reach the next one who asks
            raise
        return msgspec.json.decode(line, type=Done)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                CHILD,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_LIMIT,
            )
        return self._process


def serve_work(source: BinaryIO, sink: BinaryIO) -> None:
    """The child's loop: one line of work, one line of result, until the pipe ends."""
    decoder = msgspec.json.Decoder(Work)
    for line in source:
        sink.write(msgspec.json.encode(perform(decoder.decode(line))) + b"\n")
        sink.flush()


def perform(work: Work) -> Done:
    """Do one piece of work."""
    if work.kind == "hash":
        return Done(encoded=argon2id.hash_password(work.password))
    if work.kind == "verify":
        return Done(fits=argon2id.verify_password(work.encoded, work.password))
    return Done(score=argon2id.password_strength(work.password, work.words))
