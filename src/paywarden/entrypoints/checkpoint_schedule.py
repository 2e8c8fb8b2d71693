"""When the server has a checkpoint made: one at a time, by a process of its own.

Guards: payments wait for nothing of it. A checkpoint is due when a restart would replay more than
`every_payments` observations from sealed segments (a policy with other windows starts from none).
A failure is logged and counted and the next attempt waits longer; a process that takes longer than
the deadline is ended. Not done here: the checkpoint itself (`checkpoint_child.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping

import msgspec

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision.checkpointing import Job, job_of
from paywarden.decision.checkpoints import Checkpoints
from paywarden.decision.history import History
from paywarden.decision.state import ScopeState
from paywarden.decision.trial import companions_read
from paywarden.entrypoints.checkpoint_child import Report
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.risk.features import segments

LOOK_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 60.0
LAST_PAUSE_SECONDS = 3_600.0
DEADLINE_SECONDS = 7_200.0
PASSED_ON = (
    "HOME", "LANG", "LC_ALL", "NUMBA_CACHE_DIR", "PATH", "PAYWARDEN_INSTALLATION__LOG_LEVEL",
    "PYTHONPATH", "TMPDIR", "TZDIR", "VIRTUAL_ENV", "XDG_CACHE_HOME",
)  # fmt: skip


class CheckpointSchedule:
    """Looks from time to time whether a checkpoint is due, and has it made."""

    def __init__(
        self,
        states: Callable[[], Mapping[Scope, ScopeState]],
        history: History,
        checkpoints: Checkpoints,
        every: int,
        metrics: Metrics,
    ) -> None:
        self._states = states
        self._history = history
        self._checkpoints = checkpoints
        self._every = every
        self._metrics = metrics

    async def run(self) -> None:
        """Look until cancelled; returns at once when checkpoints are switched off."""
        pause = FIRST_PAUSE_SECONDS
        while self._every:
            await asyncio.sleep(LOOK_SECONDS)
            if await self.look():
                pause = FIRST_PAUSE_SECONDS
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE_SECONDS)

    async def look(self) -> bool:
        """Have made what is due now; False when one of them failed."""
        good = True
        for scope, state in list(self._states().items()):
            try:
                job = await asyncio.to_thread(self._due, scope, state)
                report = None if job is None else await run_child(job)
            except (PaywardenError, OSError) as fault:
                report = Report(code=type(fault).__name__)
            if report is not None:
                self._tell(scope, report)
                good = good and report.made is not None
        return good

    def _due(self, scope: Scope, state: ScopeState) -> Job | None:
        if state.runtime is None:
            return None
        aggregates = state.runtime.aggregates
        job = job_of(
            self._history, self._checkpoints, scope, aggregates, state.history_start_us,
            companions=companions_read(state.runtime, state.trial),
        )  # fmt: skip
        if job is None:
            return None
        found = self._checkpoints.found(scope, job.binding)
        last = max((seq for seq, _path in found if seq <= job.seq), default=0)
        behind = sum(end > last for _first, end in self._history.sealed_ranges(scope))
        return job if behind * segments.SEGMENT_EVENTS >= self._every else None

    def _tell(self, scope: Scope, report: Report) -> None:
        made = report.made
        self._metrics.checkpoints.labels("failed" if made is None else "written").inc()
        if made is None:
            logger().error(
                "checkpoint_failed", tenant=scope.tenant, code=report.code, reason=report.detail
            )
            return
        self._metrics.checkpoint_seq.labels(scope.environment.value).set(made.seq)
        logger().info(
            "checkpoint_written", tenant=scope.tenant, environment=scope.environment.value,
            from_seq=made.from_seq, seq=made.seq, bytes=made.bytes, seconds=report.seconds,
        )  # fmt: skip


async def run_child(job: Job) -> Report:
    """Have a process of its own do a job. It ends when this task is cancelled."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "paywarden.entrypoints.checkpoint_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        text = msgspec.msgpack.encode(job)
        process.stdin.write(len(text).to_bytes(8, "little") + text)
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await process.stdout.readline()
        if line.endswith(b"\n"):
            return msgspec.json.decode(line, type=Report)
        return Report(code="checkpoint_ended", detail=f"its process ended ({await process.wait()})")
    except TimeoutError:
        return Report(code="checkpoint_deadline", detail="it took longer than its deadline")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
