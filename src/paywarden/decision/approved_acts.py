"""Acts of this room that need approval: their payloads, and who carries them out.

Guards: a payload says everything that the act will do, in one canonical form, so that what was
signed is what happens; the desks compare it with what they are told to do. Not done here: asking
and approving (`identity.approvals`), the acts themselves (`policy_desk`, `list_desk`).
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.decision.approved_payloads import (
    BulkEdit,
    LabelDecision,
    Publication,
    Rollback,
    bulk_edit_of,
)
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.identity.approvals.catalogue import (
    LABEL_FLOOD,
    LIST_BULK_EDIT,
    RULESET_PUBLISH,
    RULESET_ROLLBACK,
)
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals

T = TypeVar("T")
_EDITS: Final = msgspec.json.Decoder(BulkEdit)
_PUBLICATIONS: Final = msgspec.json.Decoder(Publication)
_LABEL_DECISIONS: Final = msgspec.json.Decoder(LabelDecision)
_ROLLBACKS: Final = msgspec.json.Decoder(Rollback)


class ApprovedActs:
    """Executors over the desks."""

    def __init__(self, policies: PolicyDesk, lists: ListDesk, holding: LabelHolding) -> None:
        self._holding = holding
        self._policies = policies
        self._lists = lists

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries these acts out."""
        approvals.register(RULESET_PUBLISH, self.publish)
        approvals.register(RULESET_ROLLBACK, self.roll_back)
        approvals.register(LIST_BULK_EDIT, self.edit_list)
        approvals.register(LABEL_FLOOD, self.decide_labels)

    async def publish(self, approved: Approved, payload: bytes) -> int:
        """Publish a ruleset; the log sequence from which it decides."""
        return await self._policies.publish(
            approved.scope, _of(_PUBLICATIONS, payload).ruleset, approved
        )

    async def roll_back(self, approved: Approved, payload: bytes) -> int:
        """Let a former ruleset decide again; the log sequence from which it does."""
        return await self._policies.roll_back(approved.scope, _of(_ROLLBACKS, payload), approved)

    async def edit_list(self, approved: Approved, payload: bytes) -> int:
        """Edit a list; the log sequence of the edit."""
        wanted = _of(_EDITS, payload)
        return await self._lists.edit_many(approved.scope, bulk_edit_of(wanted), approved)

    async def decide_labels(self, approved: Approved, payload: bytes) -> int:
        """Release or refuse held labels; the log sequence of the decision."""
        return await self._holding.decide(approved.scope, _of(_LABEL_DECISIONS, payload), approved)


def _of(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    """What a payload asks for; anybody who may ask can write one by hand."""
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError:
        raise InvalidRequest(
            "approval_request_invalid", "the payload is not what this action takes"
        ) from None
