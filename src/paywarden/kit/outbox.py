"""Outbox: a log of messages to other processes, written in the same unit of work as the act itself.

Guards: no message without its act and no act without its message. Messages have dense ascending
ids and are never changed; each reader keeps a cursor of its own, stored with what it made of the
messages, so that taking over is exactly once however often either side dies. The state owner drops
what is older than `KEPT_US`, read or not: a reader that was away for longer starts where messages
begin, and can see the gap from the ids. Not done here: delivering (`paywarden.kit.webhooks`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

READ_LIMIT: Final = 500
BODY_LIMIT_OCTETS: Final = 1_048_576
KEPT_US: Final = 30 * DAY_US
PRUNED_AT_ONCE: Final = 5_000
_TOPIC = re.compile(r"[a-z][a-z0-9_.]{0,62}\Z")
_ENQUEUE = Insert("outbox", ("scope", "topic", "body", "at_us"))
_AFTER = "SELECT id, scope, topic, body, at_us FROM outbox WHERE id > ? ORDER BY id LIMIT ?"
_FIRST = "SELECT id, at_us FROM outbox ORDER BY id LIMIT 1"
_PRUNE = Change("prune_outbox", "DELETE FROM outbox WHERE id >= ? AND id < ? AND at_us < ?")


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `at_us` is when the act was done."""

    id: int
    scope: Scope
    topic: str
    body: bytes
    at_us: int


def enqueue(unit: UnitOfWork, scope: Scope, topic: str, body: bytes, at_us: int) -> None:
    """Add a message to `unit`. Errors: ValueError for a bad topic or a body over 1 MiB."""
    if not _TOPIC.match(topic):
        raise ValueError("topic is a lower-case word of at most 63 characters")
    if len(body) > BODY_LIMIT_OCTETS:
        raise ValueError(f"body holds at most {BODY_LIMIT_OCTETS} octets")
    unit.add(_ENQUEUE, (scope.text, topic, body, at_us))


class Outbox:
    """The readers' side, over connections that cannot write."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def after(self, last_id: int, limit: int = READ_LIMIT) -> list[Message]:
        """Durable messages with an id above `last_id`, ascending, at most `limit`."""
        rows = self._reader.rows(_AFTER, (last_id, min(limit, READ_LIMIT)))
        return [Message(row[0], Scope.parse(row[1]), row[2], row[3], row[4]) for row in rows]

    def prune(self, now_us: int) -> UnitOfWork | None:
        """A unit that drops some of the oldest outdated messages; None when none is outdated."""
        row = self._reader.one(_FIRST)
        if row is None or row[1] >= now_us - KEPT_US:
            return None
        unit = UnitOfWork()
        unit.add(_PRUNE, (row[0], row[0] + PRUNED_AT_ONCE, now_us - KEPT_US))
        return unit
