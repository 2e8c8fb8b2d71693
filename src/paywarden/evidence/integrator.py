"""When the log is integrated and signed: each 60 s or 1,000 events, while there are any.

Guards: integration never holds the interpreter for long (small pages in a worker thread, a breath
between them), and its faults never stop payments: they are logged, counted by the lag metric, and
tried again. On stop, what is durable is signed, so that a clean stop leaves nothing uncovered.
"""

from __future__ import annotations

import asyncio
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError
from paywarden.evidence.log import PAGE_ROWS, SignedLog
from paywarden.evidence.metrics import EvidenceMetrics
from paywarden.kit.log import logger

EVERY_SECONDS: Final = 60.0
EVERY_EVENTS: Final = 1_000
POLL_SECONDS: Final = 0.25
PART_ROWS: Final = 128
FAULT_PAUSE_SECONDS: Final = 5.0


class Integrator:
    """A task that follows the audit log of its process."""

    def __init__(
        self,
        log: SignedLog,
        clock: Clock,
        metrics: EvidenceMetrics,
        *,
        every_seconds: float = EVERY_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._every_ns = int(every_seconds * 1e9)
        self._poll_seconds = poll_seconds
        self._task: asyncio.Task[None] | None = None
        self._oldest_ns: int | None = None

    async def start(self) -> None:
        """Open the log and follow it."""
        try:
            await asyncio.to_thread(self._log.open)
        except PaywardenError as fault:
            # Payments go on; the log is not signed, nothing is promised, and the metric says so.
            logger().error("audit_log_unopened", code=fault.code)
        self._metrics.signing.set(self._log.signing)
        self._metrics.size.set(self._log.latest.size if self._log.latest else 0)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop following; sign what is durable."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        try:
            await asyncio.to_thread(self._finish)
        except PaywardenError as fault:
            logger().error("audit_log_unsigned", code=fault.code)

    async def _run(self) -> None:
        while True:
            pause = self._poll_seconds
            try:
                await self._step()
            except PaywardenError as fault:
                logger().error("audit_log_behind", code=fault.code)
                pause = FAULT_PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def _step(self) -> None:
        while await asyncio.to_thread(self._log.integrate, PART_ROWS) == PART_ROWS:
            if self._unsigned() >= EVERY_EVENTS:
                await self._sign()
            await asyncio.sleep(0)
        if self._due():
            await self._sign()
        self._metrics.unsigned.set(self._unsigned())
        self._metrics.signing.set(self._log.signing)

    def _unsigned(self) -> int:
        latest = self._log.latest
        return self._log.tree.size - (latest.size if latest else 0)

    def _due(self) -> bool:
        waiting, now = self._unsigned(), self._clock.monotonic_ns()
        if waiting == 0:
            self._oldest_ns = None
            return False
        if self._oldest_ns is None:
            self._oldest_ns = now
        return waiting >= EVERY_EVENTS or now - self._oldest_ns >= self._every_ns

    async def _sign(self) -> None:
        made = await asyncio.to_thread(self._log.checkpoint)
        self._oldest_ns = None
        if made is not None:
            self._metrics.size.set(made.size)

    def _finish(self) -> None:
        while self._log.integrate(PAGE_ROWS):
            pass
        self._log.checkpoint()
