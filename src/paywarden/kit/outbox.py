"""Outbox: messages to other parts, written in the same unit of work as what they tell about.

Guards: no message without its act and no act without its message. Delivery is at least once: a
message is claimed for a lease, then `done` (removed) or `failed` (again after a growing pause); a
claimer that dies lets the lease run out. After `ATTEMPTS_LIMIT` tries a message is dead: it stays,
visible to operators, until revived. Legal order: enqueue -> claim -> done | failed. Not done here:
delivering (the worker); receivers must accept repeats.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from paywarden.core.instants import DAY_US, MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

ATTEMPTS_LIMIT: Final = 12
CLAIM_LIMIT: Final = 500
BACKOFF_FIRST_SECONDS: Final = 2
BACKOFF_LIMIT_SECONDS: Final = 3_600
BODY_LIMIT_OCTETS: Final = 1_048_576
_TOPIC = re.compile(r"[a-z][a-z0-9_.]{0,62}\Z")
_ENQUEUE = Insert("outbox", ("scope", "topic", "body", "due_at_us", "attempts"))
_LEASE = Change(
    "lease_outbox", "UPDATE outbox SET due_at_us = ?, attempts = attempts + 1 WHERE id = ?"
)
_DONE = Change("finish_outbox", "DELETE FROM outbox WHERE id = ?")
_RETRY = Change("retry_outbox", "UPDATE outbox SET due_at_us = ? WHERE id = ? AND attempts = ?")
_REVIVE = Change(
    "revive_outbox",
    "UPDATE outbox SET due_at_us = ?, attempts = 0"
    " WHERE id = ? AND scope = ? AND due_at_us IS NULL",
)
_COLUMNS = "id, scope, topic, body, attempts"
_DUE = f"SELECT {_COLUMNS} FROM outbox WHERE due_at_us <= ? ORDER BY due_at_us, id LIMIT ?"  # noqa: S608
_DEAD = (
    f"SELECT {_COLUMNS} FROM outbox WHERE due_at_us IS NULL"  # noqa: S608
    " AND scope = ? AND id > ? ORDER BY id LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `attempts` counts the claims so far, the present one included."""

    id: int
    scope: Scope
    topic: str
    body: bytes
    attempts: int


def enqueue(unit: UnitOfWork, scope: Scope, topic: str, body: bytes, due_at_us: int) -> None:
    """Add a message to `unit`, to be delivered from `due_at_us` on."""
    if not _TOPIC.match(topic):
        raise ValueError("topic is a lower-case word of at most 63 characters")
    if len(body) > BODY_LIMIT_OCTETS:
        raise ValueError(f"body holds at most {BODY_LIMIT_OCTETS} octets")
    unit.add(_ENQUEUE, (scope.text, topic, body, due_at_us, 0))


def backoff_seconds(attempts: int) -> int:
    """Pause after the failed attempt number `attempts` (from 1): 2 s doubling up to an hour."""
    doublings = max(0, min(attempts - 1, 20))
    return min(BACKOFF_FIRST_SECONDS << doublings, BACKOFF_LIMIT_SECONDS)


class Outbox:
    """The worker's side. Methods block until durable: call them outside the event loop."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader
        self._claiming = threading.Lock()

    def claim(self, now_us: int, limit: int, lease_seconds: int) -> list[Message]:
        """Lease at most `limit` due messages, oldest first; nobody else gets them meanwhile."""
        if not 1 <= limit <= CLAIM_LIMIT or not 1 <= lease_seconds <= DAY_US // MICROSECONDS:
            raise ValueError(f"claim 1 to {CLAIM_LIMIT} messages for one second to one day")
        with self._claiming:
            due = [_message(row) for row in self._reader.rows(_DUE, (now_us, limit))]
            unit = UnitOfWork()
            for message in due:
                unit.add(_LEASE, (now_us + lease_seconds * MICROSECONDS, message.id))
            if due:
                self._writer.submit(unit).result()
        return [Message(one.id, one.scope, one.topic, one.body, one.attempts + 1) for one in due]

    def done(self, messages: list[Message]) -> None:
        """Remove delivered messages."""
        unit = UnitOfWork()
        for message in messages:
            unit.add(_DONE, (message.id,))
        if messages:
            self._writer.submit(unit).result()

    def failed(self, message: Message, now_us: int) -> bool:
        """Try again later; False when the last attempt is spent and the message is dead."""
        alive = message.attempts < ATTEMPTS_LIMIT
        due = now_us + backoff_seconds(message.attempts) * MICROSECONDS if alive else None
        unit = UnitOfWork()
        unit.add(_RETRY, (due, message.id, message.attempts))
        self._writer.submit(unit).result()
        return alive

    def dead(self, scope: Scope, after_id: int, limit: int) -> list[Message]:
        """Dead messages of `scope` with id above `after_id`, ascending."""
        return [_message(row) for row in self._reader.rows(_DEAD, (scope.text, after_id, limit))]

    def revive(self, unit: UnitOfWork, scope: Scope, message_id: int, now_us: int) -> None:
        """Add to `unit` that a dead message of `scope` becomes due again with fresh attempts."""
        unit.add(_REVIVE, (now_us, message_id, scope.text))


def _message(row: Row) -> Message:
    return Message(row[0], Scope.parse(row[1]), row[2], row[3], row[4])
