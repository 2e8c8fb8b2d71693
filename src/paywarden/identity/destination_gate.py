"""Sending events to another address: the gate of webhooks, over approvals.

Guards: `kit.webhooks` knows no people; its operations ask here. Not done here: carrying the act out
(`kit.webhooks.destinations`, which the process registers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import WEBHOOK_DESTINATION
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer
from paywarden.kit.webhooks.messages import EndpointView


class DestinationGate:
    """`kit.webhooks.gate.Gate` over approvals."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    @property
    def also_answers(self) -> Mapping[int, Any]:
        """The 202 of something that waits."""
        return {202: ApprovalView}

    def waits(self, scope: Scope) -> bool:
        """Whether the act waits for others here."""
        return self._approvals.waits(scope, WEBHOOK_DESTINATION)

    async def perform(self, asker: Principal, payload: bytes, reason: str) -> EndpointView | Answer:
        """Have it done and return the endpoint, or ask for it and return 202."""
        done = await self._approvals.perform(
            asker.scope, WEBHOOK_DESTINATION, payload, maker_of(asker), reason
        )
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        made: EndpointView = done.result
        return made
