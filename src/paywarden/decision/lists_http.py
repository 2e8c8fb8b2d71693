"""Operations of lists: reading them, editing one entry or up to 500 (API.md section 3).

Guards: a large edit of a live list waits for approval, and so do small ones of one maker once they
add up to as much within 24 hours (`edit_allowance`); card numbers are refused as everywhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import ManyEntries, bulk_edit
from paywarden.decision.errors import card_number
from paywarden.decision.intake import instant_of
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.messages import Instant, Wire
from paywarden.decision.screening import refusal_of
from paywarden.decision.snoozes import refuse_reserved
from paywarden.identity.approvals.catalogue import LIST_BULK_EDIT
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry
from paywarden.risk.lists.named import NamedList

LIST_NAME = "^[a-z][a-z0-9_]{0,62}$"
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Kind = Literal[
    "card", "payer", "payee", "email", "email_domain", "phone", "account", "device", "ip",
    "merchant", "country", "bin", "string",
]  # fmt: skip


class ListSummary(msgspec.Struct, frozen=True):
    """A list: what it holds and which content."""

    name: str
    kind: str
    entries: int
    version: int
    sha256: str


class ListPage(msgspec.Struct, frozen=True):
    """Every list of the tenant and environment, by name."""

    items: list[ListSummary]
    has_more: bool
    next: str | None


class EntryRequest(Wire, frozen=True):
    """Body of POST /v1/lists/{name}/entries. `kind` is needed only for a list not yet known.

    In live, entries beyond 50 of one maker within 24 hours wait for approval.
    """

    value: Text
    reason: Text
    expires_at: Instant | None = None
    action: Literal["add", "remove"] = "add"
    kind: Kind | None = None


class ManyEntry(Wire, frozen=True):
    """One entry."""

    value: Text
    reason: Text
    expires_at: Instant | None = None


class EntriesRequest(Wire, frozen=True):
    """Body: in live, more than 50 entries of one maker within 24 hours wait for approval.

    `kind`: for a new list.
    """

    entries: Annotated[list[ManyEntry], Meta(min_length=1, max_length=500)]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    action: Literal["add", "remove"] = "add"
    kind: Kind | None = None


class EntryAnswer(msgspec.Struct, frozen=True):
    """The list after the edit, and where the edit stands in the log."""

    name: str
    entries: int
    version: int
    log_sequence: int


class ListOperations:
    """The operations, over the list desk and approvals."""

    def __init__(self, lists: ListDesk, approvals: Approvals) -> None:
        self._lists = lists
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        editing: dict[str, Any] = {
            "permission": "lists:write", "tag": "policy", "screen": refusal_of,
            "screen_always": True, "also_answers": {202: ApprovalView},
            "path_texts": {"name": "Name of a list"}, "path_patterns": {"name": LIST_NAME},
        }  # fmt: skip
        return [
            Operation("GET", "/v1/lists", "list_lists", "Lists of this tenant", self.list_lists,
                      ListPage, permission="lists:read", tag="policy"),
            Operation("POST", "/v1/lists/{name}/entries", "edit_list", "Add or remove an entry",
                      self.edit_one, EntryAnswer, EntryRequest, **editing),
            Operation("POST", "/v1/lists/{name}/edits", "edit_list_entries",
                      "Add or remove up to 500 entries", self.edit_many, EntryAnswer,
                      EntriesRequest, cost=lambda body, _query: 1 + len(body.entries) // 10,
                      **editing),
        ]  # fmt: skip

    async def list_lists(self, call: Call) -> Answer:
        """GET /v1/lists."""
        held = self._lists.lists(call.asker.scope)
        return Answer(ListPage([_summary(held[name]) for name in sorted(held)], False, None))

    async def edit_one(self, call: Call) -> Answer:
        """POST /v1/lists/{name}/entries."""
        body: EntryRequest = call.body
        entry = NewEntry(body.value, body.reason, _instant(body.expires_at, "/expires_at"))
        try:
            return await self._edit(call, body, (entry,))
        except InvalidRequest as refusal:
            raise _of_one_entry(refusal) from None

    async def edit_many(self, call: Call) -> Answer:
        """POST /v1/lists/{name}/edits."""
        body: EntriesRequest = call.body
        entries = tuple(
            NewEntry(one.value, one.reason, _instant(one.expires_at, f"/entries/{n}/expires_at"))
            for n, one in enumerate(body.entries)
        )
        return await self._edit(call, body, entries)

    async def _edit(
        self, call: Call, body: EntryRequest | EntriesRequest, entries: tuple[NewEntry, ...]
    ) -> Answer:
        asker, name = call.asker, call.path["name"]
        if looks_like_card_number(name):
            raise card_number("")
        refuse_reserved(name)
        kind = self._kind(asker.scope, name, body.kind)
        edit = ManyEntries(name, kind, EditAction(body.action), entries)
        return await self._done_or_asked(asker, edit, body.reason)

    async def _done_or_asked(self, asker: Principal, edit: ManyEntries, reason: str) -> Answer:
        maker, scope = maker_of(asker), asker.scope
        if len(edit.entries) <= self._lists.unapproved_left(scope, maker.actor):
            seq = await self._lists.edit(
                scope, edit.name, edit.kind, edit.action, edit.entries, maker.actor
            )
            return self._answer(scope, edit.name, seq)
        done = await self._approvals.perform(scope, LIST_BULK_EDIT, bulk_edit(edit), maker, reason)
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return self._answer(scope, edit.name, done.result)

    def _kind(self, scope: Scope, name: str, given: Kind | None) -> ListKind:
        known = self._lists.lists(scope).get(name)
        if known is not None:
            return known.kind
        if given is None:
            raise NotFound("list_unknown", "no list of this name; to make it, say its `kind`")
        return ListKind(given)

    def _answer(self, scope: Scope, name: str, seq: int) -> Answer:
        named = self._lists.find(scope, name)
        return Answer(EntryAnswer(name, len(named), named.version, seq))


def _instant(given: datetime | None, pointer: str) -> int | None:
    return None if given is None else instant_of(given, pointer)


def _of_one_entry(refusal: InvalidRequest) -> InvalidRequest:
    """The same refusal, placed in the body of this operation."""
    pointer = refusal.pointer
    if pointer is not None:
        pointer = pointer.removeprefix("/entries/0")
    return InvalidRequest(refusal.code, refusal.detail, pointer=pointer)


def _summary(named: NamedList) -> ListSummary:
    return ListSummary(named.name, named.kind.value, len(named), named.version, named.digest())
