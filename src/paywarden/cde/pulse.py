"""Whether a process behind a socket answers: asked every two seconds, told at once.

Guards: a socket that is there proves nothing: its server may hang, or refuse all service because
its root was rolled back. Readiness reads the last answer and never waits; one that is older than
three turns counts as silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from paywarden.cde.frame_format import Refused
from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError

LOOK_SECONDS: Final = 2.0
LATE_NS: Final = 6_000_000_000
ANSWERS: Final = "answers"


class Pulse:
    """The state of one process: `answers`, the code of its refusal, or `silent`."""

    def __init__(self, ask: Callable[[], Awaitable[object]], clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._state, self._at_ns = "not asked yet", clock.monotonic_ns()

    @property
    def state(self) -> str:
        """What it answered last, if that was a short while ago."""
        late = self._clock.monotonic_ns() - self._at_ns > LATE_NS
        return "silent" if late else self._state

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask once."""
        try:
            answer = await self._ask()
            self._state = answer.code if isinstance(answer, Refused) else ANSWERS
        except PaywardenError as fault:
            self._state = fault.code
        self._at_ns = self._clock.monotonic_ns()
