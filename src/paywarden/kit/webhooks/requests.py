"""What the API asks of the worker, as messages in the outbox: ping, replay, take up again."""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import enqueue

PING_WANTED: Final = "webhook.ping_wanted"
REPLAY_WANTED: Final = "webhook.replay_wanted"
ENABLED: Final = "webhook.enabled"
REMOVED: Final = "webhook.removed"


class EndpointNamed(msgspec.Struct, frozen=True):
    """Body of every request: the endpoint, and for a replay the delivery."""

    endpoint: str
    delivery: int = 0


def ask(
    unit: UnitOfWork, scope: Scope, topic: str, endpoint: str, at_us: int, delivery: int = 0
) -> None:
    """Add a request to the worker to `unit`."""
    enqueue(unit, scope, topic, msgspec.json.encode(EndpointNamed(endpoint, delivery)), at_us)
