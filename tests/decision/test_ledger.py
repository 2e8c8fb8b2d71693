"""A failed commit: no answer leaves, all is refused, and the state comes back from the log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from decision_room import Room, opened, snapshot

from paywarden.core.errors import LimitExceeded, PaywardenError, Unavailable
from paywarden.decision import ledger as ledger_module


class Breaking:
    """A participant of every commit that fails on demand."""

    def __init__(self) -> None:
        self.left = 0

    def reset(self, _connection: Any) -> None:
        return None

    def before(self) -> None:
        if self.left:
            self.left -= 1
            raise OSError(28, "no space")

    def committed(self) -> None:
        return None

    def rolled_back(self) -> None:
        return None


def broken(room: Room, times: int = 1) -> None:
    breaking = Breaking()
    breaking.left = times
    writer = room.installation.writer
    writer._participants = (*writer._participants, breaking)


async def recovered(room: Room) -> None:
    for _ in range(2_000):
        if not room.ledger.failed and room.installation.ready:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no recovery")


async def test_a_failed_commit_is_503_and_then_decided_once(room: Room) -> None:
    await room.decide()
    before = snapshot(room)
    payment = room.payment()
    broken(room)
    with pytest.raises(Unavailable, match="recovering"):
        await room.decide(payment)
    assert room.ledger.failed and not room.installation.ready
    with pytest.raises(Unavailable, match="recovering"):
        await room.decide()
    with pytest.raises(Unavailable, match="recovering"):
        await room.send(room.event("login", payer={"id": "x"}))
    await recovered(room)
    assert snapshot(room) == before
    again = await room.decide(payment)
    assert not again.repeated and room.features(again)["card_1h"] == 2
    assert room.features(await room.decide())["card_1h"] == 3
    assert all(one.identical for one in room.replay())


async def test_everything_staged_behind_a_failure_fails_with_it(room: Room) -> None:
    payments = [room.payment() for _ in range(12)]
    broken(room)
    results = await asyncio.gather(*(room.decide(one) for one in payments), return_exceptions=True)
    assert all(isinstance(one, Unavailable) and one.code == "recovering" for one in results)
    await recovered(room)
    made = [await room.decide(one) for one in payments]
    assert [room.features(one)["card_1h"] for one in made] == list(range(1, 13))


async def test_waiters_of_a_lost_payment_are_told(room: Room) -> None:
    payment = room.payment()
    broken(room)
    results = await asyncio.gather(
        *(room.decide(payment) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, Unavailable) for one in results)
    await recovered(room)
    assert not (await room.decide(payment)).repeated


async def test_a_recovery_that_fails_is_tried_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopen, left = room.installation._reopen, [2]

    def flaky() -> None:
        if left[0]:
            left[0] -= 1
            raise Unavailable("storage_failed", "still no space")
        reopen()

    monkeypatch.setattr(room.installation, "_reopen", flaky)
    monkeypatch.setattr("paywarden.entrypoints.installation.FIRST_PAUSE_SECONDS", 0.001)
    broken(room)
    with pytest.raises(Unavailable):
        await room.decide()
    await recovered(room)
    assert left == [0]
    assert room.features(await room.decide())["card_1h"] == 1


async def test_a_full_disk_fails_clearly_and_decides_on_afterwards(room: Room) -> None:
    """The real error of the real store: no page more may be added."""
    held = room.installation.writer._connection
    assert held is not None
    pages = held.execute("PRAGMA page_count").fetchone()[0]
    held.execute(f"PRAGMA max_page_count={pages + 6}")
    acknowledged, lost = [], []
    for _ in range(200):
        payment = room.payment()
        try:
            acknowledged.append((payment, await room.decide(payment)))
        except Unavailable as refusal:
            assert refusal.code == "recovering"
            lost.append(payment)
            break
    assert lost and acknowledged
    await recovered(room)  # a new connection has no limit: space is back
    for payment, first in acknowledged:
        again = await room.decide(payment)
        assert again.repeated and again.entry == first.entry
    last = await room.decide(lost[0])
    assert not last.repeated and room.features(last)["card_1h"] == len(acknowledged) + 1
    assert all(one.identical for one in room.replay())


async def test_a_fault_while_memory_is_ahead_fails_the_ledger(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, before = room.payment(), snapshot(room)

    def fault(*_given: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(room.installation.payments, "_add_rows", fault)
        with pytest.raises((RuntimeError, PaywardenError)):
            await room.decide(payment)
    assert room.ledger.failed
    await recovered(room)
    assert snapshot(room) == before
    assert room.features(await room.decide(payment))["card_1h"] == 1


async def test_a_full_queue_is_said_before_anything_is_counted(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "QUEUE_MARGIN", 0)
    with pytest.raises(LimitExceeded, match="writer_queue_full"):
        await room.decide()
    monkeypatch.undo()
    assert room.features(await room.decide())["card_1h"] == 1


async def test_lists_survive_a_failed_edit(room: Room) -> None:
    from paywarden.risk.lists.model import EditAction, ListKind, NewEntry

    def edit(value: str) -> Any:
        return room.installation.lists.edit(
            room.live, "stolen_cards", ListKind.CARD, EditAction.ADD,
            (NewEntry(value, "reported", None),), "tester",
        )  # fmt: skip

    await edit("kept")
    broken(room)
    with pytest.raises(Unavailable):
        await edit("lost")
    await recovered(room)
    kept = await room.decide(instrument={"kind": "card", "reference": "kept"})
    lost = await room.decide(instrument={"kind": "card", "reference": "lost"})
    assert room.rules(kept) == {"listed-card"} and room.rules(lost) == set()


async def test_bodies_differ_by_key_and_scope(room: Room, home: Path) -> None:
    body = room.payment()
    live, test = (room.ledger.body_digest(scope, body) for scope in (room.live, room.test))
    assert live != test and len(live) == 16
    assert live == room.ledger.body_digest(room.live, body)
    assert live != room.ledger.body_digest(room.live, room.payment(id=body.id, amount_minor=2))


async def test_a_stopped_room_answers_nobody(home: Path) -> None:
    async with opened(home) as room:
        await room.decide()
    with pytest.raises(Unavailable):
        await room.decide()
