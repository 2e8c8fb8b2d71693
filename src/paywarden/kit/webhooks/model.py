"""Values of webhooks: endpoints, their secrets, deliveries, attempts; pure.

States of a delivery: `pending` -> `delivered` | `failed` (attempts spent, or the endpoint is gone)
| `discarded` (the endpoint was disabled or removed meanwhile). A replay is a new delivery of the
same message. An endpoint is `enabled` or `disabled` with a reason.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from paywarden.core.identifiers import Identifier
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret

ANY = "*"
"""The event type that subscribes to all."""
SECRETS_LIMIT = 4


class EndpointId(Identifier):
    """A destination of webhooks."""

    prefix = "we_"


class SecretKind(enum.StrEnum):
    """Schemes of Standard Webhooks: symmetric `v1`, asymmetric `v1a`."""

    HMAC = "hmac"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """HMAC key (24 to 64 octets) or Ed25519 seed (32). `expires_at_us` set: being rotated out."""

    kind: SecretKind
    octets: Secret[bytes]
    created_at_us: int
    expires_at_us: int | None = None

    def live(self, now_us: int) -> bool:
        """Whether it still signs."""
        return self.expires_at_us is None or now_us < self.expires_at_us


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go. `merchant` binds it to one merchant's events; None takes the tenant's."""

    id: str
    scope: Scope
    url: str
    events: tuple[str, ...]
    description: str
    merchant: str | None
    secrets: tuple[SigningSecret, ...]
    created_at_us: int
    created_by: str
    disabled: bool = False

    def wants(self, scope: Scope, event_type: str, merchant: str | None) -> bool:
        """Whether an event of this scope, type and merchant goes here."""
        if self.disabled or scope != self.scope:
            return False
        if self.merchant is not None and self.merchant != merchant:
            return False
        return ANY in self.events or event_type in self.events


class DeliveryState(enum.StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint. `due_at_us` is None once it has ended."""

    id: int
    message_id: str
    endpoint: str
    scope: Scope
    event_type: str
    body: bytes
    created_at_us: int
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at_us: int | None = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try: an HTTP status, or the code of what went wrong before one."""

    at_us: int
    took_ms: int
    status: int | None
    fault: str | None
    retry_after_seconds: int | None = None

    @property
    def succeeded(self) -> bool:
        """2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver wants no more (410)."""
        return self.status == 410
