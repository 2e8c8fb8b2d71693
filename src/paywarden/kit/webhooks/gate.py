"""The gate before another address: who must agree, asked by the operations of webhooks.

Guards: this room knows no people; the identity room stands behind the port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from paywarden.core.scope import Scope
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer
from paywarden.kit.webhooks.messages import EndpointView


class Gate(Protocol):
    """Who must agree before events go to another address; knows who carries the act out."""

    @property
    def also_answers(self) -> Mapping[int, Any]:
        """What operations may answer because of the gate: the 202 of something that waits."""
        ...

    def waits(self, scope: Scope) -> bool:
        """Whether the act waits for others here."""
        ...

    async def perform(self, asker: Principal, payload: bytes, reason: str) -> EndpointView | Answer:
        """Have it done and return the endpoint, or ask for it and return 202. Errors: of asking."""
        ...
