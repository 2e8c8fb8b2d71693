"""What a server tidies: expired answers go in small units, and a round is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Unavailable
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints import housekeeping
from paywarden.entrypoints.housekeeping import Round, forget_answers, go_round
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.idempotency import Claim, Idempotency

COUNT = "SELECT count(*) FROM idempotency"


async def test_expired_answers_go_and_others_stay(
    open_log: Callable[..., Any], scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, _, reader = open_log()
    clock = FixedClock(1_000)
    keys = Idempotency(reader, KeyedDigest(Secret(b"k" * 32)), clock)

    async def answered(name: str) -> None:
        claim = keys.begin(scope, name, b"{}")
        assert isinstance(claim, Claim)
        unit = UnitOfWork()
        keys.complete(unit, claim, 200, b"answer")
        await writer.commit(unit)
        keys.release(claim)

    for number in range(7):
        await answered(f"old {number}")
    clock.advance(DAY_US // 1_000_000)
    await answered("young")
    monkeypatch.setattr(housekeeping, "SWEPT_AT_ONCE", 3)
    monkeypatch.setattr(housekeeping, "SWEEPS_LIMIT", 2)
    assert await forget_answers(keys, writer) == 2
    assert reader.one(COUNT) == (2,), "a round is bounded"
    assert await forget_answers(keys, writer) == 1
    assert reader.one(COUNT) == (1,)
    assert await forget_answers(keys, writer) == 0, "nothing is written when nothing expired"


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Unavailable("database_full", "x"), "database_full"), (ValueError("4111"), "ValueError")],
)
async def test_a_round_that_fails_is_told_and_tried_again(fault: Exception, code: str) -> None:
    done = asyncio.Event()
    turns: list[int] = []

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise fault
        done.set()

    with capture_logs() as told:
        life = asyncio.create_task(go_round(Round("drift", 0.0, work), lambda: True))
        await asyncio.wait_for(done.wait(), 5)
        life.cancel()
    assert told == [{"event": "round_failed", "log_level": "error", "stage": "drift", "code": code}]


async def test_no_round_while_the_state_is_rebuilt() -> None:
    turns: list[int] = []

    async def work() -> None:
        turns.append(1)

    life = asyncio.create_task(go_round(Round("drift", 0.0, work), lambda: False))
    for _ in range(20):
        await asyncio.sleep(0)
    life.cancel()
    assert not turns
