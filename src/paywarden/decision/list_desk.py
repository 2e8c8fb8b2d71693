"""The list desk: edits of lists as log entries, so that replay knows what was listed when.

Guards: values are canonical and, where they name a person, digests before they reach the log; an
edit counts from the next payment on. Declaring a policy's lists adds what its files hold and takes
nothing away that people added since. Not done here: approvals of bulk edits (the trust room).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import msgspec

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.ledger import Ledger
from paywarden.decision.webhook_types import LIST_CHANGED, ListChanged
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import enqueue
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind, NewEntry
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.reading import parse_list

EDIT_ENTRIES = 2_000
"""Entries of one log entry: larger files become several edits."""


class ListDesk:
    """Edits lists of every scope over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def lists(self, scope: Scope) -> Mapping[str, NamedList]:
        """All lists of a scope by name."""
        return self._ledger.ready(scope).all_lists.of(scope)

    def find(self, scope: Scope, name: str) -> NamedList:
        """The list of that name. Errors: NotFound."""
        found = self.lists(scope).get(name)
        if found is None:
            raise NotFound("list_unknown", "there is no list of this name; publish it in a policy")
        return found

    async def edit(
        self,
        scope: Scope,
        name: str,
        kind: ListKind,
        action: EditAction,
        given: tuple[NewEntry, ...],
        actor: str,
    ) -> int:
        """Log and apply one edit; the log sequence. Errors: InvalidRequest with pointer."""
        ledger = self._ledger
        state = ledger.ready(scope)
        now = ledger.clock.now_us()
        reason = given[0].reason if len(given) == 1 else ""
        edit = state.all_lists.seal(ListEdit(scope, name, kind, action, given, reason, actor, now))
        unit = UnitOfWork()
        with ledger.ahead():
            staged = ledger.stage(unit, scope, entries.LIST_EDIT, now, edit)
            state.all_lists.apply(edit, staged.seq)
            state.lists_seq = staged.seq
            event = AuditEvent(
                scope, f"lists:entries:{action.value}", f"key:{actor}", AuditOutcome.DONE, now,
                {"list": name, "entries": len(given), "seq": staged.seq},
            )  # fmt: skip
            ledger.stores.audit.record(unit, event)
            told = ListChanged(name, action.value, len(given), staged.seq)
            enqueue(unit, scope, LIST_CHANGED, msgspec.json.encode(told), now)
        await ledger.commit(unit, [staged])
        return staged.seq

    async def declare(
        self, scope: Scope, kinds: Mapping[str, str], files: Mapping[str, bytes], actor: str
    ) -> None:
        """Create the lists that a policy names and add the entries of its files."""
        for name, word in sorted(kinds.items()):
            kind = ListKind(word)
            given = _entries_of(name, kind, files)
            known = self.lists(scope).get(name)
            if known is not None and known.kind is not kind:
                raise InvalidRequest(
                    "list_kind_differs",
                    f"the list {name} exists with kind {known.kind.value}; rename one of them",
                    pointer=f"policy.yaml#/lists/{name}",
                )
            fresh = self._missing(scope, known, kind, given)
            if known is None and not fresh:
                await self.edit(scope, name, kind, EditAction.ADD, (), actor)
            for start in range(0, len(fresh), EDIT_ENTRIES):
                part = fresh[start : start + EDIT_ENTRIES]
                await self.edit(scope, name, kind, EditAction.ADD, part, actor)

    def _missing(
        self, scope: Scope, known: NamedList | None, kind: ListKind, given: tuple[NewEntry, ...]
    ) -> tuple[NewEntry, ...]:
        if known is None:
            return given
        now = self._ledger.clock.now_us()
        return tuple(entry for entry in given if known.find(entry.value, now) is None)


def _entries_of(name: str, kind: ListKind, files: Mapping[str, bytes]) -> tuple[NewEntry, ...]:
    path = str(PurePosixPath("lists") / f"{name}.csv")
    content = files.get(path)
    return () if content is None else parse_list(name, content, kind).entries
