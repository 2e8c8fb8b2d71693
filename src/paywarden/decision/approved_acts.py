"""Acts of this room that need approval: their payloads, and who carries them out.

Guards: a payload says everything that the act will do, in one canonical form, so that what was
signed is what happens; the desks compare it with what they are told to do. Not done here: asking
and approving (`identity.approvals`), the acts themselves (`policy_desk`, `list_desk`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.decision.approved_payloads import BulkEdit, Publication, bulk_edit_of
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.identity.approvals.catalogue import LIST_BULK_EDIT, RULESET_PUBLISH
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals

_EDITS: Final = msgspec.json.Decoder(BulkEdit)
_PUBLICATIONS: Final = msgspec.json.Decoder(Publication)


class ApprovedActs:
    """Executors over the desks."""

    def __init__(self, policies: PolicyDesk, lists: ListDesk) -> None:
        self._policies = policies
        self._lists = lists

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries these acts out."""
        approvals.register(RULESET_PUBLISH, self.publish)
        approvals.register(LIST_BULK_EDIT, self.edit_list)

    async def publish(self, approved: Approved, payload: bytes) -> int:
        """Publish a ruleset; the log sequence from which it decides."""
        return await self._policies.publish(
            approved.scope, _PUBLICATIONS.decode(payload).ruleset, approved
        )

    async def edit_list(self, approved: Approved, payload: bytes) -> int:
        """Edit a list; the log sequence of the edit."""
        wanted = _EDITS.decode(payload)
        return await self._lists.edit_many(approved.scope, bulk_edit_of(wanted), approved)
