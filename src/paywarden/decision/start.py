"""Start and recovery: every state rebuilt from the log before the first answer.

Guards: nothing is decided from memory that the log does not know. Order: rare entries (genesis,
lists, policy pointer) by their index, then windows, clock, identities and labels of each scope from
its last checkpoint, the segments behind it, and the tail that only the log has; two scopes side by
side, since the compiled store lets the interpreter go. The same function serves the first start and
the recovery after a failed commit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import numpy as np

from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.checkpoints import Checkpoints, Place, binding_of
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.entries import TrialEntry
from paywarden.decision.history import History, add_lacking, fill
from paywarden.decision.ledger import Ledger
from paywarden.decision.state import ScopeState, Standing
from paywarden.decision.trial import Trial, companions_read, own_windows
from paywarden.kit.journal.model import Entry
from paywarden.kit.log import logger
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView

SIDE_BY_SIDE = 2
RuntimeOf = Callable[[Scope, Decider], PolicyRuntime]
DigesterOf = Callable[[Scope], Digester]


@dataclass(frozen=True, slots=True)
class Foundations:
    """What a rebuild needs beside the log. `unsealed` is told what no segment holds yet."""

    history: History
    checkpoints: Checkpoints
    runtime_of: RuntimeOf
    digester_of: DigesterOf
    lists: Callable[[], Lists]
    unsealed: Callable[[Scope, ObservationColumns], None]


def rebuild(ledger: Ledger, foundations: Foundations) -> int:
    """Fill the states of `ledger` from its log; the head. Blocking: call it off the event loop."""
    ledger.restart()
    head = ledger.stores.journal.head()
    lists = foundations.lists()
    trials: dict[Scope, tuple[int, TrialEntry]] = {}
    let_pass: dict[Scope, list[int]] = {}
    held: dict[Scope, list[int]] = {}
    for seq, scope, kind in ledger.stores.records.control_entries(head):
        if kind in (entries.CONTROL_GROUP, entries.HELD):
            rest = let_pass if kind == entries.CONTROL_GROUP else held
            rest.setdefault(scope, []).append(seq)
            continue
        for entry in ledger.stores.journal.read(scope, seq, 1):
            apply_control(ledger, entry, foundations, lists)
            if kind in (entries.POLICY, entries.TRIAL):
                standing_trial(trials, entry)
    states = list(ledger.states.values())
    for state in states:
        if state.decider is not None:
            state.runtime = foundations.runtime_of(state.scope, state.decider)
        if state.scope in trials:
            state.trial = _trial(state, *trials[state.scope], foundations)
        _count_control(ledger, state, let_pass.get(state.scope, []))
        _add_held(ledger, state, held.get(state.scope, []))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for _ in pool.map(lambda state: _fill(state, foundations, head), states):
            pass  # a fault of any scope is raised here
    return head


def apply_control(ledger: Ledger, entry: Entry, using: Foundations, lists: Lists) -> None:
    """Fold one rare entry into the state of its scope."""
    scope = entry.scope
    if entry.kind == entries.GENESIS:
        ledger.states[scope] = ScopeState(
            scope=scope,
            digester=using.digester_of(scope),
            all_lists=lists,
            lists=ListsView(lists, scope),
            history_start_us=entries.decode(entry.kind, entry.body).history_start_us,
        )
    elif entry.kind == entries.POLICY:
        ledger.states[scope].decider = entries.decode(entry.kind, entry.body).decider
    elif entry.kind == entries.IMPORT:
        state = ledger.states[scope]
        state.history_start_us = entries.decode(entry.kind, entry.body).history_start_us
        state.importing = entry.seq
    elif entry.kind == entries.IMPORT_END:
        state = ledger.states[scope]
        state.history_start_us = entries.decode(entry.kind, entry.body).history_start_us
        state.importing = 0
    elif entry.kind == entries.SCREENING_LISTS:
        body = entries.decode(entry.kind, entry.body)
        ledger.states[scope].screening = Standing(entry.seq, body)
    elif entry.kind == entries.HOLD:
        ledger.states[scope].holds.fold(entry.seq, entries.decode(entry.kind, entry.body))
    elif entry.kind == entries.LIST_EDIT:
        edit = msgspec.msgpack.decode(entry.body, type=ListEdit)
        lists.apply(edit, entry.seq)
        ledger.states[scope].note_edit(edit, entry.seq)


def _count_control(ledger: Ledger, state: ScopeState, let_pass: list[int]) -> None:
    """What the control group let pass on the last day that it did; the days before are not read."""
    for seq in reversed(let_pass):
        if not state.control_loss.count_back(ledger.read(state.scope, seq)):
            return


def _add_held(ledger: Ledger, state: ScopeState, held: list[int]) -> None:
    """Held labels that may still count; those of settled holds are not read."""
    unsettled = {hold.seq for hold in state.holds.unsettled()}
    if unsettled:
        for seq in held[bisect_left(held, min(unsettled)) :]:
            body = ledger.read(state.scope, seq)
            if body.hold in unsettled:
                state.holds.add(seq, body)


def standing_trial(trials: dict[Scope, tuple[int, TrialEntry]], entry: Entry) -> None:
    """Fold one policy or trial entry: a published policy ends a trial, and so does an empty one."""
    body = entries.decode(entry.kind, entry.body) if entry.kind == entries.TRIAL else None
    if body is None or body.ends:
        trials.pop(entry.scope, None)
    else:
        trials[entry.scope] = (entry.seq, body)


def _trial(state: ScopeState, seq: int, body: TrialEntry, using: Foundations) -> Trial:
    runtime = using.runtime_of(state.scope, body.decider)
    assert state.runtime is not None
    windows = own_windows(runtime, state.runtime, state.history_start_us)
    return Trial(body, seq, runtime, windows)


def _fill(state: ScopeState, using: Foundations, head: int) -> None:
    """Take up a checkpoint, then replay what is sealed behind it and what only the log has."""
    scope, sealed = state.scope, using.history.sealed_up_to(state.scope)
    last, read = 0, companions_read(state.runtime, state.trial)
    if state.runtime is not None:
        plan, aggregates = state.runtime.plan, state.runtime.aggregates
        state.windows = Windows(plan, state.history_start_us)
        binding = binding_of(scope, aggregates, state.history_start_us)
        # Beyond the segments it would leave the keeper a gap, so it may only stand on them.
        latest = Place(scope, plan, binding, min(head, sealed), read)
        last = using.checkpoints.resume(state, latest)
    add_lacking(state, read, using.history.columns(scope, 0, last))
    state.companions.warm()
    resumed, replayed = last, 0
    for chunk in using.history.columns(scope, last, head):
        state.fold(chunk)
        replayed += len(chunk)
        last = int(chunk.seq[-1])
        if last > sealed:
            using.unsealed(
                scope, chunk.slice(int(np.searchsorted(chunk.seq, sealed, "right")), len(chunk))
            )
    if state.trial is not None and state.trial.windows is not None:
        # No checkpoint holds a candidate's windows: they are read from the start.
        fill(state.trial.windows, using.history.columns(scope, 0, head))
    logger().info(
        "scope_ready", tenant=scope.tenant, environment=scope.environment.value,
        from_seq=resumed, seq=last, head=head, events=replayed,
    )  # fmt: skip
