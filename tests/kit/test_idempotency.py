"""Idempotency keys: one act, one answer; tenants apart; nothing readable stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit import idempotency as module
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.idempotency import Claim, Idempotency, InFlight, OtherBody, Replay

COUNT = "SELECT count(*) FROM idempotency"
BODY = b'{"payment": {"id": "order-1001"}}'


class Desk:
    """Keys over a real file, with a clock to move."""

    def __init__(self, writer: Any, reader: Any) -> None:
        self.writer, self.reader, self.clock = writer, reader, FixedClock(1_000)
        self.keys = self.fresh()

    def fresh(self) -> Idempotency:
        return Idempotency(self.reader, KeyedDigest(Secret(b"k" * 32)), self.clock)

    def answer(self, claim: Claim, answer: bytes) -> None:
        unit = UnitOfWork()
        self.keys.complete(unit, claim, 200, answer)
        self.writer.submit(unit).result(10)
        self.keys.release(claim)


@pytest.fixture
def desk(open_log: Callable[..., Any]) -> Desk:
    writer, _, reader = open_log()
    return Desk(writer, reader)


def claimed(begun: object) -> Claim:
    assert isinstance(begun, Claim)
    return begun


def test_the_same_request_again_gets_the_same_answer(desk: Desk, scope: Scope) -> None:
    desk.answer(claimed(desk.keys.begin(scope, "k1", BODY)), b"answer")
    assert desk.keys.begin(scope, "k1", BODY) == Replay(200, b"answer")
    assert desk.fresh().begin(scope, "k1", BODY) == Replay(200, b"answer")
    assert isinstance(desk.keys.begin(scope, "k1", BODY + b" "), OtherBody)
    assert isinstance(desk.keys.begin(scope, "k2", BODY), Claim)


def test_in_flight_until_released(desk: Desk, scope: Scope) -> None:
    claim = claimed(desk.keys.begin(scope, "k1", BODY))
    assert isinstance(desk.keys.begin(scope, "k1", BODY), InFlight)
    assert isinstance(desk.keys.begin(scope, "k1", b"other"), OtherBody)
    desk.keys.release(claim)
    desk.keys.release(claim)
    assert isinstance(desk.keys.begin(scope, "k1", b"other"), Claim)


def test_a_crash_before_the_commit_frees_the_key(desk: Desk, scope: Scope) -> None:
    desk.keys.begin(scope, "k1", BODY)
    assert isinstance(desk.fresh().begin(scope, "k1", BODY), Claim)


def test_tenants_and_environments_do_not_meet(desk: Desk, scope: Scope) -> None:
    desk.answer(claimed(desk.keys.begin(scope, "k1", BODY)), b"answer")
    for other in (Scope(scope.tenant, Environment.LIVE), Scope("other", scope.environment)):
        assert isinstance(desk.keys.begin(other, "k1", b"different"), Claim)


def test_answers_expire_and_the_key_may_be_used_again(desk: Desk, scope: Scope) -> None:
    desk.answer(claimed(desk.keys.begin(scope, "k1", BODY)), b"old")
    desk.clock.advance(86_400)
    claim = claimed(desk.keys.begin(scope, "k1", b"other"))
    assert claim.stale
    desk.answer(claim, b"new")
    assert desk.keys.begin(scope, "k1", b"other") == Replay(200, b"new")


def test_sweeping_removes_only_what_expired(desk: Desk, scope: Scope) -> None:
    for number in range(5):
        desk.answer(claimed(desk.keys.begin(scope, f"old{number}", BODY)), b"old")
    desk.clock.advance(50_000)
    desk.answer(claimed(desk.keys.begin(scope, "young", BODY)), b"young")
    desk.clock.advance(50_000)
    for left in (3, 1, 1):
        unit = desk.keys.sweep(3)
        assert (unit is None) is (left == 1 and desk.reader.one(COUNT) == (1,))
        if unit is not None:
            desk.writer.submit(unit).result(10)
        assert desk.reader.one(COUNT) == (left,)
    assert desk.keys.begin(scope, "young", BODY) == Replay(200, b"young")


def test_neither_key_nor_body_is_stored(desk: Desk, scope: Scope, database: Path) -> None:
    key = "a-key-that-a-customer-chose"
    desk.answer(claimed(desk.keys.begin(scope, key, BODY)), b"answer")
    octets = b"".join(one.read_bytes() for one in database.parent.glob(database.name + "*"))
    assert b"answer" in octets and key.encode() not in octets and b"order-1001" not in octets


@pytest.mark.parametrize("key", ["", "x" * 256, "new\nline", "naïve", "\x00"])
def test_bad_keys_are_refused(desk: Desk, scope: Scope, key: str) -> None:
    with pytest.raises(InvalidRequest, match="bad_idempotency_key"):
        desk.keys.begin(scope, key, BODY)


def test_keys_in_flight_are_bounded(
    desk: Desk, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_FLIGHT_LIMIT", 1)
    desk.keys.begin(scope, "k1", BODY)
    with pytest.raises(LimitExceeded):
        desk.keys.begin(scope, "k2", BODY)
    with pytest.raises(ValueError, match="answer"):
        desk.keys.complete(UnitOfWork(), Claim(scope, b"", b"", False), 200, bytes(2**20 + 1))
