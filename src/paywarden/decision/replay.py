"""Replay: the log read again by the same code, every value and every answer compared.

Guards: state = f(log). The fold below keeps clock, windows, companions, lists and the policy
pointer exactly as the live process does, so a difference is a fault of ours or a changed log, never
a surprise.
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
from paywarden.decision.arms import Arm, Values, observed, observed_arms
from paywarden.decision.built_in import SCREENING_STAGE
from paywarden.decision.companions import FIELDS_OF, Companions, companion_fields_of
from paywarden.decision.conduct import PolicyRuntime, Situation, conduct
from paywarden.decision.control_group import ControlLoss, draw
from paywarden.decision.decider import Decider
from paywarden.decision.entries import PaymentEntry, Result, TrialEntry
from paywarden.decision.history import History, fill
from paywarden.decision.sealing import Sealer
from paywarden.decision.trial import Trial, companions_read, own_windows
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.ports import Journal
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import Observation, ObservedValue
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Digest, Lists
from paywarden.risk.lists.view import ListsView

RuntimeOf = Callable[[Scope, Decider], PolicyRuntime]
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
    trial: Trial | None = None
    companions: Companions = field(default_factory=Companions)
    control_loss: ControlLoss = field(default_factory=ControlLoss)

    def add(self, seen: Observation) -> None:
        """Let every window and companion count an event."""
        for windows in self._every():
            windows.add(seen)
        self.companions.add(seen)

    def start_history(self, history_start_us: int) -> None:
        """Let the log be complete from another instant on."""
        self.history_start_us = history_start_us
        for windows in self._every():
            windows.start_history(history_start_us)

    def _every(self) -> list[Windows]:
        both = (self.windows, self.trial.windows if self.trial else None)
        return [windows for windows in both if windows is not None]


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
            self._keep_companions(fold, entry)
        elif entry.kind == entries.LIST_EDIT:
            fold.lists.apply(msgspec.msgpack.decode(entry.body, type=ListEdit), entry.seq)
        elif entry.kind in (entries.IMPORT, entries.IMPORT_END):
            fold.start_history(entries.decode(entry.kind, entry.body).history_start_us)
        elif entry.kind in (entries.EVENT, entries.IMPORTED):
            fold.add(entries.decode(entry.kind, entry.body).observation)
        elif entry.kind == entries.TRIAL:
            self._try(fold, entry, entries.decode(entry.kind, entry.body))
            self._keep_companions(fold, entry)
        elif entry.kind not in entries.RECORDED:
            body = entries.decode(entry.kind, entry.body)
            known = fold.companions.fields(body.observation) if compare else {}
            arm, beside, _tried = observed_arms(fold, body.observation, body.continues)
            again = self._decide(fold, entry, body, arm, beside, known) if compare else None
            fold.control_loss.count(body)
            return again
        return None

    def _keep_companions(self, fold: _Fold, entry: Entry) -> None:
        """What is read from here on, with all that came before, and no other any more."""
        read = companions_read(fold.runtime, fold.trial)
        new = Companions.fresh(read - fold.companions.names)
        if new.kept:
            fill(None, self.history.columns(entry.scope, 0, entry.seq - 1), new)
        fold.companions.keep(read, new)

    def _try(self, fold: _Fold, entry: Entry, body: TrialEntry) -> None:
        """A trial begins, grows or ends; under a draft there is none."""
        before, fold.trial = fold.trial, None
        if body.ends or self.with_ruleset is not None:
            return
        if before is not None and before.runtime.decider == body.decider:
            fold.trial = Trial(body, entry.seq, before.runtime, before.windows)
            return
        runtime = self.runtime_of(entry.scope, body.decider)
        assert fold.runtime is not None
        windows = own_windows(runtime, fold.runtime, fold.history_start_us)
        if windows is not None:
            fill(windows, self.history.columns(entry.scope, 0, entry.seq - 1))
        fold.trial = Trial(body, entry.seq, runtime, windows)

    def _switch(self, fold: _Fold, entry: Entry) -> None:
        name = entries.decode(entry.kind, entry.body).decider
        fold.trial = None
        runtime = self.with_ruleset or self.runtime_of(entry.scope, name)
        if fold.runtime is not None and runtime.decider == fold.runtime.decider:
            return
        fold.runtime = runtime
        fold.windows = Windows(runtime.plan, fold.history_start_us)
        fill(fold.windows, self.history.columns(entry.scope, 0, entry.seq - 1))

    def _decide(
        self, fold: _Fold, entry: Entry, body: PaymentEntry, arm: Arm, beside: Arm | None,
        known: dict[str, Any],
    ) -> Replayed:  # fmt: skip
        fields, erased = self.sealer.open(entry.scope, entry.seq, body.clear, body.sealed)
        knew = known_again(fields, body, known)
        t_us = body.observation.t_us
        situation = situation_of(body, fields)

        def again(one: Arm, situation: Situation) -> Result:
            partial = one.windows.partial(t_us)
            return conduct(one.runtime, fields, one.values, partial, fold.view.at(t_us), situation)

        drawn = situation
        if self.with_ruleset is None and not body.continues:
            drawn = situation._replace(control=draw(body.observation, fold.control_loss))
        result = again(arm, drawn)
        same_rules = arm.runtime.decider == body.decider
        found = differences(body, result, arm.values if same_rules else None)
        if self.with_ruleset is None and not same_rules:
            found["arm"] = {"recorded": str(body.decider), "replayed": str(arm.runtime.decider)}
        if self.with_ruleset is None:
            found |= companion_differences(knew, companion_fields_of(fields))
        if beside is not None and body.other is not None:
            found |= other_differences(body, again(beside, as_compared(situation)))
        if erased and found.keys().isdisjoint(("features", *FIELDS_OF)):
            found = {}
        return Replayed(entry.seq, entry.scope, result, found, bool(erased))


def known_again(
    fields: dict[str, Any], body: PaymentEntry, known: dict[str, Any]
) -> dict[str, Any]:
    """Put what companions know now into `fields`; what they knew as recorded.

    A continuation keeps what was recorded: it was read when its first payment was decided.
    """
    knew = companion_fields_of(fields)
    if not body.continues:
        for path in knew:
            del fields[path]
        fields.update(known)
    return knew


def companion_differences(knew: dict[str, Any], knows: dict[str, Any]) -> dict[str, Any]:
    """Where what companions know differs from the record, by companion."""
    found = {}
    for name, paths in FIELDS_OF.items():
        before = {path: value for path, value in knew.items() if path in paths}
        after = {path: value for path, value in knows.items() if path in paths}
        if before != after:
            found[name] = {"recorded": before, "replayed": after}
    return found


def other_differences(body: PaymentEntry, result: Result) -> dict[str, Any]:
    """Where the opinion of the ruleset that did not answer differs from the record."""
    assert body.other is not None
    other = body.other
    before = (other.outcome, other.points, other.fired, other.model)
    after = (result.outcome, result.points, result.fired, result.model)
    return {} if before == after else {"other": {"recorded": before, "replayed": after}}


def observe_again(windows: Windows, body: PaymentEntry) -> Values:
    """Window values of a recorded payment or continuation, as live made them."""
    return observed(windows, body.observation, body.continues)


def situation_of(body: PaymentEntry, fields: dict[str, Any]) -> Situation:
    """What beside the fields decided: as recorded."""
    forced = Outcome.parse(body.forced) if body.forced is not None else None
    return Situation(body.skipped, forced, fields.get(CHALLENGE_FIELD))


def as_compared(situation: Situation) -> Situation:
    """What the ruleset that did not answer was asked with: screening is skipped for both."""
    both = tuple(name for name in situation.skipped if name == SCREENING_STAGE)
    return situation._replace(skipped=both)


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
