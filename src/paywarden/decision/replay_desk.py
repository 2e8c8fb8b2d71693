"""The replay desk: one recorded decision made again, as it was or under a draft.

Guards: windows are rebuilt from the log up to the decision, so `identical` speaks of every feature
value, not only of rules; above `FOLD_LIMIT` entries the recorded values stand in and the answer
says so (`windows: "recorded"`), because a caller should not wait for minutes: the command line has
no such limit. A draft with other windows is always read from the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import LimitExceeded
from paywarden.core.outcome import Outcome
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.entries import Result
from paywarden.decision.history import History
from paywarden.decision.ledger import Ledger
from paywarden.decision.payments import Decided
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.replay_one import Remaking
from paywarden.decision.sealing import Sealer
from paywarden.risk.lists.store import Lists

FOLD_LIMIT = 2_000_000


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/decisions/{id}/replay; without `ruleset` the recorded one decides again."""

    ruleset: Annotated[str, Meta(min_length=1, max_length=80)] | None = None


class ReplayAnswer(msgspec.Struct, frozen=True):
    """The recomputed answer, and what differs from the record (by part)."""

    outcome: Literal["allow", "challenge", "review", "block"]
    points: int
    identical: bool
    difference: dict[str, Any]
    ruleset: str
    rules: list[str]
    windows: Literal["log", "recorded"]


class ReplayDesk:
    """Replays single decisions beside live traffic, in a worker thread."""

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        policies: PolicyDesk,
        sealer: Sealer,
        fresh_lists: Callable[[], Lists],
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        stores = ledger.stores
        self._remaking = Remaking(stores.journal, stores.records, history, sealer, fresh_lists)
        self._one_at_a_time = asyncio.Semaphore(1)

    async def replay(self, decided: Decided, ruleset: str | None) -> ReplayAnswer:
        """Decide again. Errors: NotFound for an unknown ruleset, LimitExceeded when too long."""
        wanted = Decider(ruleset) if ruleset else decided.entry.decider
        runtime = await self._policies.runtime_of(decided.scope, wanted)
        history_start = self._ledger.ready(decided.scope).history_start_us
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._again, decided, runtime, history_start)

    def _again(self, decided: Decided, runtime: PolicyRuntime, history_start: int) -> ReplayAnswer:
        entry, same = decided.entry, runtime.decider == decided.entry.decider
        from_log = decided.seq <= FOLD_LIMIT
        if not from_log and not same:
            raise LimitExceeded(
                "replay_too_long", "a draft over so long a log runs on the command line: replay"
            )
        made = self._remaking.remake(
            decided.scope, decided.seq, entry, runtime, history_start, from_log=from_log
        )
        return _answer(runtime, made.result, made.differences, "log" if from_log else "recorded")


def _answer(
    runtime: PolicyRuntime,
    result: Result,
    found: dict[str, Any],
    windows: Literal["log", "recorded"],
) -> ReplayAnswer:
    found = describe(found)
    if "features" in found:
        found["features"] = [runtime.plan.names[index] for index in found["features"]]
    return ReplayAnswer(
        outcome=result.answer.word,  # type: ignore[arg-type]
        points=result.points,
        identical=not found,
        difference=found,
        ruleset=runtime.ruleset,
        rules=[runtime.compiled.rules[index].id for index in result.fired],
        windows=windows,
    )


def describe(found: dict[str, Any]) -> dict[str, Any]:
    """Differences with outcomes as words."""
    if "outcome" not in found:
        return found
    words = {key: Outcome(value).word for key, value in found["outcome"].items()}
    return {**found, "outcome": words}
