"""Back-tests asked for over HTTP: one at a time, a few waiting, the newest answers kept.

Guards: a tenant sees its own jobs only (scope and ruleset are part of the look-up); what waits and
what is kept is bounded; a job that takes longer than its deadline is ended. The work runs in a
process of its own (`Runner`), so that payments wait for nothing of it. A job and its answer live as
long as the server; asking again costs little, since windows and matches are kept.
Not done here: running (`entrypoints.backtest_jobs`), wire types (`http.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import LimitExceeded, NotFound, PaywardenError, Unavailable
from paywarden.core.identifiers import BacktestId
from paywarden.core.scope import Scope
from paywarden.kit.log import logger

WAITING_LIMIT = 4
KEPT = 20
DEADLINE_SECONDS = 3_600.0

Status = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to run: a stored ruleset of a scope, and the command's options by name."""

    scope: Scope
    ruleset: str
    options: Mapping[str, str]


@dataclass(slots=True)
class Job:
    """One back-test. `result`: its document when done; `code`, `detail`: why it failed."""

    id: str
    asked: Asked
    asked_at_us: int
    status: Status = "waiting"
    ended_at_us: int | None = None
    result: Mapping[str, Any] | None = None
    code: str = ""
    detail: str = ""


Runner = Callable[[Asked], Coroutine[Any, Any, Mapping[str, Any]]]
"""Runs one back-test; the document. Errors: PaywardenError."""


@dataclass(slots=True)
class BacktestJobs:
    """Starts and remembers jobs."""

    runner: Runner
    clock: Clock
    randomness: Randomness
    _jobs: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def start(self, asked: Asked) -> Job:
        """Put a job in line. Errors: LimitExceeded `backtests_waiting`."""
        waiting = sum(job.status == "waiting" for job in self._jobs.values())
        if waiting >= WAITING_LIMIT:
            detail = "enough back-tests are waiting; try again when one is done"
            raise LimitExceeded("backtests_waiting", detail)
        self._forget()
        job = Job(BacktestId.new(self.randomness).text, asked, self.clock.now_us())
        self._jobs[job.id] = job
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def find(self, scope: Scope, ruleset: str, name: str) -> Job:
        """A job of this scope and ruleset. Errors: NotFound."""
        job = self._jobs.get(name)
        if job is None or job.asked.scope != scope or job.asked.ruleset != ruleset:
            raise NotFound("backtest_not_found", "no back-test of that id for this ruleset")
        return job

    def forget(self, scope: Scope) -> None:
        """Drop the answers of a scope, which show payments of people; what runs is told nobody."""
        for name, job in list(self._jobs.items()):
            if job.asked.scope == scope and job.status != "waiting":
                del self._jobs[name]

    async def close(self) -> None:
        """End what runs and what waits."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        async with self._turn:
            job.status = "running"
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    job.result = await self.runner(job.asked)
                job.status = "done"
            except PaywardenError as error:
                self._failed(job, error)
            except TimeoutError:
                self._failed(job, Unavailable("backtest_deadline", "it took longer than an hour"))
            except OSError as error:
                reason = error.strerror or "the system refused"
                self._failed(job, Unavailable("backtest_not_started", reason))
        job.ended_at_us = self.clock.now_us()

    def _failed(self, job: Job, error: PaywardenError) -> None:
        job.status, job.code, job.detail = "failed", error.code, error.detail
        logger().warning("backtest_failed", code=error.code, tenant=job.asked.scope.tenant)

    def _forget(self) -> None:
        ended = [name for name, job in self._jobs.items() if job.status in ("done", "failed")]
        for name in ended[: max(0, len(ended) - KEPT + 1)]:
            with contextlib.suppress(KeyError):
                del self._jobs[name]
