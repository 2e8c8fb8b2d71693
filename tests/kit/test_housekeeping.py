"""What a server tidies: expired answers go in small units, and a round is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints import housekeeping
from paywarden.entrypoints.housekeeping import forget_answers
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
