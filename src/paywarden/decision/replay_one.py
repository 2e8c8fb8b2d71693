"""One recorded decision made again, as it was or under a draft, and what the draft changes.

Guards: windows (and companions that the ruleset reads) are rebuilt from the log up to the
decision and lists as they stood then, by the functions that decide live; a draft reads the same
log. The desk (HTTP) and the command line both come here. Values that are shown are masked.
Not done here: limits on time (the desk's), whole stretches of the log (`replay.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from paywarden.core.outcome import Outcome
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.companions import Companions, companion_fields_of, read_by
from paywarden.decision.conduct import PolicyRuntime, conduct
from paywarden.decision.control_group import ControlDraw
from paywarden.decision.entries import PaymentEntry, Result
from paywarden.decision.history import History, fill
from paywarden.decision.masking import mask
from paywarden.decision.ports import Records
from paywarden.decision.replay import (
    companion_differences,
    differences,
    known_again,
    observe_again,
    situation_of,
)
from paywarden.decision.sealing import Sealer
from paywarden.kit.journal.ports import Journal
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView


@dataclass(frozen=True, slots=True)
class Remade:
    """The decision again. `differences`: by part, from the record; `values`: windows it read."""

    runtime: PolicyRuntime
    result: Result
    differences: dict[str, Any]
    values: tuple[ObservedValue, ...]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remaking:
    """Makes single decisions again from a log."""

    journal: Journal
    records: Records
    history: History
    sealer: Sealer
    fresh_lists: Callable[[], Lists]

    def remake(
        self,
        scope: Scope,
        seq: int,
        entry: PaymentEntry,
        runtime: PolicyRuntime,
        history_start_us: int,
        *,
        from_log: bool = True,
    ) -> Remade:
        """Decide again; without `from_log` the recorded values of windows and companions do."""
        companions = Companions.fresh(runtime.reads)
        windows = Windows(runtime.plan, history_start_us)
        values: tuple[ObservedValue, ...] = entry.aggregates
        if from_log:
            fill(windows, self.history.columns(scope, 0, seq - 1), companions)
            values = observe_again(windows, entry)
        fields, _erased = self.sealer.open(scope, seq, entry.clear, entry.sealed)
        knew = companion_fields_of(fields)
        if from_log:
            unread = {path: knew[path] for path in knew if not read_by((path,)) & runtime.reads}
            known_again(fields, entry, unread | companions.fields(entry.observation))
        t_us = entry.observation.t_us
        lists = self._lists_then(scope, seq).at(t_us)
        partial = windows.partial(t_us)
        same = runtime.decider == entry.decider
        situation = situation_of(entry, fields)
        if same and entry.result.control_ppm:  # what it drew then, whatever the loss is by now
            situation = situation._replace(control=ControlDraw(0, 0))
        result = conduct(runtime, fields, values, partial, lists, situation)
        found = differences(entry, result, values if same else None)
        if same:
            found |= companion_differences(knew, companion_fields_of(fields))
        return Remade(runtime, result, found, values, fields)

    def _lists_then(self, scope: Scope, before_seq: int) -> ListsView:
        """The lists as they stood when the decision was made."""
        lists = self.fresh_lists()
        for seq, where, kind in self.records.control_entries(before_seq):
            if where == scope and kind == entries.LIST_EDIT:
                for entry in self.journal.read(scope, seq, 1):
                    lists.apply(msgspec.msgpack.decode(entry.body, type=ListEdit), seq)
        return ListsView(lists, scope)


def drafted(entry: PaymentEntry, recorded: PolicyRuntime, made: Remade) -> dict[str, Any]:
    """What a draft changes of one decision: outcome, points, rules gained and lost, values.

    `values`: of every rule gained or lost, what it read (masked); a window that the record has
    with another value shows both.
    """
    before = {recorded.compiled.rules[index].id for index in entry.result.fired}
    rules = {made.runtime.compiled.rules[index].id: index for index in made.result.fired}
    gained, lost = sorted(set(rules) - before), sorted(before - set(rules))
    was = dict(zip(recorded.plan.names, entry.aggregates, strict=True))
    now = dict(zip(made.runtime.plan.names, made.values, strict=True))
    read = {name: _read(made, rules[name], now) for name in gained}
    moved = {
        name: {"recorded": was[name], "draft": value}
        for name, value in now.items()
        if name in was and was[name] != value
    }
    return {
        "ruleset": {"recorded": entry.ruleset, "draft": made.runtime.ruleset},
        "outcome": {
            "recorded": entry.result.answer.word,
            "draft": Outcome(made.result.outcome).word,
        },
        "points": {"recorded": entry.result.points, "draft": made.result.points},
        "changed": entry.result.outcome != made.result.outcome,
        "rules_gained": gained,
        "rules_lost": lost,
        "values": read,
        "windows_moved": moved,
        "windows_new": {name: value for name, value in now.items() if name not in was},
    }


def _read(made: Remade, rule: int, windows: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for path in made.runtime.compiled.rules[rule].references.paths:
        name = path.removeprefix("agg.")
        value = windows.get(name) if path.startswith("agg.") else mask(path, made.fields.get(path))
        found[path] = value
    return found
