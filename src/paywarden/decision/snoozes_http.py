"""Operations of snoozes: a rule keeps quiet for one entity for some hours, or speaks again.

Guards: the rule is one of the live ruleset and not hard; the time is bounded; a reason is needed.
The value goes to the list desk, which seals it; it is never shown again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import HOUR_US, format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.errors import card_number
from paywarden.decision.ledger import Ledger
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.screening import refusal_of
from paywarden.decision.snoozes import MAX_HOURS, list_of
from paywarden.identity.approvals.http import maker_of
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry


class SnoozeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/rules/{rule}/snoozes; `hours` 0 lets the rule speak again."""

    kind: Literal["payer", "card", "device", "merchant"]
    value: Annotated[str, Meta(min_length=1, max_length=200)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    hours: Annotated[int, Meta(ge=0, le=MAX_HOURS)] = 24


class Snoozed(msgspec.Struct, frozen=True):
    """The rule keeps quiet until `until`; null: it speaks again."""

    rule: str
    kind: str
    until: str | None
    log_sequence: int


class SnoozeOperations:
    """Handlers over the list desk."""

    def __init__(self, lists: ListDesk, ledger: Ledger) -> None:
        self._lists = lists
        self._ledger = ledger

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        path: dict[str, Any] = {
            "path_texts": {"rule": "Id of a rule of the live ruleset"},
            "path_patterns": {"rule": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$"},
        }
        return [
            Operation("POST", "/v1/rules/{rule}/snoozes", "snooze_rule",
                      "Let a rule keep quiet for one entity", self.snooze, Snoozed, SnoozeRequest,
                      permission="lists:write", tag="policy", screen=refusal_of,
                      screen_always=True, **path),
        ]  # fmt: skip

    async def snooze(self, call: Call) -> Answer:
        """POST /v1/rules/{rule}/snoozes."""
        body: SnoozeRequest = call.body
        scope, rule = call.asker.scope, call.path["rule"]
        self._may_be_snoozed(scope, rule)
        kind = ListKind(body.kind)
        if looks_like_card_number(body.value):
            raise card_number("/value")
        until_us = self._ledger.clock.now_us() + body.hours * HOUR_US if body.hours else None
        action = EditAction.ADD if until_us is not None else EditAction.REMOVE
        entry = NewEntry(body.value, body.reason, until_us)
        try:
            seq = await self._lists.edit(
                scope, list_of(rule, kind), kind, action, (entry,), maker_of(call.asker).actor
            )
        except InvalidRequest as refusal:
            raise InvalidRequest(refusal.code, refusal.detail, pointer="/value") from None
        until = format_rfc3339(until_us) if until_us is not None else None
        return Answer(Snoozed(rule, kind.value, until, seq))

    def _may_be_snoozed(self, scope: Scope, rule: str) -> None:
        runtime = self._ledger.ready(scope).runtime
        row = next((row for row in runtime.rows if row.id == rule), None) if runtime else None
        if row is None:
            raise NotFound("rule_not_found", "the live ruleset has no rule of that id")
        if row.hard:
            raise Conflict("rule_hard", "a hard rule cannot be snoozed")
