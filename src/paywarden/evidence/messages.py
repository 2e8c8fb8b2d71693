"""Wire types of the audit operations."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

PAGE_LIMIT = 500
Position = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class InclusionQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/audit/proofs/inclusion; `size` is the last signed one by default."""

    index: Position
    size: Position | None = None


class ConsistencyQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/audit/proofs/consistency."""

    from_: Position = msgspec.field(name="from")
    to: Position


class EventsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/audit/events: events of the key's tenant and environment."""

    after: Position | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 100


class InclusionAnswer(msgspec.Struct, frozen=True):
    """Path (base 64, nearest sibling first) from a leaf to the root of `size`."""

    index: int
    size: int
    proof: list[str]


class ConsistencyAnswer(msgspec.Struct, frozen=True):
    """Path (base 64) that shows that the tree of `to` extends that of `from`."""

    from_: int = msgspec.field(name="from")
    to: int
    proof: list[str]


class AuditEventsAnswer(msgspec.Struct, frozen=True):
    """A page of events, each as the very leaf that is hashed; `next` continues behind it."""

    items: list[msgspec.Raw]
    has_more: bool
    next: int | None


class KeysAnswer(msgspec.Struct, frozen=True):
    """Keys to pin, `name+hash+key`; the last one signs now."""

    keys: list[str]
