"""Replay: the log read again by the same code, every value and every answer compared.

Guards: state = f(log). The fold below keeps clock, windows, lists and the policy pointer exactly as
the live process does, so a difference is a fault of ours or a changed log, never a surprise.
Fields of an erased person cannot be read any more; such decisions are compared from their stored
window values and counted apart. Not done here: reading the command line, drafts over history (lab).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from paywarden.core.outcome import Outcome
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.conduct import PolicyRuntime, Situation, conduct
from paywarden.decision.entries import PaymentEntry, Result
from paywarden.decision.history import History, fill
from paywarden.decision.sealing import Sealer
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.ports import Journal
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Digest, Lists
from paywarden.risk.lists.view import ListsView

RuntimeOf = Callable[[Scope, str], PolicyRuntime]
CHALLENGE_FIELD = "payment.challenge_result"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision made again: what came out, and where it differs from the record."""

    seq: int
    scope: Scope
    result: Result
    differences: dict[str, Any]
    erased: bool

    @property
    def identical(self) -> bool:
        """No difference at all."""
        return not self.differences


@dataclass(slots=True)
class _Fold:
    """State of one scope while the log is read."""

    history_start_us: int
    lists: Lists
    view: ListsView
    runtime: PolicyRuntime | None = None
    windows: Windows | None = None


@dataclass(slots=True)
class Replay:
    """Reads the log and decides again; `with_ruleset` replaces every recorded ruleset."""

    journal: Journal
    history: History
    sealer: Sealer
    runtime_of: RuntimeOf
    list_digest: Digest
    with_ruleset: PolicyRuntime | None = None
    _folds: dict[Scope, _Fold] = field(default_factory=dict)

    def run(self, from_seq: int, to_seq: int, only: Scope | None = None) -> Iterator[Replayed]:
        """Decisions with from_seq <= seq <= to_seq, in order; state is folded from the start."""
        for entry in self.journal.read(only, 1, to_seq):
            if entry.seq > to_seq:
                return
            again = self._step(entry, compare=entry.seq >= from_seq)
            if again is not None:
                yield again

    def _step(self, entry: Entry, *, compare: bool) -> Replayed | None:
        if entry.kind == entries.GENESIS:
            body = entries.decode(entry.kind, entry.body)
            lists = Lists(self.list_digest)
            self._folds[entry.scope] = _Fold(
                body.history_start_us, lists, ListsView(lists, entry.scope)
            )
            return None
        fold = self._folds[entry.scope]
        if entry.kind == entries.POLICY:
            self._switch(fold, entry)
        elif entry.kind == entries.LIST_EDIT:
            fold.lists.apply(msgspec.msgpack.decode(entry.body, type=ListEdit), entry.seq)
        elif entry.kind in (entries.IMPORT, entries.IMPORT_END):
            fold.history_start_us = entries.decode(entry.kind, entry.body).history_start_us
            if fold.windows is not None:
                fold.windows.start_history(fold.history_start_us)
        elif entry.kind in (entries.EVENT, entries.IMPORTED):
            observation = entries.decode(entry.kind, entry.body).observation
            if fold.windows is not None:
                fold.windows.add(observation)
        else:
            body = entries.decode(entry.kind, entry.body)
            values = observe_again(_windows(fold), body)
            if compare:
                return self._decide(fold, entry, body, values)
        return None

    def _switch(self, fold: _Fold, entry: Entry) -> None:
        name = entries.decode(entry.kind, entry.body).ruleset
        runtime = self.with_ruleset or self.runtime_of(entry.scope, name)
        if fold.runtime is not None and runtime.ruleset == fold.runtime.ruleset:
            return
        fold.runtime = runtime
        fold.windows = Windows(runtime.plan, fold.history_start_us)
        fill(fold.windows, self.history.columns(entry.scope, 0, entry.seq - 1))

    def _decide(
        self, fold: _Fold, entry: Entry, body: PaymentEntry, values: tuple[ObservedValue, ...]
    ) -> Replayed:
        assert fold.runtime is not None
        fields, erased = self.sealer.open(entry.scope, entry.seq, body.clear, body.sealed)
        t_us = body.observation.t_us
        partial = _windows(fold).partial(t_us)
        result = conduct(
            fold.runtime, fields, values, partial, fold.view.at(t_us), situation_of(body, fields)
        )
        same_rules = fold.runtime.ruleset == body.ruleset
        found = differences(body, result, values if same_rules else None)
        if erased and "features" not in found:
            found = {}
        return Replayed(entry.seq, entry.scope, result, found, erased > 0)


def _windows(fold: _Fold) -> Windows:
    assert fold.windows is not None
    return fold.windows


def observe_again(windows: Windows, body: PaymentEntry) -> tuple[ObservedValue, ...]:
    """Window values of a recorded payment or continuation, as live made them."""
    seen = body.observation
    if body.continues:
        windows.add(seen)
        return tuple(windows.read(seen.keys, seen.t_us, body.continues))
    return tuple(windows.observe(seen))


def situation_of(body: PaymentEntry, fields: dict[str, Any]) -> Situation:
    """What beside the fields decided: as recorded."""
    forced = Outcome.parse(body.forced) if body.forced is not None else None
    return Situation(body.skipped, forced, fields.get(CHALLENGE_FIELD))


def differences(
    body: PaymentEntry, result: Result, values: tuple[ObservedValue, ...] | None
) -> dict[str, Any]:
    """Where a new result differs from the record, by part; empty when identical.

    `values` None leaves window values out (another ruleset has other windows).
    """
    found: dict[str, Any] = {}
    for name in ("outcome", "points", "reasons", "required_action", "scenario_points"):
        before, after = getattr(body.result, name), getattr(result, name)
        if before != after:
            found[name] = {"recorded": before, "replayed": after}
    if values is None:
        return found
    if body.result != result and not found:
        found["rules"] = {"recorded": body.result.fired, "replayed": result.fired}
    changed = [
        i for i, pair in enumerate(zip(body.aggregates, values, strict=True)) if not _equal(*pair)
    ]
    if changed:
        found["features"] = changed
    return found


def _equal(before: ObservedValue, after: ObservedValue) -> bool:
    return before == after and type(before) is type(after)
