"""Wire types of webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

ROTATION_HOURS = 24
PAGE_LIMIT = 100
Url = Annotated[str, Meta(min_length=1, max_length=2_000, pattern="^https?://[^ @#]+$")]
Events = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=63)]], Meta(min_length=1, max_length=50)
]
Description = Annotated[str, Meta(max_length=200)]
_B64 = "[A-Za-z0-9+/]"
_SECRET = (
    f"^(whsec_({_B64}{{4}}){{8,20}}({_B64}{{4}}|({_B64}{{4}})?{_B64}{{2}}==|{_B64}{{3}}=)?"
    f"|whsk_({_B64}{{4}}){{10}}{_B64}{{3}}=)$"
)
"""Base64 of 24 to 64 octets, or of 32; `signatures` refuses anything else, with the remedy."""
GivenSecret = Annotated[str, Meta(max_length=200, extra_json_schema={"pattern": _SECRET})]


class EndpointRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/webhooks. `secret`: the receiver's own (`whsec_`, `whsk_`); else made.

    `merchant_id`: make it for one merchant, whose keys see and tend it then.
    """

    url: Url
    events: Events
    description: Description = ""
    kind: Literal["hmac", "ed25519"] = "hmac"
    secret: GivenSecret | None = None
    merchant_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class EndpointChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/webhooks/{id}: what is given changes."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Rotation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Body of POST /v1/webhooks/{id}/rotate: how long the old secrets sign beside the new one."""

    overlap_hours: Annotated[int, Meta(ge=0, le=24 * 30)] = ROTATION_HOURS
    kind: Literal["hmac", "ed25519"] | None = None


class EndpointView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An endpoint. `secret` stands only in the answer that made it."""

    id: str
    url: str
    events: list[str]
    description: str
    enabled: bool
    created_at: str
    merchant_id: str | None = None
    stopped: str | None = None
    secret: str | None = None


class EndpointPage(msgspec.Struct, frozen=True):
    """A page of endpoints, by id."""

    items: list[EndpointView]
    has_more: bool
    next: str | None


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt: an HTTP status, or the code of what went wrong before one."""

    at: str
    took_ms: int
    status: int | None
    fault: str | None


class DeliveryView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery; `log` when one is read by itself."""

    id: int
    message_id: str
    type: str
    created_at: str
    state: str
    attempts: int
    next_attempt_at: str | None = None
    log: list[AttemptView] | None = None


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page of deliveries, newest first."""

    items: list[DeliveryView]
    has_more: bool
    next: int | None


class Asked(msgspec.Struct, frozen=True):
    """The worker was asked; the delivery log shows what comes of it."""

    asked: bool = True


class EventTypeView(msgspec.Struct, frozen=True):
    """One event type with the JSON Schema of its message."""

    name: str
    text: str
    schema: dict[str, Any]


class EventTypes(msgspec.Struct, frozen=True):
    """Every event type."""

    items: list[EventTypeView]


class EndpointsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/webhooks."""

    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 50
    after: Annotated[str, Meta(max_length=40)] = ""


class DeliveriesQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/webhooks/{id}/deliveries; `after` is `next` of the page before."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: Annotated[int, Meta(ge=1, le=2**62)] = 2**62
    state: Literal["pending", "delivered", "failed", "discarded"] | None = None
