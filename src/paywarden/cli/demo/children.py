"""Children: processes of ours that never outlive us.

Guards: each child leads a session of its own (a key press at our terminal does not reach it) and
holds the reading end of a pipe whose writing end only we have: when we end in whatever way, it
reads the end and ends too. Ending it is asked for first, then enforced upon its whole group. What
it says is read all the time (it must not block on it) and the last lines are kept. POSIX.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence

LINES_KEPT = 40
_LINE_LIMIT = 64 * 1024


class Child:
    """One running child. `said`: its last lines; `answer`: its whole standard output, bounded."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self.answer: deque[str] = deque(maxlen=LINES_KEPT)
        assert process.stdout is not None and process.stderr is not None
        self._reading = [
            asyncio.create_task(_read(process.stdout, self.answer)),
            asyncio.create_task(_read(process.stderr, self.said)),
        ]

    @classmethod
    async def start(cls, command: Sequence[str], variables: Mapping[str, str]) -> Child:
        """Run this interpreter with these arguments, `variables` added to our environment."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **variables},
            limit=_LINE_LIMIT,
        )
        return cls(process)

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.returncode

    async def ended(self) -> int:
        """Wait until it has ended and its last words are read; the exit code."""
        code = await self._process.wait()
        await asyncio.wait(self._reading, timeout=2)
        return code

    async def stop(self, patience_seconds: float) -> None:
        """End it and everything it started."""
        if self.code is None:
            self._signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._process.wait()
            except TimeoutError:
                pass  # the next line does not ask
        self._signal(signal.SIGKILL)
        await self._process.wait()
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass  # nobody is left in its group


async def _read(stream: asyncio.StreamReader, lines: deque[str]) -> None:
    while True:
        try:
            octets = await stream.readline()
        except ValueError:
            continue  # a line over the limit is dropped
        if not octets:
            return
        lines.append(octets.decode("utf-8", "replace").rstrip("\n"))
