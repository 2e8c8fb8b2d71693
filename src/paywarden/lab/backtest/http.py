"""Operations of back-tests: start one on stored decisions, and ask how it goes.

Guards: only a ruleset that is stored for this tenant and environment; options are bounded; the
answer is the document of `paywarden backtest --json`, samples masked. Starting leaves an audit
event. Not done here: running (`jobs.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.policy_desk import ruleset_not_found
from paywarden.decision.ports import Records
from paywarden.identity.approvals.http import maker_of
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.lab.backtest.jobs import Asked, BacktestJobs, Job

BACKTEST_ID = "^bt_[a-z2-7]{26}$"
Note = Callable[[Scope, str, str], Awaitable[None]]
"""Writes the audit event of a start: scope, ruleset, actor."""
_Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class BacktestRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/rulesets/{hash}/backtest. `to` is the first day that is left out (UTC)."""

    against: Annotated[str, Meta(pattern="^(live|rs_[0-9a-f]{64})$")] | None = "live"
    from_: _Day | None = msgspec.field(default=None, name="from")
    to: _Day | None = None
    analysts: Annotated[int, Meta(ge=1, le=100_000)] = 1
    replicates: Annotated[int, Meta(ge=20, le=500)] = 200
    samples: Annotated[int, Meta(ge=0, le=50)] = 10
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 7


class Backtest(msgspec.Struct, frozen=True):
    """A back-test. `result` once it is done: the document that docs/how-to describes."""

    id: str
    ruleset: str
    status: Literal["waiting", "running", "done", "failed"]
    asked_at: str
    ended_at: str | None
    error: str | None
    result: dict[str, Any] | None


class BacktestOperations:
    """The operations, over jobs."""

    def __init__(self, jobs: BacktestJobs, records: Records, note: Note) -> None:
        self._jobs = jobs
        self._records = records
        self._note = note

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        hashed = {"hash": "Content hash, `rs_...`"}
        return [
            Operation("POST", "/v1/rulesets/{hash}/backtest", "start_backtest",
                      "Try a ruleset on recorded decisions", self.start, Backtest, BacktestRequest,
                      permission="rulesets:backtest", status=202, tag="policy", path_texts=hashed,
                      body_optional=True),
            Operation("GET", "/v1/rulesets/{hash}/backtests/{id}", "get_backtest",
                      "How a back-test goes, and its result", self.read, Backtest,
                      permission="rulesets:backtest", tag="policy",
                      path_texts={**hashed, "id": "Id of the back-test, `bt_...`"},
                      path_patterns={"id": BACKTEST_ID}),
        ]  # fmt: skip

    async def start(self, call: Call) -> Answer:
        """POST /v1/rulesets/{hash}/backtest."""
        body: BacktestRequest = call.body or BacktestRequest()
        scope, ruleset = call.asker.scope, call.path["hash"]
        if self._records.ruleset(scope, ruleset) is None:
            raise ruleset_not_found()
        if body.against not in (None, "live") and not self._records.ruleset(scope, body.against):
            raise ruleset_not_found()
        job = self._jobs.start(Asked(scope, ruleset, _options(body)))
        await self._note(scope, ruleset, maker_of(call.asker).actor)
        return Answer(_shown(job), 202)

    async def read(self, call: Call) -> Answer:
        """GET /v1/rulesets/{hash}/backtests/{id}."""
        return Answer(_shown(self._jobs.find(call.asker.scope, call.path["hash"], call.path["id"])))


def _options(body: BacktestRequest) -> dict[str, str]:
    given = {
        "against": body.against,
        "from": body.from_,
        "to": body.to,
        "analysts": body.analysts,
        "replicates": body.replicates,
        "samples": body.samples,
        "seed": body.seed,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _shown(job: Job) -> Backtest:
    ended = None if job.ended_at_us is None else format_rfc3339(job.ended_at_us)
    error = f"{job.code}: {job.detail}" if job.code else None
    return Backtest(
        job.id, job.asked.ruleset, job.status, format_rfc3339(job.asked_at_us), ended, error,
        None if job.result is None else dict(job.result),
    )  # fmt: skip
