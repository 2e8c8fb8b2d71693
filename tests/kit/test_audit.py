"""Audit events: grammar, order, tenants apart, together with their act or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, PaywardenError
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.audit_personal import PersonalDetail, PersonalDetails, Revealed
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.ports import Erased
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys


def event(scope: Scope, action: str = "decision:payment:decide", **more: Any) -> AuditEvent:
    given: dict[str, Any] = {"actor": "key:key_abc", "outcome": AuditOutcome.DONE, "at_us": 5}
    return AuditEvent(scope, action, **{**given, **more})


@pytest.fixture
def audit(open_log: Callable[..., Any], database: Path) -> Iterator[tuple[Any, SqliteAuditLog]]:
    reader = Reader(database)
    log = SqliteAuditLog(reader, screen=lambda value: value == "4111111111111111")
    writer, _, _ = open_log(database, log)
    yield writer, log
    reader.close()


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
        {"detail": {"count": 2**53}},
        {"personal": {"Bad Name": PersonalDetail("s", "v")}},
        {"detail": {"name": 1}, "personal": {"name": PersonalDetail("s", "v")}},
        {"detail": {f"n{n}": 1 for n in range(51)}},
    ],
)
def test_the_grammar_is_enforced(scope: Scope, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"action|actor|detail|personal"):
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


def test_places_are_dense_over_failed_units(
    audit: tuple[Any, SqliteAuditLog], scope: Scope
) -> None:
    writer, log = audit
    columns = ("id", "scope", "topic", "body", "at_us")
    units, places = [], []
    for number in range(6):
        unit = UnitOfWork()
        places.append(log.record(unit, event(scope)))
        if number in (2, 3):  # the second of them contradicts the first
            unit.add(Insert("outbox", columns), (1, "s", "t", b"", 0))
        units.append(unit)
    with pytest.raises(RuntimeError, match="durable"):
        _ = places[0].index
    futures = [writer.submit(unit) for unit in units]
    with pytest.raises(Conflict):
        futures[3].result(10)
    for number in (0, 1, 2, 4, 5):
        futures[number].result(10)
    assert [places[n].index for n in (0, 1, 2, 4, 5)] == [0, 1, 2, 3, 4]
    assert [number for number, _ in log.read(None, 0, 10)] == [1, 2, 3, 4, 5]
    assert log.last_id() == 5


def test_numbers_go_on_after_a_restart(
    audit: tuple[Any, SqliteAuditLog], scope: Scope, database: Path, open_log: Callable[..., Any]
) -> None:
    put(audit, event(scope), event(scope))
    audit[0].close()
    reader = Reader(database)
    log = SqliteAuditLog(reader)
    writer, _, _ = open_log(database, log)
    unit = UnitOfWork()
    place = log.record(unit, event(scope))
    writer.submit(unit).result(10)
    reader.close()
    assert place.index == 2


def test_a_log_outside_its_writer_is_refused(
    open_log: Callable[..., Any], database: Path, scope: Scope
) -> None:
    writer, _, reader = open_log()
    unit = UnitOfWork()
    SqliteAuditLog(reader).record(unit, event(scope))
    with pytest.raises(PaywardenError, match="participant"):
        writer.submit(unit).result(10)


def test_what_the_screen_refuses_is_not_logged(
    audit: tuple[Any, SqliteAuditLog], scope: Scope
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        audit[1].record(UnitOfWork(), event(scope, detail={"note": "4111111111111111"}))
    assert "4111" not in str(refused.value)


def test_personal_details_are_blinded_by_erasure(
    open_log: Callable[..., Any], database: Path, scope: Scope
) -> None:
    master, randomness = Secret(bytes(32)), SystemRandomness()
    keys = SubjectKeyRing(master, MemoryWrappedKeys(), randomness)
    details = PersonalDetails(keys, randomness)
    reader = Reader(database)
    log = SqliteAuditLog(reader, details)
    writer, _, _ = open_log(database, log)
    unit = UnitOfWork()
    for _ in range(2):
        log.record(unit, event(scope, personal={"email": PersonalDetail("payer-1", "a@b.example")}))
    writer.submit(unit).result(10)
    first, second = log.rows(0, 2)
    assert first.personal is not None and first.sealed is not None
    assert b"a@b.example" not in first.personal + first.sealed + first.detail
    assert first.personal != second.personal  # equal values, fresh randomness
    found = details.reveal(scope, first.personal, first.sealed)["email"]
    assert isinstance(found, Revealed) and found.value == "a@b.example" and len(found.nonce) == 32
    with pytest.raises(Corrupt, match="commitment"):
        details.reveal(scope, second.personal or b"", first.sealed)
    keys.erase(scope, "payer-1", keys.key_of(scope, "payer-1") or b"", 1)
    assert isinstance(details.reveal(scope, first.personal, first.sealed)["email"], Erased)
    reader.close()
