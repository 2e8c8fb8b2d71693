"""Riders: small writes that travel with the next unit of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal

OpenLog = Callable[..., tuple[Writer, SqliteJournal, Reader]]
_AUDIT = Insert("audit_log", ("scope", "action", "actor", "outcome", "at_us", "detail"))


def _note(scope: Scope, text: str) -> UnitOfWork:
    unit = UnitOfWork()
    unit.add(_AUDIT, (scope.text, text, "t:t", "done", 1, b"{}"))
    return unit


def _notes(reader: Reader) -> list[str]:
    return [row[0] for row in reader.rows("SELECT action FROM audit_log ORDER BY id")]


async def test_riders_travel_with_the_next_unit(open_log: OpenLog, scope: Scope) -> None:
    writer, _, reader = open_log()
    rider = writer.board(_note(scope, "rides"))
    assert rider.carrier is None
    await writer.commit(_note(scope, "carries"))
    assert rider.carrier is not None and rider.carrier.done()
    await rider.durable()
    assert _notes(reader) == ["rides", "carries"]
    assert writer.batches == 1


async def test_riders_without_a_unit_get_one(open_log: OpenLog, scope: Scope) -> None:
    writer, _, reader = open_log()
    riders = [writer.board(_note(scope, text)) for text in ("a", "b")]
    await riders[1].durable()
    await riders[0].durable()
    assert _notes(reader) == ["a", "b"]
    assert writer.batches == 1


async def test_a_carrier_that_fails_alone_takes_no_rider_down(
    open_log: OpenLog, scope: Scope
) -> None:
    writer, _, reader = open_log()
    rider = writer.board(_note(scope, "rides"))
    broken = UnitOfWork()
    broken.add(_AUDIT, (None,) * 6)
    with pytest.raises(Conflict):
        await writer.commit(broken)
    await rider.durable()
    assert _notes(reader) == ["rides"]


async def test_cancelling_a_rider_leaves_its_carrier_alone(open_log: OpenLog, scope: Scope) -> None:
    writer, _, reader = open_log()
    rider = writer.board(_note(scope, "rides"))
    carried = asyncio.ensure_future(writer.commit(_note(scope, "carries")))
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(rider.durable())
    await asyncio.sleep(0)
    waiting.cancel()
    await carried
    assert _notes(reader) == ["rides", "carries"]


async def test_nobody_boards_a_closed_writer(open_log: OpenLog, scope: Scope) -> None:
    writer, _, _ = open_log()
    writer.close()
    with pytest.raises(Unavailable):
        writer.board(_note(scope, "late"))
