"""The parent's end of the process that holds the lists: starts it, asks it, sees it die.

Guards: one child holds one set of snapshots for its whole life, so an answer is of the lists that
were asked and of no others. Questions are bounded: a few lie with the child, the others here, and
those that nobody waits for any more are asked when nothing else is, so that lateness of one is not
lateness of all that come after it. When the child ends, everybody who waits is told at once and
`alive` is False. The child's environment holds no secret of the parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from paywarden.aml.screening.serving.messages import (
    FRAME_LIMIT_OCTETS,
    HEADER,
    AskedParty,
    Found,
    Question,
    Reply,
    Started,
    Wanted,
    framed,
)
from paywarden.core.errors import Unavailable

START_SECONDS: Final = 300.0
MOST_WAITING: Final = 2_000
"""Questions under way; more are refused, since their answers would be late anyway."""
MOST_WITH_CHILD: Final = 4
"""Questions that the child has before it: enough to keep it busy, few enough to choose the next."""
_Answer: TypeAlias = asyncio.Future[tuple[tuple[Found, ...], ...]]
_REPLY: Final = msgspec.msgpack.Decoder(Reply)
_STARTED: Final = msgspec.msgpack.Decoder(Started)


class ScreeningProcess:
    """One child over one set of snapshots; made by `started`."""

    def __init__(self, version: str, process: asyncio.subprocess.Process, started: Started) -> None:
        self.version = version
        self.started = started
        self.octets = 0
        self._process = process
        self._waiting: dict[int, _Answer] = {}
        self._asked = 0
        self._next: dict[_Answer, tuple[AskedParty, ...]] = {}
        self._late: dict[_Answer, tuple[AskedParty, ...]] = {}
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(
        cls,
        version: str,
        wanted: Wanted,
        module: str,
        words: Sequence[str],
        *,
        start_seconds: float = START_SECONDS,
    ) -> ScreeningProcess:
        """A child that has read its lists. Errors: Unavailable `screening_not_started` and why."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, env=_environment(), limit=FRAME_LIMIT_OCTETS,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(framed(wanted))
            async with asyncio.timeout(start_seconds):
                started = _STARTED.decode(await _frame(process.stdout))
        except (TimeoutError, EOFError, OSError, msgspec.DecodeError) as fault:
            await _ended(process)
            detail = "the process that holds the lists did not start in time, or ended"
            raise Unavailable("screening_not_started", detail) from fault
        except BaseException:
            await _ended(process)
            raise
        if started.code:
            await _ended(process)
            raise Unavailable("screening_not_started", f"{started.detail} [{started.code}]")
        return cls(version, process, started)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._reading.done()

    async def answered(self, answer: _Answer, seconds: float) -> tuple[tuple[Found, ...], ...]:
        """The answer to what was sent. Errors: Unavailable `screening_late`, `screening_down`."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await asyncio.shield(answer)
        except TimeoutError:
            if answer in self._next:
                self._late[answer] = self._next.pop(answer)
            raise Unavailable("screening_late", "parties were not screened in time") from None

    def send(self, parties: Sequence[AskedParty]) -> _Answer:
        """Ask without waiting; about nobody: forget people.

        Errors: Unavailable `screening_down`, `screening_late`.
        """
        if not self.alive:
            raise _down()
        if len(self._waiting) + len(self._next) + len(self._late) >= MOST_WAITING:
            raise Unavailable("screening_late", "too many parties wait to be screened")
        answer: _Answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)
        if parties:
            self._next[answer] = tuple(parties)
            self._ask_next()
        else:
            self._drop_late()
            self._ask(answer, ())
        return answer

    def _ask_next(self) -> None:
        """Give the child what is next, as far as it has room."""
        while len(self._waiting) < MOST_WITH_CHILD and (self._next or self._late):
            queue = self._next or self._late
            answer = next(iter(queue))
            self._ask(answer, queue.pop(answer))

    def _ask(self, answer: _Answer, parties: tuple[AskedParty, ...]) -> None:
        self._asked += 1
        self._waiting[self._asked] = answer
        assert self._process.stdin is not None
        self._process.stdin.write(framed(Question(self._asked, parties)))

    def _drop_late(self) -> None:
        """Names that nobody waits for do not outlive the erasure of whoever bears them."""
        late, self._late = self._late, {}
        for answer in late:
            answer.cancel()

    async def close(self) -> None:
        """End the child; whoever waits is told."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await _ended(self._process)

    async def drained(self, seconds: float) -> None:
        """Wait until nobody waits for an answer, so long at most."""
        waiting = [*self._waiting.values(), *self._next]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                reply = _REPLY.decode(await _frame(self._process.stdout))
                self.octets = reply.octets
                answer = self._waiting.pop(reply.number, None)
                if answer is not None and not answer.done():
                    answer.set_result(reply.found)
                self._ask_next()
        except (EOFError, OSError, msgspec.DecodeError):
            return
        finally:
            waiting = [*self._waiting.values(), *self._next, *self._late]
            self._waiting, self._next, self._late = {}, {}, {}
            for one in waiting:
                if not one.done():
                    one.set_exception(_down())


def _seen(answer: _Answer) -> None:
    """Nobody may wait for it any more: that is no fault."""
    if not answer.cancelled():
        answer.exception()


async def _frame(stream: asyncio.StreamReader) -> bytes:
    (length,) = HEADER.unpack(await stream.readexactly(HEADER.size))
    if length > FRAME_LIMIT_OCTETS:
        raise OSError("a frame of the child is too large")
    return await stream.readexactly(length)


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _down() -> Unavailable:
    return Unavailable("screening_down", "the process that holds the lists has ended")


def _environment() -> dict[str, str]:
    """Only what a Python needs to find itself; no secret of the parent."""
    wanted = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZDIR", "NUMBA_CACHE_DIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}
