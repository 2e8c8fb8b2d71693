"""Deliveries of webhooks in a database of the worker's own, so that it never waits for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.webhooks.model import Attempt, Delivery, DeliveryState

WEBHOOK_DELIVERIES: Final = SchemaPart(
    "webhook_deliveries",
    "webhook_deliveries_0001",
    "paywarden.kit.webhooks:migrations/deliveries",
)
PRUNED_AT_ONCE: Final = 5_000
_DELIVERY = (
    "message_id", "endpoint", "scope", "event_type", "body", "created_at_us", "state", "attempts",
    "due_at_us",
)  # fmt: skip
_INSERT = Insert("webhook_deliveries", _DELIVERY)
_ATTEMPT = Insert("webhook_attempts", ("delivery", "number", "at_us", "took_ms", "status", "fault"))
_MOVE = Change(
    "move_webhook_cursor",
    "INSERT INTO webhook_cursor (name, position) VALUES ('outbox', ?)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
)
_AFTER_ATTEMPT = Change(
    "webhook_after_attempt",
    "UPDATE webhook_deliveries SET state = ?, attempts = ?, due_at_us = ?"
    " WHERE id = ? AND state = 'pending'",
)
_STOP = Change(
    "stop_webhook_endpoint",
    "INSERT INTO webhook_stopped (endpoint, reason, at_us) VALUES (?, ?, ?)"
    " ON CONFLICT (endpoint) DO NOTHING",
)
_DISCARD = Change(
    "discard_webhook_deliveries",
    "UPDATE webhook_deliveries SET state = 'discarded', due_at_us = NULL"
    " WHERE endpoint = ? AND state = 'pending'",
)
_RESUME = Change("resume_webhook_endpoint", "DELETE FROM webhook_stopped WHERE endpoint = ?")
_OLD = (
    "SELECT id FROM webhook_deliveries WHERE due_at_us IS NULL AND created_at_us < ?"  # noqa: S608
    f" ORDER BY id LIMIT {PRUNED_AT_ONCE}"
)
_PRUNE_ATTEMPTS = Change(
    "prune_webhook_attempts",
    f"DELETE FROM webhook_attempts WHERE delivery IN ({_OLD})",  # noqa: S608
)
_PRUNE = Change(
    "prune_webhook_deliveries",
    f"DELETE FROM webhook_deliveries WHERE id IN ({_OLD})",  # noqa: S608
)
_SELECT = f"SELECT id, {', '.join(_DELIVERY)} FROM webhook_deliveries"  # noqa: S608
_DUE = _SELECT + " WHERE due_at_us <= ? ORDER BY due_at_us, id LIMIT ?"
_FIND = _SELECT + " WHERE id = ? AND scope = ? AND endpoint = ?"
_PAGE = (
    _SELECT + " WHERE endpoint = ?1 AND id < ?2 AND scope = ?3 AND (?4 IS NULL OR state = ?4)"
    " ORDER BY id DESC LIMIT ?5"
)
_ATTEMPTS = (
    "SELECT at_us, took_ms, status, fault FROM webhook_attempts WHERE delivery = ? ORDER BY number"
)


class SqliteDeliveries:
    """`Deliveries` over the worker's database; without a `writer` it can only be read."""

    def __init__(self, reader: Reader, writer: Writer | None = None) -> None:
        self._reader = reader
        self._writer = writer

    def cursor(self) -> int:
        """Id of the last message that was taken over."""
        row = self._reader.one("SELECT position FROM webhook_cursor WHERE name = 'outbox'")
        return 0 if row is None else int(row[0])

    def take_over(self, cursor: int, made: Sequence[Delivery]) -> None:
        """Store deliveries and the cursor as one."""
        unit = UnitOfWork()
        for one in made:
            unit.add(
                _INSERT,
                (
                    one.message_id, one.endpoint, one.scope.text, one.event_type, one.body,
                    one.created_at_us, one.state.value, one.attempts, one.due_at_us,
                ),
            )  # fmt: skip
        unit.add(_MOVE, (cursor,))
        self._commit(unit)

    def due(self, now_us: int, limit: int, busy: frozenset[int]) -> Sequence[Delivery]:
        """Pending deliveries that are due and not `busy`, the longest due first."""
        rows = self._reader.rows(_DUE, (now_us, limit + len(busy)))
        return [_delivery(row) for row in rows if row[0] not in busy][:limit]

    def record(
        self, delivery: Delivery, attempt: Attempt, state: DeliveryState, due_at_us: int | None
    ) -> None:
        """Store an attempt and where the delivery stands after it."""
        unit, number = UnitOfWork(), delivery.attempts + 1
        row = (delivery.id, number, attempt.at_us, attempt.took_ms, attempt.status, attempt.fault)
        unit.add(_ATTEMPT, row)
        unit.add(_AFTER_ATTEMPT, (state.value, number, due_at_us, delivery.id))
        self._commit(unit)

    def disable(self, endpoint: str, reason: str, now_us: int) -> None:
        """Stop an endpoint and discard what waits for it."""
        unit = UnitOfWork()
        unit.add(_STOP, (endpoint, reason, now_us))
        unit.add(_DISCARD, (endpoint,))
        self._commit(unit)

    def enable(self, endpoint: str) -> None:
        """Take deliveries for the endpoint again."""
        unit = UnitOfWork()
        unit.add(_RESUME, (endpoint,))
        self._commit(unit)

    def disabled(self) -> Mapping[str, str]:
        """Reason by id of each endpoint that the worker stopped."""
        return dict(self._reader.rows("SELECT endpoint, reason FROM webhook_stopped"))

    def find(self, scope: Scope, endpoint: str, delivery: int) -> Delivery | None:
        """One delivery."""
        row = self._reader.one(_FIND, (delivery, scope.text, endpoint))
        return None if row is None else _delivery(row)

    def page(
        self, scope: Scope, endpoint: str, before: int, state: DeliveryState | None, limit: int
    ) -> Sequence[Delivery]:
        """Deliveries of an endpoint with an id below `before`, newest first."""
        wanted = None if state is None else state.value
        given = (endpoint, before, scope.text, wanted, limit)
        return [_delivery(row) for row in self._reader.rows(_PAGE, given, limit=limit)]

    def attempts(self, delivery: int) -> Sequence[Attempt]:
        """Attempts of a delivery in order."""
        return [Attempt(*row) for row in self._reader.rows(_ATTEMPTS, (delivery,))]

    def prune(self, before_us: int) -> None:
        """Drop some of the deliveries that ended and were made before an instant."""
        unit = UnitOfWork()
        unit.add(_PRUNE_ATTEMPTS, (before_us,))
        unit.add(_PRUNE, (before_us,))
        self._commit(unit)

    def _commit(self, unit: UnitOfWork) -> None:
        if self._writer is None:
            raise ValueError("this side only reads deliveries")
        self._writer.submit(unit).result()


def _delivery(row: Row) -> Delivery:
    return Delivery(
        row[0], row[1], row[2], Scope.parse(row[3]), row[4], row[5], row[6],
        DeliveryState(row[7]), row[8], row[9],
    )  # fmt: skip
