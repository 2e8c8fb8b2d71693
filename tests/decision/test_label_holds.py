"""A flood of labels waits for a second person, and is released or refused as one act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from decision_room import DAY, HOUR, Room, opened, snapshot

from paywarden.core.errors import Conflict, NotFound, NotPermitted
from paywarden.decision import label_holding
from paywarden.decision.approved_payloads import LabelDecision, label_decision
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.label_holds import Hold
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Labels
from paywarden.identity.approvals.catalogue import LABEL_FLOOD
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.service import Done
from paywarden.risk.labels.rate import DAY_US, HOUR_US, LabelPeaks

OPERATOR = Maker("key:operator", frozenset({"operator"}))
FLOOR = 5


def limited(home: Path) -> Any:
    return msgspec.structs.replace(Home(home).settings({}), labels=Labels(hourly_floor=FLOOR))


@pytest.fixture
async def flooded(home: Path) -> AsyncIterator[Room]:
    """Ten labels of one sender in a room where five an hour are usual."""
    async with opened(home, settings=limited(home)) as room:
        for number in range(10):
            await room.decide(id=f"p{number}", instrument=card(number))
        found = [await room.label(f"p{number}", "fraud") for number in range(10)]
        assert [one.status for one in found] == ["recorded"] * FLOOR + ["held"] * 5
        yield room


def card(number: int) -> dict[str, str]:
    return {"kind": "card", "reference": f"card-{number}"}


def holds(room: Room) -> list[Hold]:
    return list(room.state().holds)


async def known(room: Room, number: int) -> int:
    made = await room.decide(instrument=card(number))
    found: int = room.features(made)["card_fraud_7d"]
    return found


async def decide(room: Room, verdict: Any, **changed: Any) -> int:
    hold = holds(room)[-1]
    await room.installation.holding.close(room.live, hold.seq, "key:operator")
    wanted = LabelDecision(hold.seq, hold.count, hold.source, verdict)
    wanted = msgspec.structs.replace(wanted, **changed)
    done = await room.installation.approvals.perform(
        room.live, LABEL_FLOOD, label_decision(wanted), OPERATOR, "looked at"
    )
    assert isinstance(done, Done)
    return int(done.result)


def told(room: Room) -> list[dict[str, Any]]:
    rows = room.installation.reader.rows("SELECT topic, body FROM outbox ORDER BY id", ())
    return [msgspec.json.decode(body) for topic, body in rows if topic == "labels.held"]


async def test_a_held_label_moves_nothing_until_it_is_released(flooded: Room) -> None:
    hold = holds(flooded)[0]
    assert (hold.state, hold.count, hold.source) == ("waiting", 5, "chargeback")
    assert [await known(flooded, number) for number in (4, 5, 9)] == [1, 0, 0]
    seq = await decide(flooded, "release")
    assert holds(flooded)[0].state == "released"
    assert [await known(flooded, number) for number in (4, 5, 9)] == [1, 1, 1]
    assert all(one.identical for one in flooded.replay())
    audit = [event for _, event in flooded.installation.audit.read(flooded.live, 0, 1_000)]
    moved = [event for event in audit if event.action.startswith("label:flood:")]
    assert [event.action for event in moved] == ["label:flood:hold", "label:flood:release"]
    assert moved[1].detail["labels"] == 5 and moved[0].actor == "key:test"
    assert flooded.ledger.read(flooded.live, seq).act == "release"
    assert [(one["state"], one["labels"]) for one in told(flooded)] == [
        ("waiting", 0), ("releasing", 5)]  # fmt: skip
    text = flooded.installation.metrics.text().decode()
    assert 'paywarden_label_floods_total{environment="live",source="chargeback"} 1.0' in text


async def test_refused_labels_never_count_and_say_so_when_sent_again(flooded: Room) -> None:
    event = flooded.event("label", id="ev-1", payment_id="p1", verdict="fraud", source="chargeback")
    held = (await flooded.send(event))[0]
    assert held.status == "held"
    assert (await flooded.send(event))[0].status == "held"
    assert holds(flooded)[0].count == 6
    await decide(flooded, "refuse")
    again = (await flooded.send(event))[0]
    assert (again.status, again.code) == ("refused", "label_refused")
    other = msgspec.structs.replace(event, verdict="genuine")
    assert (await flooded.send(other))[0].code == "event_conflict"
    assert await known(flooded, 9) == 0
    with pytest.raises(Conflict, match="already"):
        await decide(flooded, "release")


async def test_a_released_label_is_a_repeat_when_sent_again(flooded: Room) -> None:
    event = flooded.event("label", id="ev-1", payment_id="p1", verdict="fraud", source="chargeback")
    await flooded.send(event)
    await decide(flooded, "release")
    assert (await flooded.send(event))[0].status == "repeated"


async def test_what_is_asked_about_takes_in_no_more(flooded: Room) -> None:
    first = holds(flooded)[0]
    await flooded.installation.holding.close(flooded.live, first.seq, "key:operator")
    assert (await flooded.label("p0", "withdrawn")).status == "held"
    assert [one.count for one in holds(flooded)] == [5, 1]
    with pytest.raises(Conflict) as refused:
        await decide(flooded, "release", labels=7)
    assert refused.value.code == "label_hold_moved"
    with pytest.raises(NotFound):
        await decide(flooded, "release", hold=1)


async def test_nobody_decides_without_what_was_approved(flooded: Room) -> None:
    hold = holds(flooded)[0]
    holding = flooded.installation.holding
    caught: list[Any] = []

    async def other(approved: Any, _payload: bytes) -> int:
        wanted = LabelDecision(hold.seq, hold.count, hold.source, "refuse")
        with pytest.raises(NotPermitted):
            await holding.decide(flooded.live, wanted, approved)
        caught.append(approved)
        raise Conflict("stopped", "")

    approvals = flooded.installation.approvals
    approvals._executors._by_action[LABEL_FLOOD] = other
    with pytest.raises(Conflict):
        await decide(flooded, "release")
    assert caught and holds(flooded)[0].verdict == ""


async def test_holds_survive_a_restart_and_an_interrupted_release_goes_on(
    flooded: Room, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_holding, "STEP", 2)
    step, steps = LabelHolding._step, 0

    async def twice(self: LabelHolding, scope: Any, hold: Hold) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise asyncio.CancelledError
        await step(self, scope, hold)

    with monkeypatch.context() as patched:
        patched.setattr(LabelHolding, "_step", twice)
        with pytest.raises(asyncio.CancelledError):
            await decide(flooded, "release")
    before = [(one.seq, one.state, one.count, one.done, one.labels) for one in holds(flooded)]
    assert before[0][1:4] == ("releasing", 5, 2)
    lived, now = snapshot(flooded), flooded.clock.now_us()
    await flooded.installation.stop()
    async with opened(home, settings=limited(home), now_us=now) as room:
        assert snapshot(room) == lived
        assert [(o.seq, o.state, o.count, o.done, o.labels) for o in holds(room)] == before
        await room.installation.holding.resume()
        assert holds(room)[0].state == "released"
        assert [await known(room, number) for number in (5, 7, 9)] == [1, 1, 1]
        assert all(one.identical for one in room.replay())


async def test_a_file_a_day_is_usual_even_after_a_restart(home: Path) -> None:
    limits = limited(home)
    async with opened(home, settings=limits) as room:
        for number in range(20):
            await room.decide(id=f"p{number}", instrument=card(number))
        for day in range(3):
            room.clock.advance(DAY / 1e6)
            for number in range(FLOOR):
                await room.label(f"p{number + 5 * day}", "fraud")
        peaks, now = room.state().label_peaks.image(), room.clock.now_us()
        assert room.state().label_peaks.usual("chargeback", now + DAY_US) == FLOOR
    async with opened(home, settings=limits, now_us=now) as room:
        assert room.state().label_peaks.image() == peaks
        room.clock.advance(DAY / 1e6)
        # Three times the floor is below ten times what is usual, but is most of all payments.
        state = room.state()
        watch, sender = room.installation.label_watch, sender_of(room)
        usual = state.label_peaks.usual("chargeback", room.clock.now_us())
        for _ in range(FLOOR):
            watch._rates.note(sender, room.clock.now_us(), 10**6, usual)
        assert not watch.holds(sender, room.clock.now_us(), 10**6, usual)
        assert watch.holds(sender, room.clock.now_us(), 10, usual)


def sender_of(room: Room) -> Any:
    from paywarden.decision.label_watch import Sender

    return Sender(room.live, "chargeback", "key:test")


async def test_test_environments_hear_an_alarm_and_hold_nothing(home: Path) -> None:
    async with opened(home, settings=limited(home)) as room:
        for number in range(8):
            await room.decide(id=f"p{number}", scope=room.test)
        event = [room.event("label", payment_id=f"p{number}", verdict="fraud", source="chargeback")
                 for number in range(8)]  # fmt: skip
        found = await room.send(*event, scope=room.test)
        assert {one.status for one in found} == {"recorded"}


def test_peaks_are_of_days_before_and_robust() -> None:
    peaks, start = LabelPeaks(), 20_000 * DAY_US
    for day, count in enumerate([10, 12, 900, 11, 9]):
        peaks._count("issuer_notice", (start + day * DAY_US) // HOUR_US, count)
        peaks._count("issuer_notice", (start + day * DAY_US + HOUR) // HOUR_US, 1)
    assert peaks.usual("issuer_notice", start + 5 * DAY_US) == 11
    assert peaks.usual("issuer_notice", start) == 0
    assert peaks.usual("customer", start + 5 * DAY_US) == 0
    assert LabelPeaks(peaks.image()).image() == peaks.image()
