"""What rules put on lists by themselves: the entries that a decision's fired rules ask for.

Guards: an entry always ends; an entity that many payers share is refused, whatever fired, and the
refusal is counted; what stands on the list for at least as long is left alone. The entries join the
commit of the decision that asked, so neither is without the other. Which windows count the payers
of an entity comes with the policy (`add_to_list.py`). Not done here: the edit (`list_desk.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.core.instants import MICROSECONDS
from paywarden.decision.approved_payloads import ManyEntries
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.ledger import Staged
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.state import ScopeState
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.metrics import Metrics
from paywarden.risk.features.observation import ObservedValue
from paywarden.risk.lists.model import EditAction, NewEntry
from paywarden.risk.lists.named import NamedList
from paywarden.risk.rules.actions.add_to_list import MOST_PAYERS, sharing_window
from paywarden.risk.rules.macros import WindowMacros
from paywarden.risk.rules.model import Action

ADD: Final = "add_to_list"
REMEMBERED: Final = 50_000
MOST_ENTRIES: Final = 20
"""Entries of one decision; the rest is not made, and counted."""


@dataclass(frozen=True, slots=True)
class AskedEntry:
    """An entry that a rule asks for. `sharing`: place of the window that counts its payers."""

    rule: str
    list: str
    path: str
    seconds: int
    reason: str
    sharing: int | None
    most_payers: int


@dataclass(frozen=True, slots=True)
class Entered:
    """Entries to make, by list, and how many were refused as shared or too many."""

    entries: Mapping[str, Sequence[NewEntry]]
    refused: int


class AutomaticEntries:
    """Makes the entries of decisions; remembers what each rule asks for."""

    def __init__(self, lists: ListDesk, metrics: Metrics) -> None:
        self._lists = lists
        self._metrics = metrics
        self._asked: dict[tuple[Decider, int], tuple[AskedEntry, ...]] = {}

    def enter(
        self, unit: UnitOfWork, state: ScopeState, runtime: PolicyRuntime, entry: PaymentEntry,
        fields: Mapping[str, Any],
    ) -> list[Staged]:  # fmt: skip
        """Stage the entries that a decision asks for, in its unit; call it ahead of the log.

        A payment of the control group makes none: it would spoil what the group measures.
        """
        if not runtime.has_actions or entry.result.control_ppm:
            return []
        asked = [one for index in entry.result.fired for one in self._of(runtime, index)]
        if not asked:
            return []
        held = state.all_lists.of(state.scope)
        made = entries_of(asked, entry.aggregates, fields, held, entry.received_us)
        if made.refused:
            self._metrics.degraded.labels("automatic_entry_refused").inc(made.refused)
        rule = asked[0].rule
        edits = [
            ManyEntries(name, held[name].kind, EditAction.ADD, tuple(given))
            for name, given in made.entries.items()
        ]
        staged = [self._lists.enter(unit, state, edit, rule) for edit in edits]
        return [one for one in staged if one is not None]

    def _of(self, runtime: PolicyRuntime, index: int) -> tuple[AskedEntry, ...]:
        key = (runtime.decider, index)
        found = self._asked.get(key)
        if found is None:
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()
            found = self._asked[key] = asked_entries(runtime, index)
        return found


def asked_entries(runtime: PolicyRuntime, index: int) -> tuple[AskedEntry, ...]:
    """What one rule asks to put on lists."""
    rule = runtime.compiled.written[index]
    actions = [one for one in rule.then.actions if one.name == ADD]
    if not actions:
        return ()
    return tuple(_asked(runtime, rule.id, one) for one in actions)


def entries_of(
    asked: Sequence[AskedEntry],
    values: Sequence[ObservedValue],
    fields: Mapping[str, Any],
    lists: Mapping[str, NamedList],
    now_us: int,
) -> Entered:
    """The entries that a decision makes. `values`: window values of the payment."""
    found: dict[tuple[str, str], NewEntry] = {}
    refused = 0
    for one in asked:
        value, named = fields.get(one.path), lists.get(one.list)
        if not isinstance(value, str) or named is None:
            continue
        if _shared(one, values) or len(found) >= MOST_ENTRIES:
            refused += 1
            continue
        until_us = now_us + one.seconds * MICROSECONDS
        held = named.find(value, now_us)
        if held is not None and (held.expires_at_us is None or held.expires_at_us >= until_us):
            continue
        reason = one.reason or f"rule {one.rule}"
        found.setdefault((one.list, value), NewEntry(value, reason[:200], until_us))
    grouped: dict[str, list[NewEntry]] = {}
    for (name, _value), entry in found.items():
        grouped.setdefault(name, []).append(entry)
    return Entered(grouped, refused)


def _shared(asked: AskedEntry, values: Sequence[ObservedValue]) -> bool:
    if asked.sharing is None:
        return False
    payers = values[asked.sharing]
    return not isinstance(payers, int) or payers > asked.most_payers


def _asked(runtime: PolicyRuntime, rule: str, action: Action) -> AskedEntry:
    given = dict(action.parameters)
    path = str(given["value"])
    window, place = sharing_window(path), None
    if window is not None:
        name = WindowMacros(runtime.compiled.aggregates).name_of(window)
        place = runtime.plan.names.index(name)
    return AskedEntry(
        rule,
        str(given["list"]),
        path,
        int(given["expires_seconds"]),
        str(given["reason"]),
        place,
        int(given.get("most_payers", MOST_PAYERS)),
    )
