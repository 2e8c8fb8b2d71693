"""Drift of live decisions: a field is no longer sent, and operators are told of it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from decision_room import Room, opened

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from test_model_serving import serve

from model_kit import INPUTS, place_model
from paywarden.core.errors import NotPermitted, Unavailable
from paywarden.decision.drift.desk import view_of
from paywarden.decision.drift.http import DriftOperations, drift_view
from paywarden.decision.webhook_types import DRIFT_ALARM
from paywarden.kit.http.authenticator import Principal
from paywarden.risk.drift.alarms import Alarm, Change, Key

MERCHANTS = ("m_1", "m_2", "m_3")
DEVICE = {"id": "dev-1", "ip": "192.0.2.7"}


async def minute(room: Room, broken: str = "", count: int = 4) -> None:
    """A minute of traffic: some payments of each merchant, then a round of judging."""
    for number in range(count):
        for name in MERCHANTS:
            device = {"ip": "192.0.2.7"} if name == broken else DEVICE
            await room.decide(merchant={"id": name}, device=device,
                              payer={"id": f"p-{number}", "country": "DE"})  # fmt: skip
    room.clock.advance(60)
    await room.installation.drift.look()


def told(room: Room) -> list[dict[str, Any]]:
    rows = room.installation.reader.rows(
        "SELECT body FROM outbox WHERE topic = ?", (DRIFT_ALARM,), limit=100
    )
    return [msgspec.json.decode(row[0]) for row in rows]


def audited(room: Room) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    after = 0
    while page := room.installation.audit.read(None, after, 1_000):
        after = page[-1][0]
        found += [(event.action, event.detail["where"]) for _id, event in page
                  if event.action.startswith("drift:")]  # fmt: skip
    return found


async def test_a_broken_integration_is_told_within_fifteen_minutes(room: Room) -> None:
    for _ in range(45):
        await minute(room)
    assert told(room) == []
    counts = []
    for _ in range(20):
        await minute(room, broken="m_2")
        counts.append(len(told(room)))
    assert counts[14] == 1  # within 15 minutes
    assert counts[-1] == 1
    (alarm,) = told(room)
    assert (alarm["kind"], alarm["what"], alarm["where"]) == ("missing", "device.id", "m_2")
    assert alarm["from"] < 0.01 < 0.1 < alarm["to"]
    assert audited(room) == [("drift:alarm:raise", "m_2")]
    shown = drift_view(room.installation.drift.watch.of(room.live))
    assert [one.alarm.where for one in shown.alarms] == ["m_2"]
    assert shown.merchants == 3
    assert shown.segments[0].payments == 15 * 12
    text = room.installation.metrics.text().decode()
    assert 'paywarden_drift_alarms_total{environment="live",kind="missing"} 1.0' in text
    assert 'paywarden_drift_alarms_standing{environment="live",kind="missing"} 1.0' in text
    assert "m_2" not in text
    for _ in range(16):
        await minute(room)
    assert audited(room) == [("drift:alarm:raise", "m_2"), ("drift:alarm:clear", "m_2")]
    assert len(told(room)) == 1


async def test_scopes_are_apart_and_a_restart_loses_counts_only(home: Path) -> None:
    async with opened(home) as room:
        made = await room.decide()
        await room.decide(scope=room.test)
        await minute(room, count=1)
        await minute(room, count=1)
        watch = room.installation.drift.watch
        assert drift_view(watch.of(room.live)).segments[0].payments == 7
        assert drift_view(watch.of(room.test)).segments[0].payments == 1
    async with opened(home) as room:
        await room.installation.drift.look()
        fresh = drift_view(room.installation.drift.watch.of(room.live))
        assert (fresh.merchants, fresh.segments[0].payments) == (0, 0)
        assert await room.installation.payments.find(room.live, made.seq) is not None
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_a_repeat_and_a_continuation_count_nothing(room: Room) -> None:
    payment = room.payment(amount_minor=600_000)
    first = await room.decide(payment)
    assert (await room.decide(payment)).repeated
    await room.go_on(first, "authenticated")
    await room.installation.drift.look()
    room.clock.advance(60)
    await room.installation.drift.look()
    shown = drift_view(room.installation.drift.watch.of(room.live))
    assert shown.segments[0].payments == 1


async def test_a_fault_of_counting_never_fails_a_payment(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = room.installation.drift.watch.of(room.live)

    def broken(*_given: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(watch.slices, "seen", broken)
    assert (await room.decide()).seq > 0
    assert drift_view(watch).not_counted == 1


async def test_what_a_model_sees_live_is_sampled_and_replay_adds_nothing(home: Path) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await serve(room, name)
        for number in range(30):
            await room.decide(amount_minor=100 * number)
        room.replay()
        watch = room.installation.drift.watch.of(room.live)
        ((model, hour, day),) = watch.samples()
        assert model.name == name
        assert model.inputs == tuple(one.name for one in INPUTS)
        assert hour.shape == day.shape == (30, len(INPUTS) + 1)
        assert hour[:, 0].tolist() == [100.0 * number for number in range(30)]
        await room.installation.drift.look()
        assert drift_view(watch).models[0].model == name


async def test_an_identifier_like_a_card_number_is_withheld(room: Room) -> None:
    alarm = Alarm(Key("missing", "device.id", "4111111111111111"), Change(0, 1), 1)
    assert view_of(alarm).where == "withheld"
    room.installation.drift.watch.of(room.live).book.untold.append(alarm)
    await room.installation.drift.look()
    assert audited(room) == [("drift:alarm:raise", "withheld")]


async def test_what_was_not_told_waits_for_the_next_round(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = room.installation.drift.watch.of(room.live).book
    book.untold.append(Alarm(Key("missing", "device.id", "m_1"), Change(0, 1), 1))

    async def failing(_unit: Any) -> None:
        raise Unavailable("writer_failed", "the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(room.installation.writer, "commit", failing)
        with pytest.raises(Unavailable):
            await room.installation.drift.look()
    assert len(book.untold) == 1
    await room.installation.drift.look()
    assert not book.untold
    assert len(told(room)) == 1


async def test_a_merchants_key_sees_nothing_of_others(room: Room) -> None:
    operations = DriftOperations(room.installation.drift.watch)
    (operation,) = operations.operations()
    assert operation.permission == "rulesets:read"
    permissions = frozenset({"rulesets:read"})
    call: Any = SimpleNamespace(asker=Principal("key_a", room.live, permissions, merchant="m_1"))
    with pytest.raises(NotPermitted):
        await operations.read(call)
    call.asker = Principal("key_b", room.live, permissions)
    assert (await operations.read(call)).payload.alarms == []
