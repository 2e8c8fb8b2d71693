"""Audit events: grammar, order, tenants apart, together with their act or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.errors import Conflict, Corrupt
from paywarden.core.scope import Environment, Scope
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork


def event(scope: Scope, action: str = "decision:payment:decide", **more: Any) -> AuditEvent:
    given: dict[str, Any] = {"actor": "key:key_abc", "outcome": AuditOutcome.DONE, "at_us": 5}
    return AuditEvent(scope, action, **{**given, **more})


@pytest.fixture
def audit(open_log: Callable[..., Any]) -> tuple[Any, SqliteAuditLog]:
    writer, _, reader = open_log()
    return writer, SqliteAuditLog(reader)


def put(audit: tuple[Any, SqliteAuditLog], *events: AuditEvent) -> None:
    unit = UnitOfWork()
    for one in events:
        audit[1].record(unit, one)
    audit[0].submit(unit).result(10)


def test_events_come_back_in_order_by_tenant(
    audit: tuple[Any, SqliteAuditLog], scope: Scope
) -> None:
    other = Scope("other", Environment.TEST)
    detail = {"rules": 3, "name": "é", "live": True, "none": None}
    given = [event(scope, detail=detail), event(other), event(scope, outcome=AuditOutcome.REFUSED)]
    put(audit, *given)
    assert audit[1].read(None, 0, 10) == list(enumerate(given, 1))
    assert audit[1].read(scope, 1, 10) == [(3, given[2])]
    assert audit[1].read(None, 0, 1) == [(1, given[0])]
    with pytest.raises(ValueError, match="limit"):
        audit[1].read(None, 0, 1_001)


def test_an_act_that_fails_leaves_no_event(audit: tuple[Any, SqliteAuditLog], scope: Scope) -> None:
    unit = UnitOfWork()
    audit[1].record(unit, event(scope))
    columns = ("id", "scope", "topic", "body", "at_us")
    for _ in range(2):
        unit.add(Insert("outbox", columns), (1, "s", "t", b"", 0))
    with pytest.raises(Conflict):
        audit[0].submit(unit).result(10)
    assert audit[1].read(None, 0, 10) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "decide"},
        {"action": "a:b"},
        {"action": "a:b:c:d"},
        {"action": "Decision:payment:decide"},
        {"action": "a:b:c\n"},
        {"actor": "someone"},
        {"actor": "user:two words"},
        {"detail": {"Bad Name": 1}},
        {"detail": {"list": [1]}},
        {"detail": {"ratio": 0.5}},
        {"detail": {f"n{n}": 1 for n in range(51)}},
    ],
)
def test_the_grammar_is_enforced(scope: Scope, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"action|actor|detail"):
        event(scope, **wrong)


def test_details_are_bounded(audit: tuple[Any, SqliteAuditLog], scope: Scope) -> None:
    with pytest.raises(ValueError, match="8192"):
        audit[1].record(UnitOfWork(), event(scope, detail={"text": "x" * 8_200}))


def test_a_damaged_event_is_named(
    audit: tuple[Any, SqliteAuditLog], scope: Scope, database: Path
) -> None:
    put(audit, event(scope))
    held = sqlite3.connect(database)
    held.execute("DROP TRIGGER audit_log_no_update")
    held.execute("UPDATE audit_log SET action = 'nonsense'")
    held.commit()
    held.close()
    with pytest.raises(Corrupt, match="audit event 1"):
        audit[1].read(None, 0, 10)
