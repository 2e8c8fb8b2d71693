"""The list desk: edits of lists as log entries, so that replay knows what was listed when.

Guards: values are canonical and, where they name a person, digests before they reach the log; an
edit counts from the next payment on. Declaring a policy's lists adds what its files hold and takes
nothing away that people added since, in small pieces with turns for payments. Not done here:
reading the files (the compiler), asking for approval of large edits (`identity.approvals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from paywarden.core.errors import (
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotPermitted,
)
from paywarden.core.money import INT64_MAX
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.approved_payloads import ManyEntries, bulk_edit
from paywarden.decision.ledger import Ledger, Staged
from paywarden.decision.ports import ListedEntries
from paywarden.decision.state import ScopeState
from paywarden.decision.webhook_types import LIST_CHANGED, ListChanged
from paywarden.identity.approvals.catalogue import LIST_BULK_EDIT
from paywarden.identity.approvals.execution import Approved, audit_actor
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue
from paywarden.kit.turns import Turns
from paywarden.risk.lists.model import MAX_AUTHOR_CHARS, EditAction, ListEdit, ListKind, NewEntry
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.store import Lists

EDIT_ENTRIES = 500
"""Entries of one log entry: larger files become several edits."""
LOOK_UPS = 50


@dataclass(frozen=True, slots=True)
class _Settled:
    """A list that held every entry of a file: so it does at this version of it until then."""

    lists: Lists
    version: int
    sha256: str
    until_us: int


class ListDesk:
    """Edits lists of every scope over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._settled: dict[tuple[Scope, str], _Settled] = {}

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
        """Log and apply a small edit; the log sequence.

        Errors: InvalidRequest with pointer; NotPermitted `list_edit_needs_approval`.
        """
        if len(given) > self.unapproved_left(scope, actor):
            raise NotPermitted("list_edit_needs_approval", "so many entries need an approval")
        edit = ManyEntries(name, kind, action, given)
        return await self._edit(scope, edit, actor, UnitOfWork(), approved=False)

    def unapproved_left(self, scope: Scope, actor: str) -> int:
        """Entries that `actor` may edit now without approval."""
        now = self._ledger.clock.now_us()
        return self._ledger.ready(scope).allowance.left(actor, now)

    async def edit_many(self, scope: Scope, edit: ManyEntries, approved: Approved) -> int:
        """Log and apply an approved edit of up to 500 entries; the log sequence."""
        approved.require(scope, LIST_BULK_EDIT, bulk_edit(edit))
        unit = UnitOfWork()
        approved.settle(unit)
        return await self._edit(scope, edit, approved.actor, unit)

    async def _edit(
        self,
        scope: Scope,
        asked: ManyEntries,
        actor: str,
        unit: UnitOfWork,
        *,
        approved: bool = True,
    ) -> int:
        ledger = self._ledger
        state = ledger.ready(scope)
        edit = self._sealed(state, asked, actor, approved=approved)
        with ledger.ahead():
            staged = self._staged(unit, state, edit)
        await ledger.commit(unit, [staged])
        return staged.seq

    def enter(
        self, unit: UnitOfWork, state: ScopeState, asked: ManyEntries, rule: str
    ) -> Staged | None:
        """Entries that a rule asks for, as part of its decision's unit; None when refused."""
        try:
            edit = self._sealed(state, asked, f"rule {rule}"[:MAX_AUTHOR_CHARS], approved=True)
        except (InvalidRequest, LimitExceeded, Conflict, NotFound) as refusal:
            logger().warning("automatic_entry_refused", list=asked.name, code=refusal.code)
            return None
        return self._staged(unit, state, edit)

    def _sealed(
        self, state: ScopeState, asked: ManyEntries, actor: str, *, approved: bool
    ) -> ListEdit:
        """The edit as it is logged. Errors: those of `Lists.seal`."""
        scope, given, now = state.scope, asked.entries, self._ledger.clock.now_us()
        reason = given[0].reason if len(given) == 1 else ""
        wanted = ListEdit(
            scope, asked.name, asked.kind, asked.action, given, reason, actor, now,
            approved=approved,
        )  # fmt: skip
        return state.all_lists.seal(wanted)

    def _staged(self, unit: UnitOfWork, state: ScopeState, edit: ListEdit) -> Staged:
        """Stage and apply; memory is ahead of the log from here to the commit."""
        ledger, scope, size = self._ledger, state.scope, len(edit.entries)
        staged = ledger.stage(unit, scope, entries.LIST_EDIT, edit.at_us, edit)
        state.all_lists.apply(edit, staged.seq)
        state.note_edit(edit, staged.seq)
        actor = edit.by.replace(" ", ":", 1) if edit.by.startswith("rule ") else None
        event = AuditEvent(
            scope, f"lists:entries:{edit.action.value}", actor or audit_actor(edit.by),
            AuditOutcome.DONE, edit.at_us,
            {"list": edit.name, "entries": size, "seq": staged.seq},
        )  # fmt: skip
        ledger.stores.audit.record(unit, event)
        told = ListChanged(edit.name, edit.action.value, size, staged.seq)
        enqueue(unit, scope, LIST_CHANGED, msgspec.json.encode(told), edit.at_us)
        return staged

    def unsettled(
        self, scope: Scope, kinds: Mapping[str, str], files: Mapping[str, str]
    ) -> dict[str, str]:
        """Those lists (kind by name) whose files may hold entries that are not in them.

        `files`: SHA-256 by path. The others hold all of it already: the same file was declared, the
        list was not edited since, and no entry expired.
        """
        lists, now = self._ledger.ready(scope).all_lists, self._ledger.clock.now_us()
        found = {}
        for name, kind in kinds.items():
            sha256 = files.get(_path(name))
            held, known = self._settled.get((scope, name)), lists.of(scope).get(name)
            settled = (
                held is not None
                and known is not None
                and held.lists is lists
                and (held.version, held.sha256) == (known.version, sha256)
                and now < held.until_us
            )
            if sha256 is not None and not settled:
                found[name] = kind
        return found

    async def declare(
        self,
        scope: Scope,
        kinds: Mapping[str, str],
        listed: ListedEntries,
        files: Mapping[str, str],
        actor: str,
    ) -> None:
        """Create the lists that a policy names and add the entries of its files.

        `listed`: entries of the files of `unsettled` lists.
        """
        for name, word in sorted(kinds.items()):
            kind = ListKind(word)
            known = self.lists(scope).get(name)
            if known is not None and known.kind is not kind:
                raise InvalidRequest(
                    "list_kind_differs",
                    f"the list {name} exists with kind {known.kind.value}; rename one of them",
                    pointer=f"policy.yaml#/lists/{name}",
                )
            if name in listed:
                await self._add(scope, name, kind, listed[name], files[_path(name)], actor)
            elif known is None:
                edit = ManyEntries(name, kind, EditAction.ADD, ())
                await self._edit(scope, edit, actor, UnitOfWork())

    async def _add(
        self,
        scope: Scope,
        name: str,
        kind: ListKind,
        given: Sequence[tuple[str, str, int | None]],
        sha256: str,
        actor: str,
    ) -> None:
        """Add what is missing of a file, and note when the list holds all of it."""
        lists = self._ledger.ready(scope).all_lists
        known = lists.of(scope).get(name)
        version = known.version if known is not None else 0
        fresh, until_us = await self._missing(known, given)
        for start in range(0, len(fresh), EDIT_ENTRIES):
            part = fresh[start : start + EDIT_ENTRIES]
            edit = ManyEntries(name, kind, EditAction.ADD, tuple(part))
            await self._edit(scope, edit, actor, UnitOfWork())
            version += 1
        # Any other edit meanwhile makes the versions differ; the next publishing looks again.
        after = self._ledger.ready(scope).all_lists
        named = after.of(scope).get(name)
        if after is lists and named is not None and named.version == version:
            self._settled[scope, name] = _Settled(lists, version, sha256, until_us)

    async def _missing(
        self, known: NamedList | None, given: Sequence[tuple[str, str, int | None]]
    ) -> tuple[tuple[NewEntry, ...], int]:
        """(entries that are not members now, instant at which one of those that are expires)."""
        turns, now, until_us = Turns(), self._ledger.clock.now_us(), INT64_MAX
        missing: list[NewEntry] = []
        for start in range(0, len(given), LOOK_UPS):
            for value, reason, expires_at_us in given[start : start + LOOK_UPS]:
                held = known.find(value, now) if known is not None else None
                if held is None:
                    missing.append(NewEntry(value, reason, expires_at_us))
                ends = expires_at_us if held is None else held.expires_at_us
                until_us = min(until_us, INT64_MAX if ends is None else ends)
            await turns.give()
        return tuple(missing), until_us


def _path(name: str) -> str:
    return f"lists/{name}.csv"
