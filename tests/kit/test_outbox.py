"""Outbox: at least once, leases, growing pauses, dead messages, one tenant apart from another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import ATTEMPTS_LIMIT, Outbox, backoff_seconds, enqueue

SECOND = 1_000_000


@pytest.fixture
def box(open_log: Callable[..., Any]) -> tuple[Any, Outbox]:
    writer, _, reader = open_log()
    return writer, Outbox(writer, reader)


def put(writer: Any, scope: Scope, *bodies: bytes, due_at_us: int = 0) -> None:
    unit = UnitOfWork()
    for body in bodies:
        enqueue(unit, scope, "decision.recorded", body, due_at_us)
    writer.submit(unit).result(10)


def test_messages_come_oldest_first_and_once_per_lease(
    box: tuple[Any, Outbox], scope: Scope
) -> None:
    writer, outbox = box
    put(writer, scope, b"late", due_at_us=50)
    put(writer, scope, b"one", b"two", b"three")
    first = outbox.claim(10, 2, 30)
    assert [one.body for one in first] == [b"one", b"two"]
    assert [(one.attempts, one.topic, one.scope) for one in first] == [
        (1, "decision.recorded", scope)
    ] * 2
    assert [one.body for one in outbox.claim(60, 10, 30)] == [b"three", b"late"]
    assert outbox.claim(60, 10, 30) == []


def test_done_removes_and_a_lost_lease_returns(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    put(writer, scope, b"one", b"two")
    one, _ = outbox.claim(0, 10, 30)
    outbox.done([one])
    outbox.done([])
    again = outbox.claim(31 * SECOND, 10, 30)
    assert [(message.body, message.attempts) for message in again] == [(b"two", 2)]


def test_failures_pause_longer_and_end_dead(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    put(writer, scope, b"one")
    now = 0
    for attempt in range(1, ATTEMPTS_LIMIT + 1):
        (message,) = outbox.claim(now, 10, 30)
        assert message.attempts == attempt
        assert outbox.failed(message, now) is (attempt < ATTEMPTS_LIMIT)
        assert outbox.claim(now + backoff_seconds(attempt) * SECOND - 1, 10, 30) == []
        now += backoff_seconds(attempt) * SECOND
    assert outbox.claim(2**60, 10, 30) == []
    (dead,) = outbox.dead(scope, 0, 10)
    assert dead.body == b"one"
    for place, expected in ((Scope("other", Environment.TEST), 0), (scope, 1)):
        unit = UnitOfWork()
        outbox.revive(unit, place, dead.id, now)
        writer.submit(unit).result(10)
        assert len(outbox.claim(now, 10, 30)) == expected


def test_a_late_failure_does_not_touch_a_newer_claim(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    put(writer, scope, b"one")
    (slow,) = outbox.claim(0, 10, 1)
    (quick,) = outbox.claim(2 * SECOND, 10, 100)
    outbox.failed(slow, 2 * SECOND)
    assert outbox.claim(50 * SECOND, 10, 100) == []
    outbox.done([quick])
    assert outbox.claim(2**60, 10, 100) == []


def test_numbers_are_never_reused(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    put(writer, scope, b"one")
    (first,) = outbox.claim(0, 10, 30)
    outbox.done([first])
    put(writer, scope, b"two")
    (second,) = outbox.claim(0, 10, 30)
    assert second.id > first.id


def test_pauses_double_up_to_an_hour() -> None:
    assert [backoff_seconds(attempt) for attempt in (1, 2, 3, 11, 12, 10_000)] == [
        2, 4, 8, 2048, 3600, 3600,
    ]  # fmt: skip


def test_wrong_arguments(box: tuple[Any, Outbox], scope: Scope) -> None:
    for limit, lease in ((0, 1), (501, 1), (1, 0), (1, 86_401)):
        with pytest.raises(ValueError, match="claim 1 to 500"):
            box[1].claim(0, limit, lease)
    for topic, body in (("Bad Topic", b""), ("ok", bytes(2**20 + 1))):
        with pytest.raises(ValueError, match=r"topic|body"):
            enqueue(UnitOfWork(), scope, topic, body, 0)
