"""Edits of many list entries at once (POST /v1/lists/{name}/edits).

Guards: a large edit of a live list waits for approval; card numbers are refused as everywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from paywarden.core.errors import NotFound
from paywarden.core.scope import Scope
from paywarden.decision.approved_payloads import ManyEntries, bulk_edit
from paywarden.decision.errors import card_number
from paywarden.decision.intake import instant_of
from paywarden.decision.list_desk import UNAPPROVED_ENTRIES, ListDesk
from paywarden.decision.messages import Instant, Wire
from paywarden.decision.policy_http import LIST_NAME, EntryAnswer
from paywarden.decision.screening import refusal_of
from paywarden.decision.snoozes import refuse_reserved
from paywarden.identity.approvals.catalogue import LIST_BULK_EDIT
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class ManyEntry(Wire, frozen=True):
    """One entry."""

    value: Text
    reason: Text
    expires_at: Instant | None = None


class EntriesRequest(Wire, frozen=True):
    """Body: more than 50 entries of a live list wait for approval. `kind`: for a new list."""

    entries: Annotated[list[ManyEntry], Meta(min_length=1, max_length=500)]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    action: Literal["add", "remove"] = "add"
    kind: Literal[
        "card", "payer", "payee", "email", "email_domain", "phone", "account", "device", "ip",
        "merchant", "country", "bin", "string",
    ] | None = None  # fmt: skip


class ListEditOperations:
    """The operation, over the list desk and approvals."""

    def __init__(self, lists: ListDesk, approvals: Approvals) -> None:
        self._lists = lists
        self._approvals = approvals

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("POST", "/v1/lists/{name}/edits", "edit_list_entries",
                      "Add or remove up to 500 entries", self.edit, EntryAnswer, EntriesRequest,
                      permission="lists:write", tag="policy", screen=refusal_of,
                      screen_always=True, also_answers={202: ApprovalView},
                      path_texts={"name": "Name of a list"}, path_patterns={"name": LIST_NAME}),
        ]  # fmt: skip

    async def edit(self, call: Call) -> Answer:
        """POST /v1/lists/{name}/edits."""
        body: EntriesRequest = call.body
        asker, name = call.asker, call.path["name"]
        if looks_like_card_number(name):
            raise card_number("")
        refuse_reserved(name)
        edit = ManyEntries(
            name, self._kind(asker.scope, name, body), EditAction(body.action), _entries(body)
        )
        maker = maker_of(asker)
        if len(edit.entries) <= UNAPPROVED_ENTRIES:
            seq = await self._lists.edit(
                asker.scope, name, edit.kind, edit.action, edit.entries, maker.actor
            )
            return self._answer(asker.scope, name, seq)
        done = await self._approvals.perform(
            asker.scope, LIST_BULK_EDIT, bulk_edit(edit), maker, body.reason
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return self._answer(asker.scope, name, done.result)

    def _kind(self, scope: Scope, name: str, body: EntriesRequest) -> ListKind:
        known = self._lists.lists(scope).get(name)
        if known is not None:
            return known.kind
        if body.kind is None:
            raise NotFound("list_unknown", "no list of this name; to make it, say its `kind`")
        return ListKind(body.kind)

    def _answer(self, scope: Scope, name: str, seq: int) -> Answer:
        named = self._lists.find(scope, name)
        return Answer(EntryAnswer(name, len(named), named.version, seq))


def _entries(body: EntriesRequest) -> tuple[NewEntry, ...]:
    return tuple(
        NewEntry(one.value, one.reason, _expiry(one, number))
        for number, one in enumerate(body.entries)
    )


def _expiry(entry: ManyEntry, number: int) -> int | None:
    if entry.expires_at is None:
        return None
    return instant_of(entry.expires_at, f"/entries/{number}/expires_at")
