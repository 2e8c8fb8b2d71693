"""Start and recovery: every state rebuilt from the log before the first answer.

Guards: nothing is decided from memory that the log does not know. Order: rare entries (genesis,
lists, policy pointer) by their index, then windows, clock, identities and labels of each scope from
segments and tail. The same function serves the first start and the recovery after a failed commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.history import History
from paywarden.decision.ledger import Ledger
from paywarden.decision.state import KIND, VERDICT, ScopeState
from paywarden.kit.journal.model import Entry
from paywarden.kit.log import logger
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.identities import IdentityIndex
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView

RuntimeOf = Callable[[Scope, str], PolicyRuntime]
DigesterOf = Callable[[Scope], Digester]


@dataclass(frozen=True, slots=True)
class Foundations:
    """What a rebuild needs beside the log."""

    history: History
    runtime_of: RuntimeOf
    digester_of: DigesterOf
    lists: Callable[[], Lists]


def rebuild(ledger: Ledger, foundations: Foundations) -> int:
    """Fill the states of `ledger` from its log; the head. Blocking: call it off the event loop."""
    ledger.restart()
    head = ledger.stores.journal.head()
    lists = foundations.lists()
    for seq, scope, _kind in ledger.stores.records.control_entries(head):
        for entry in ledger.stores.journal.read(scope, seq, 1):
            apply_control(ledger, entry, foundations, lists)
    for state in ledger.states.values():
        if state.ruleset is not None:
            state.runtime = foundations.runtime_of(state.scope, state.ruleset)
        last = _fill(state, foundations.history, head)
        logger().info("scope_ready", tenant=state.scope.tenant, seq=last, head=head)
    return head


def apply_control(ledger: Ledger, entry: Entry, using: Foundations, lists: Lists) -> None:
    """Fold one rare entry into the state of its scope."""
    scope = entry.scope
    if entry.kind == entries.GENESIS:
        ledger.states[scope] = ScopeState(
            scope,
            using.digester_of(scope),
            lists,
            ListsView(lists, scope),
            IdentityIndex(),
            history_start_us=entries.decode(entry.kind, entry.body).history_start_us,
        )
    elif entry.kind == entries.POLICY:
        name = entries.decode(entry.kind, entry.body).ruleset
        ledger.states[scope].ruleset = name
    elif entry.kind == entries.LIST_EDIT:
        edit = msgspec.msgpack.decode(entry.body, type=ListEdit)
        lists.apply(edit, entry.seq)
        ledger.states[scope].lists_seq = entry.seq


def _fill(state: ScopeState, history: History, head: int) -> int:
    runtime = state.runtime
    if runtime is not None:
        state.windows = Windows(runtime.plan, state.history_start_us)
    last = 0
    for chunk in history.columns(state.scope, 0, head):
        if state.windows is not None:
            state.windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
        remember_columns(state, chunk)
        last = int(chunk.seq[-1])
    return last


def remember_columns(state: ScopeState, chunk: ObservationColumns) -> None:
    """`ScopeState.remember` for many observations at once."""
    state.ticker.t_us = max(state.ticker.t_us, int(chunk.t_us.max(initial=0)))
    names = {text: number for number, text in enumerate(chunk.symbols)}
    kinds, verdicts = chunk.values[KIND], chunk.values[VERDICT]
    payments = kinds == names.get("payment", -2)
    state.identities.put_many(chunk.identity[payments], chunk.seq[payments])
    withdrawn = names.get("withdrawn", -2)
    for row in np.flatnonzero(kinds == names.get("label", -2)).tolist():
        identity = int(chunk.identity[row])
        if verdicts[row] == withdrawn:
            state.labels.pop(identity, None)
        else:
            state.labels[identity] = int(chunk.seq[row])
