"""Events: they count once, inherit their attempt's keys, and labels move what is known at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from decision_room import DAY, MINUTE, Room, copy_home, opened, snapshot

from paywarden.core.errors import Unavailable
from paywarden.core.outcome import Outcome


async def test_results_inherit_the_keys_of_their_attempt(room: Room) -> None:
    await room.decide(id="p", instrument={"kind": "card", "reference": "card-9"})
    for _ in range(3):
        event = room.event("payment_result", payment_id="p", status="declined", code="05")
        assert (await room.send(event))[0].status == "recorded"
    probe = await room.decide(instrument={"kind": "card", "reference": "card-9"})
    assert room.features(probe)["card_declines_10m"] == 3
    assert room.rules(probe) == {"declines"} and probe.entry.result.answer is Outcome.BLOCK
    assert room.features(await room.decide())["card_declines_10m"] == 0


async def test_an_event_counts_once_and_another_body_is_a_conflict(room: Room) -> None:
    await room.decide(id="p")
    event = room.event("payment_result", payment_id="p", status="declined")
    assert (await room.send(event, event))[0].status == "recorded"
    head = room.ledger.next_seq
    again, other = await room.send(event, msgspec.structs.replace(event, status="captured"))
    assert again.status == "repeated"
    assert (other.status, other.code) == ("refused", "event_conflict")
    assert room.ledger.next_seq == head
    assert room.features(await room.decide())["card_declines_10m"] == 1


async def test_one_request_repeats_itself_only_once(room: Room) -> None:
    await room.decide(id="p")
    event = room.event("payment_result", payment_id="p", status="declined")
    found = await room.send(event, event, event)
    assert [one.status for one in found] == ["recorded", "repeated", "repeated"]
    assert room.features(await room.decide())["card_declines_10m"] == 1


async def test_a_repeat_waits_until_the_first_is_durable(room: Room) -> None:
    """`repeated` is a promise that the event is kept: it must not leave before the commit."""
    await room.decide(id="p")
    writer = room.installation.writer
    commit, gate = writer.commit, asyncio.Event()

    async def held(unit: object) -> None:
        await gate.wait()
        await commit(unit)  # type: ignore[arg-type]

    writer.commit = held  # type: ignore[method-assign,assignment]
    event = room.event("payment_result", payment_id="p", status="declined")
    first = asyncio.create_task(room.send(event))
    await asyncio.sleep(0)
    second = asyncio.create_task(room.send(event))
    for _ in range(5):
        await asyncio.sleep(0.001)
    assert not first.done() and not second.done()
    gate.set()
    assert (await first)[0].status == "recorded" and (await second)[0].status == "repeated"


async def test_a_repeat_of_an_event_that_was_lost_is_not_acknowledged(room: Room) -> None:
    await room.decide(id="p")
    writer = room.installation.writer
    commit, gate = writer.commit, asyncio.Event()

    async def lost(_unit: object) -> None:
        await gate.wait()
        raise Unavailable("storage_failed", "the disk is gone")

    writer.commit = lost  # type: ignore[method-assign,assignment]
    event = room.event("payment_result", payment_id="p", status="declined")
    tasks = [asyncio.create_task(room.send(event)) for _ in range(2)]
    await asyncio.sleep(0.005)
    writer.commit = commit  # type: ignore[method-assign]
    gate.set()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, Unavailable) and outcome.code == "recovering"
    while room.ledger.failed:
        await asyncio.sleep(0.01)
    assert (await room.send(event))[0].status == "recorded"
    assert room.features(await room.decide())["card_declines_10m"] == 1


async def test_events_and_continuations_are_known_after_a_restart(home: Path) -> None:
    async with opened(home) as room:
        first = await room.decide(id="p", amount_minor=500_000)
        event = room.event("payment_result", payment_id="p", status="declined")
        await room.send(event)
        followed = await room.go_on(first, "authenticated")
        before = snapshot(room)
    async with opened(home) as room:
        assert snapshot(room) == before
        assert (await room.send(event))[0].status == "repeated"
        again = await room.installation.payments.find(room.live, first.seq)
        assert again is not None
        repeated = await room.go_on(again, "authenticated")
        assert repeated.repeated and repeated.seq == followed.seq
        assert room.features(await room.decide())["card_declines_10m"] == 1


async def test_a_label_moves_known_fraud_at_once_and_withdrawal_takes_it_back(room: Room) -> None:
    await room.decide(id="p")
    assert room.features(await room.decide())["card_fraud_7d"] == 0
    await room.label("p", "fraud")
    marked = await room.decide()
    assert room.features(marked)["card_fraud_7d"] == 1
    assert room.features(marked)["merchant_fraud_30d"] == 1
    assert room.rules(marked) == {"fraud-card"} and marked.entry.result.answer is Outcome.REVIEW
    await room.label("p", "withdrawn")
    cleared = await room.decide()
    assert room.features(cleared)["card_fraud_7d"] == 0
    assert room.features(cleared)["merchant_fraud_30d"] == 0
    assert cleared.entry.result.answer is Outcome.ALLOW


@pytest.mark.parametrize(
    ("verdicts", "known"),
    [
        (["fraud", "fraud"], 1),
        (["fraud", "genuine"], 0),
        (["genuine", "fraud"], 1),
        (["fraud", "withdrawn", "fraud"], 1),
        (["fraud", "genuine", "withdrawn"], 0),
        (["withdrawn", "fraud", "fraud", "fraud", "withdrawn", "withdrawn"], 0),
        (["withdrawn"], 0),
    ],
)
async def test_one_fraud_counts_once_however_often_it_is_reported(
    room: Room, verdicts: list[str], known: int
) -> None:
    await room.decide(id="p")
    await room.decide(id="q")
    await room.label("q", "fraud")
    for verdict in verdicts:
        room.clock.advance(1)
        assert (await room.label("p", verdict)).status == "recorded"
    assert room.features(await room.decide())["card_fraud_7d"] == known + 1


async def test_reports_after_weeks_count_when_they_come(room: Room) -> None:
    await room.decide(id="p")
    room.clock.advance(40 * DAY / 1e6)
    await room.label("p", "fraud", reason="10.4")
    assert room.features(await room.decide())["card_fraud_7d"] == 1
    room.clock.advance(7 * DAY / 1e6)
    assert room.features(await room.decide())["card_fraud_7d"] == 0


async def test_labels_of_another_attempt_are_their_own(room: Room) -> None:
    await room.decide(id="p")
    await room.decide(id="p", attempt="2", instrument={"kind": "card", "reference": "card-2"})
    await room.label("p", "fraud", attempt="2")
    assert room.features(await room.decide())["card_fraud_7d"] == 0
    other = await room.decide(instrument={"kind": "card", "reference": "card-2"})
    assert room.features(other)["card_fraud_7d"] == 1


async def test_account_events_feed_windows(room: Room) -> None:
    for _ in range(4):
        await room.send(room.event("login", payer={"id": "payer-1"}))
    await room.send(room.event("login", payer={"id": "payer-2"}))
    decided = await room.decide()
    assert room.features(decided)["payer_logins_1h"] == 4 and room.rules(decided) == {"guessed"}


async def test_a_refused_event_stops_nobody_else(room: Room) -> None:
    await room.decide(id="p")
    found = await room.send(
        room.event("payment_result", payment_id="nobody", status="declined"),
        room.event("payment_result", payment_id="p"),
        room.event("label", verdict="fraud"),
        room.event("payment_result", payment_id="p", status="declined"),
    )
    assert [one.code for one in found] == [
        "payment_unknown",
        "field_missing",
        "field_missing",
        None,
    ]
    assert found[0].pointer == "/events/0/payment_id" and found[1].pointer == "/events/1/status"
    assert found[2].pointer == "/events/2/payment_id"
    assert room.features(await room.decide())["card_declines_10m"] == 1


async def test_an_analysts_label_needs_the_permission(room: Room) -> None:
    await room.decide(id="p")
    event = room.event("label", payment_id="p", verdict="fraud", source="analyst")
    assert (await room.send(event, may_label=False))[0].code == "label_not_permitted"
    assert (await room.send(event))[0].status == "recorded"


async def test_late_events_count_at_their_own_time_within_the_bound(room: Room) -> None:
    await room.decide(id="p")
    room.clock.advance(12 * 60)
    near = room.event("payment_result", payment_id="p", status="declined")
    back = msgspec.structs.replace(near, id="back", occurred_at=room.time(-11 * MINUTE))
    await room.send(near, back)
    assert room.features(await room.decide())["card_declines_10m"] == 1
    evaded = msgspec.structs.replace(near, id="evade", occurred_at=room.time(-16 * MINUTE))
    await room.send(evaded)
    assert room.features(await room.decide())["card_declines_10m"] == 2


async def test_continue_counts_nothing_twice(room: Room) -> None:
    first = await room.decide(amount_minor=500_000)
    assert first.entry.result.answer is Outcome.CHALLENGE
    room.clock.advance(30)
    followed = await room.go_on(first, "authenticated")
    assert followed.entry.continues == first.seq and followed.seq != first.seq
    assert followed.entry.result.answer is Outcome.ALLOW
    values, before = room.features(followed), room.features(first)
    assert values == before  # card_before_1h leaves the payment itself out, both times
    assert values["card_1h"] == 1 and values["card_before_1h"] == 0
    after = await room.decide()
    assert room.features(after)["card_1h"] == 2 and room.features(after)["card_sum_1d"] == 501_000


async def test_continue_sees_what_came_meanwhile(room: Room) -> None:
    first = await room.decide(id="p", amount_minor=500_000)
    await room.decide()
    for _ in range(3):
        event = room.event("payment_result", payment_id="p", status="declined")
        await room.send(event)
    followed = await room.go_on(first, "authenticated")
    values = room.features(followed)
    assert values["card_1h"] == 2 and values["card_before_1h"] == 1
    assert values["card_declines_10m"] == 3
    assert followed.entry.result.answer is Outcome.BLOCK


@pytest.mark.parametrize("result", ["failed", "abandoned"])
async def test_a_failed_challenge_is_not_allowed(room: Room, result: str) -> None:
    first = await room.decide(amount_minor=500_000)
    assert (await room.go_on(first, result)).entry.result.answer >= Outcome.REVIEW


async def test_continue_at_once_is_one_decision(room: Room) -> None:
    first = await room.decide(amount_minor=500_000)
    made = await asyncio.gather(*(room.go_on(first, "authenticated") for _ in range(5)))
    assert len({one.seq for one in made}) == 1
    assert [one.repeated for one in made] == [False, True, True, True, True]


async def test_a_copy_of_the_home_lives_on_alone(home: Path, tmp_path: Path) -> None:
    """A cold copy is a backup: it decides like the original."""
    async with opened(home) as room:
        payment = room.payment()
        first = await room.decide(payment)
        before = snapshot(room)
    async with opened(copy_home(home, tmp_path / "copy")) as room:
        assert snapshot(room) == before
        again = await room.decide(payment)
        assert again.repeated and again.entry == first.entry
