"""Refused requests in the audit log: what is one, at once or counted, within which bounds."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import (
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PaywardenError,
    Unavailable,
)
from paywarden.core.scope import Environment, Scope
from paywarden.kit.audit import AuditEvent, Place
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.refusals import ACTOR_LIMIT, KINDS_LIMIT, Refusals

OWN, OTHER = Scope("acme", Environment.LIVE), Scope("acme", Environment.TEST)
WATCHED = frozenset({"card_number_not_accepted", "approval_closed"})


class Held:
    """Audit log and writer in memory; events count once their unit is taken."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.units = 0
        self.down = False
        self._waiting: list[AuditEvent] = []

    def record(self, _unit: UnitOfWork, event: AuditEvent) -> Place:
        self._waiting.append(event)
        return Place()

    def read(self, *_given: object) -> list[tuple[int, AuditEvent]]:
        return []

    def submit(self, _unit: UnitOfWork) -> Future[None]:
        taken, self._waiting = self._waiting, []
        if self.down:
            raise Unavailable("writer_failed", "no disk")
        self.events += taken
        self.units += 1
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Desk:
    """Refusals over a held log."""

    def __init__(self) -> None:
        self.held, self.clock = Held(), FixedClock(1_000_000)
        self.refusals = Refusals(self.held, self.held, self.clock, OWN, WATCHED)

    def told(self) -> list[tuple[str, object, str, object]]:
        return [(e.action, e.detail["code"], e.actor, e.detail["count"]) for e in self.held.events]


def key(number: int = 1) -> Principal:
    return Principal(f"key_{number}", OTHER, frozenset())


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (NotAuthenticated("key_unknown", "x"), "identity:key:refuse"),
        (NotPermitted("not_permitted", "x"), "identity:permission:refuse"),
        (NotFound("decision_not_found", "x"), "access:object:miss"),
        (NotAuthenticated("signature_wrong", "x"), "http:signature:verify"),
        (InvalidRequest("card_number_not_accepted", "x"), "http:request:refuse"),
        (Conflict("approval_closed", "x"), "http:request:refuse"),
        (InvalidRequest("field_missing", "x"), None),
        (LimitExceeded("list_too_long", "x"), None),
    ],
)
def test_what_is_an_event(desk: Desk, error: PaywardenError, action: str | None) -> None:
    desk.refusals.note(error, "decide", key())
    assert [e.action for e in desk.held.events] == ([action] if action else [])
    for event in desk.held.events:
        assert (event.scope, event.actor) == (OTHER, "key:key_1")
        assert event.detail == {"code": error.code, "operation": "decide", "count": 1}


def test_what_has_its_own_event_is_not_written_twice(desk: Desk) -> None:
    desk.refusals.note(NotPermitted("approval_refused", "x").noting(), "approve", key())
    assert desk.held.events == []


def test_nobody_known_misses_nothing_that_is_an_event(desk: Desk) -> None:
    desk.refusals.note(NotFound("page_unknown", "x"), "docs", None)
    desk.refusals.note(NotAuthenticated("key_missing", "x"), "decide", None)
    assert [(e.actor, e.scope) for e in desk.held.events] == [("anonymous:unproven", OWN)]


def test_the_first_at_once_and_repeats_as_a_count(desk: Desk) -> None:
    refusal = NotPermitted("not_permitted", "x")
    for _ in range(1_000):
        desk.refusals.note(refusal, "decide", key())
    assert desk.told() == [("identity:permission:refuse", "not_permitted", "key:key_1", 1)]
    desk.refusals.flush()
    assert desk.held.units == 1
    desk.clock.advance(60)
    desk.refusals.flush()
    assert desk.told()[1:] == [("identity:permission:refuse", "not_permitted", "key:key_1", 999)]
    desk.refusals.note(refusal, "decide", key())
    assert desk.told()[2:] == [("identity:permission:refuse", "not_permitted", "key:key_1", 1)]


def test_one_actor_takes_not_every_place(desk: Desk) -> None:
    """A flood of kinds by one key leaves room for what another does, which is seen at once."""
    for number in range(10_000):
        desk.refusals.note(NotAuthenticated(f"code_{number}", "x"), "decide", None)
    assert len(desk.held.events) == ACTOR_LIMIT + 1
    desk.refusals.note(NotPermitted("not_permitted", "x"), "decide", key())
    assert desk.told()[-1][2] == "key:key_1"
    desk.clock.advance(60)
    desk.refusals.flush()
    counted = {code: count for _, code, actor, count in desk.told() if "anonymous" in actor}
    assert counted["several"] == 10_000 - ACTOR_LIMIT - 1


def test_a_minute_has_a_bounded_number_of_rows(desk: Desk) -> None:
    for number in range(20_000):
        error = NotPermitted(f"code_{number % 40}", "x")
        desk.refusals.note(error, f"op_{number % 7}", key(number % 900))
    assert len(desk.held.events) == KINDS_LIMIT
    desk.clock.advance(60)
    desk.refusals.flush()
    assert len(desk.held.events) <= 2 * KINDS_LIMIT + 1
    assert sum(int(str(count)) for *_, count in desk.told()) == 20_000
    assert ("http:request:refuse", "others", "anonymous:various") in [
        one[:3] for one in desk.told()
    ]


def test_a_writer_that_is_away_delays_nothing_and_loses_no_count(desk: Desk) -> None:
    desk.held.down = True
    for number in range(500):
        desk.refusals.note(NotPermitted("not_permitted", "x"), "decide", key(number % 200))
        desk.clock.advance(1)
    assert desk.held.events == []
    desk.held.down = False
    desk.clock.advance(60)
    desk.refusals.flush()
    assert sum(int(str(count)) for *_, count in desk.told()) == 500
    assert len(desk.held.events) <= KINDS_LIMIT + 1


def test_items_within_an_answer(desk: Desk) -> None:
    desk.refusals.note_item("card_number_not_accepted", "decide_batch", key())
    desk.refusals.note_item("field_missing", "decide_batch", key())
    assert [one[1] for one in desk.told()] == ["card_number_not_accepted"]
