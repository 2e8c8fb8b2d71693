"""Outbox: a log that readers follow with cursors; nothing without its act, old messages go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.statement import Change
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import KEPT_US, Outbox, enqueue

BROKEN = Change("broken", "INSERT INTO journal (seq, scope) VALUES (?, ?)")


@pytest.fixture
def box(open_log: Callable[..., Any]) -> tuple[Any, Outbox]:
    writer, _, reader = open_log()
    return writer, Outbox(reader)


def put(writer: Any, scope: Scope, *bodies: bytes, at_us: int = 5) -> None:
    unit = UnitOfWork()
    for body in bodies:
        enqueue(unit, scope, "decision.recorded", body, at_us)
    writer.submit(unit).result(10)


def test_a_reader_follows_by_its_cursor(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    other = Scope("other", Environment.LIVE)
    put(writer, scope, b"one", b"two")
    put(writer, other, b"three")
    found = outbox.after(0)
    assert [(one.body, one.scope) for one in found] == [
        (b"one", scope), (b"two", scope), (b"three", other),
    ]  # fmt: skip
    assert {(one.topic, one.at_us) for one in found} == {("decision.recorded", 5)}
    assert [one.body for one in outbox.after(found[1].id)] == [b"three"]
    assert outbox.after(found[2].id) == []
    assert [one.body for one in outbox.after(0, 1)] == [b"one"]


def test_an_act_that_fails_leaves_no_message(box: tuple[Any, Outbox], scope: Scope) -> None:
    writer, outbox = box
    unit = UnitOfWork()
    enqueue(unit, scope, "decision.recorded", b"lost", 5)
    unit.add(BROKEN, (1, 2))
    with pytest.raises(Exception, match="constraint"):
        writer.submit(unit).result(10)
    assert outbox.after(0) == []


def test_outdated_messages_go_and_ids_are_never_given_again(
    box: tuple[Any, Outbox], scope: Scope
) -> None:
    writer, outbox = box
    put(writer, scope, b"old", b"old too", at_us=0)
    put(writer, scope, b"new", at_us=KEPT_US)
    last = outbox.after(0)[-1].id
    unit = outbox.prune(KEPT_US + 1)
    assert unit is not None
    writer.submit(unit).result(10)
    assert [one.body for one in outbox.after(0)] == [b"new"]
    assert outbox.prune(KEPT_US + 1) is None
    unit = outbox.prune(3 * KEPT_US)
    assert unit is not None
    writer.submit(unit).result(10)
    assert outbox.after(0) == []
    put(writer, scope, b"later", at_us=4 * KEPT_US)
    assert outbox.after(0)[0].id == last + 1


def test_bad_topics_and_large_bodies_are_refused(scope: Scope) -> None:
    unit = UnitOfWork()
    for topic in ("", "Loud", "with space", "x" * 64):
        with pytest.raises(ValueError, match="topic"):
            enqueue(unit, scope, topic, b"", 0)
    with pytest.raises(ValueError, match="body"):
        enqueue(unit, scope, "fine", b"x" * 1_048_577, 0)
    assert unit.writes == []
