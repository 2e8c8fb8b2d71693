"""Event types that webhooks may carry; each room adds its own as values at wiring.

Guards: only a listed type leaves the house, and its data has one shape, published as JSON Schema.
The envelope is that of Standard Webhooks: `type`, `timestamp` of the act, `data`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from paywarden.core.instants import format_rfc3339

PING: Final = "webhook.ping"


class Ping(msgspec.Struct, frozen=True):
    """Data of `webhook.ping`, sent when its owner asks for it."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class EventType:
    """A type, what it tells, and the struct of its data.

    `confined_to`: a permission. Such a type goes only to endpoints that belong to no merchant and
    name it themselves, and only who holds the permission may have it sent somewhere.
    """

    name: str
    text: str
    data: type[msgspec.Struct]
    confined_to: str = ""

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the whole message."""
        shapes = msgspec.json.schema_components([self.data], ref_template="#/$defs/{name}")
        (data,), definitions = shapes
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.text,
            "type": "object",
            "properties": {
                "type": {"const": self.name},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": data,
            },
            "required": ["type", "timestamp", "data"],
            "$defs": definitions,
        }


class Catalogue:
    """Every event type of an installation, by name."""

    def __init__(self, types: Iterable[EventType]) -> None:
        ping = EventType(PING, "A test that the endpoint's owner asked for", Ping)
        self.types: Mapping[str, EventType] = {one.name: one for one in (*types, ping)}

    def __contains__(self, name: str) -> bool:
        return name in self.types

    def confined(self, names: Iterable[str]) -> tuple[EventType, ...]:
        """Those of `names` that are confined."""
        found = (self.types.get(name) for name in names)
        return tuple(one for one in found if one is not None and one.confined_to)


def envelope(event_type: str, at_us: int, data: bytes) -> bytes:
    """The body of a message around `data`, which is JSON already."""
    return msgspec.json.encode(
        {"type": event_type, "timestamp": format_rfc3339(at_us), "data": msgspec.Raw(data)}
    )
