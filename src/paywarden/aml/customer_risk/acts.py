"""Acts of customer risk that need approval, and who carries them out."""

from __future__ import annotations

from typing import Any

import msgspec

from paywarden.aml.customer_risk.customers import Customers
from paywarden.aml.customer_risk.payloads import (
    lower_of,
    lower_payload,
    model_payload,
    publication_of,
)
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import CUSTOMER_RISK_LOWER, RISK_MODEL_PUBLISH
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals


class Lowered(msgspec.Struct, frozen=True):
    """A customer is held for less risky."""

    customer: str
    level: int
    log_sequence: int


class CustomerRiskActs:
    """Executors over customers and models."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries these acts out, and who checks what is asked."""
        approvals.register(CUSTOMER_RISK_LOWER, self.lower, self.prepared_lower)
        approvals.register(RISK_MODEL_PUBLISH, self.publish, self.prepared_publication)

    def prepared_lower(self, scope: Scope, payload: bytes) -> bytes:
        """The payload in canonical form. Errors: InvalidRequest, NotFound, Conflict."""
        wanted = lower_of(payload)
        self._customers.check_lower(scope, wanted)
        return lower_payload(wanted)

    def prepared_publication(self, scope: Scope, payload: bytes) -> bytes:
        """The payload in canonical form. Errors: InvalidRequest, NotFound."""
        wanted = publication_of(payload)
        self._customers.models.find(scope, wanted.model)
        return model_payload(wanted.model)

    async def lower(self, approved: Approved, payload: bytes) -> Any:
        """Hold a customer for less risky."""
        wanted = lower_of(payload)
        known = await self._customers.lower_level(approved, wanted)
        return Lowered(wanted.customer, known.row.level, known.row.seq)

    async def publish(self, approved: Approved, payload: bytes) -> int:
        """Put a model in force; the sequence from which it assesses."""
        return await self._customers.models.publish(approved, publication_of(payload).model)
