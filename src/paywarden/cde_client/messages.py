"""Wire form of a signed approval: what leaves this house and what another process verifies.

Octets are base64 in JSON. Nothing here says that something *is* approved: the assertions do, or
nothing does (`paywarden.cde_client.grants`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paywarden.cde_client.challenge import HASH_OCTETS, Subject
from paywarden.core.scope import Environment, Scope

ASSERTIONS_LIMIT = 8
PART_LIMIT_OCTETS = 4_096
Part = Annotated[bytes, Meta(min_length=1, max_length=PART_LIMIT_OCTETS)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Assertion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One WebAuthn assertion: authenticator data, client data (JSON as signed), signature."""

    credential_id: Annotated[bytes, Meta(min_length=1, max_length=1_023)]
    authenticator_data: Part
    client_data: Part
    signature: Annotated[bytes, Meta(min_length=1, max_length=1_024)]


class SignedApproval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person's approval."""

    approver: Name
    assertion: Assertion


class ApprovalGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved request with the signatures of those who approved it."""

    approval_id: Name
    tenant: Name
    environment: Literal["test", "live"]
    action: Name
    payload_hash: Annotated[bytes, Meta(min_length=HASH_OCTETS, max_length=HASH_OCTETS)]
    expires_at_us: Annotated[int, Meta(ge=0, le=2**62)]
    maker: Name
    approvals: Annotated[list[SignedApproval], Meta(max_length=ASSERTIONS_LIMIT)]

    @property
    def subject(self) -> Subject:
        """What was signed. ValueError for a tenant that cannot exist."""
        scope = Scope(self.tenant, Environment(self.environment))
        return Subject(
            scope,
            self.approval_id,
            self.action,
            self.payload_hash,
            self.expires_at_us,
            self.maker,
        )
