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
from paywarden.decision import entries
from paywarden.decision.conduct import PolicyRuntime, conduct
from paywarden.decision.control_group import ControlDraw
from paywarden.decision.decider import Decider
from paywarden.decision.entries import Result
from paywarden.decision.history import History, fill
from paywarden.decision.ledger import Ledger
from paywarden.decision.payments import Decided
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.replay import differences, observe_again, situation_of
from paywarden.decision.sealing import Sealer
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView

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
        self._history = history
        self._policies = policies
        self._sealer = sealer
        self._fresh_lists = fresh_lists
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
        windows = Windows(runtime.plan, history_start)
        values: tuple[ObservedValue, ...] = entry.aggregates
        if from_log:
            fill(windows, self._history.columns(decided.scope, 0, decided.seq - 1))
            values = observe_again(windows, entry)
        fields, _erased = self._sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)
        t_us = entry.observation.t_us
        lists = self._lists_then(decided).at(t_us)
        situation = situation_of(entry, fields)
        if same and entry.result.control_ppm:  # what it drew then, whatever the loss is by now
            situation = situation._replace(control=ControlDraw(0, 0))
        result = conduct(runtime, fields, values, windows.partial(t_us), lists, situation)
        found = differences(entry, result, values if same else None)
        return _answer(runtime, result, found, "log" if from_log else "recorded")

    def _lists_then(self, decided: Decided) -> ListsView:
        """The lists as they stood when the decision was made."""
        lists, ledger = self._fresh_lists(), self._ledger
        for seq, scope, kind in ledger.stores.records.control_entries(decided.seq):
            if scope == decided.scope and kind == entries.LIST_EDIT:
                for entry in ledger.stores.journal.read(scope, seq, 1):
                    lists.apply(msgspec.msgpack.decode(entry.body, type=ListEdit), seq)
        return ListsView(lists, decided.scope)


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
