"""A worker that refused a card number is replaced: what its memory still holds ends with it.

    worker                     watcher (Granian)          successor
    refuses a number
    ... at least `minimum` old, and quiet or patient enough
    note, SIGHUP ------------> starts the successor ----> waits for the home's lock; holds requests
    ends each connection with its answer
    drains, lets the home go <- SIGTERM, some seconds     takes the home, rebuilds, answers them

Guards: one worker at a time owns the state (the home's lock says who). A request that reaches the
successor early waits for it, at most `HOLD_SECONDS`, so none is refused because of the change. A
worker lives at least `minimum` seconds, however many numbers are sent, so that sending them is no
way to stop the service. Not done here: wiping memory in place (docs/decisions/0036). Only where a
watcher started this worker; elsewhere nothing happens.
Standard: PCI DSS 4.0.1, 3.2.1 and 3.3 (data that was not wanted is not kept).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette

from paywarden.core.errors import Conflict
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.start_report import give_up
from paywarden.kit.db.connection import lock_file
from paywarden.kit.http import problem
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.log import logger

LOOK_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 60.0
HOLD_SECONDS: Final = 60.0
LOCK_SECONDS: Final = 45.0  # the watcher's pause, and the longest drain
_STEP_SECONDS: Final = 0.02
Make = Callable[[], tuple[Starlette, Callable[[], bool]]]


class Recycling:
    """Looks whether numbers were refused, and asks the watcher for a successor when it is time."""

    def __init__(
        self,
        note: Path,
        minimum_seconds: float,
        refused: Callable[[], float],
        around: Surroundings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        ask: Callable[[], None] | None = None,
    ) -> None:
        self._note, self._minimum = note, minimum_seconds
        self._refused, self._around = refused, around
        self._monotonic, self._ask = monotonic, ask or self._ask_watcher
        self._born, self._since, self._asked = monotonic(), 0.0, False

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while not self._asked:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> bool:
        """Ask for a successor when it is time; whether it was asked for."""
        if self._asked or not self._refused():
            return False
        now = self._monotonic()
        if now - self._born < self._minimum:
            return False
        self._since = self._since or now
        if self._around.in_flight > 0 and now - self._since < PATIENCE_SECONDS:
            return False
        self._asked = self._around.leaving = True
        self._ask()
        return True

    def _ask_watcher(self) -> None:
        self._note.write_text(str(os.getppid()), encoding="ascii")
        logger().info("worker_recycled", reason="card_number_refused")
        os.kill(os.getppid(), signal.SIGHUP)


def note_of(home: Home) -> Path:
    """What a worker leaves for its successor."""
    return home.root / "data" / "recycled"


def is_successor(home: Home) -> bool:
    """Whether this worker's watcher was asked for it; the note is taken away."""
    note = note_of(home)
    try:
        told = note.read_text(encoding="ascii")
        note.unlink()
    except OSError:
        return False
    return told == str(os.getppid())


class Successor:
    """ASGI application that is made once the home is free; requests wait for it meanwhile."""

    def __init__(self, home: Home, make: Make) -> None:
        self._home, self._make = home, make
        self._app: Starlette | None = None
        self._ready = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or live from start to stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            await asyncio.wait_for(self._ready.wait(), HOLD_SECONDS)
        except TimeoutError:
            await _too_late(send)
            return
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(self._start(stack))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self, stack: AsyncExitStack) -> None:
        try:
            await _free(self._home)
            app, ready = self._make()
            await stack.enter_async_context(app.router.lifespan_context(app))
            while not ready():
                await asyncio.sleep(_STEP_SECONDS)
            self._app = app
            self._ready.set()
        except Exception as fault:
            give_up(fault)


async def _too_late(send: Any) -> None:
    body = problem.make(503, "not_ready", "the new worker did not get ready in time", "")
    headers = [(b"content-type", problem.CONTENT_TYPE.encode()), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


async def _free(home: Home) -> None:
    """Until the worker before has let the home go. Errors: Conflict when it does not."""
    ends = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            lock_file(home.database).close()
            return
        except Conflict:
            if time.monotonic() > ends:
                raise
        await asyncio.sleep(_STEP_SECONDS)
