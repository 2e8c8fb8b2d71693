"""One payment: identity, repeats, concurrency, the clock, and what windows say of it."""

from __future__ import annotations

import asyncio

import pytest
from decision_room import DAY, HOUR, MINUTE, SECOND, Room

from paywarden.core.errors import Conflict
from paywarden.core.outcome import Outcome


async def test_a_plain_payment_is_allowed_and_counts_itself(room: Room) -> None:
    decided = await room.decide()
    assert decided.entry.result.answer is Outcome.ALLOW
    values = room.features(decided)
    assert values["card_1h"] == 1 and values["card_before_1h"] == 0
    assert values["card_sum_1d"] == 1_000 and values["card_fraud_7d"] == 0


async def test_the_same_body_again_gives_the_record_and_counts_nothing(room: Room) -> None:
    payment = room.payment()
    first = await room.decide(payment)
    head = room.ledger.next_seq
    again = await room.decide(payment)
    assert again.repeated and not first.repeated
    assert (again.seq, again.entry) == (first.seq, first.entry)
    assert room.ledger.next_seq == head
    assert room.features(await room.decide())["card_1h"] == 2


async def test_another_body_for_the_same_attempt_is_a_conflict(room: Room) -> None:
    await room.decide(id="one")
    with pytest.raises(Conflict, match="attempt_conflict"):
        await room.decide(id="one", amount_minor=1_001)
    second = await room.decide(id="one", attempt="2", amount_minor=1_001)
    assert room.features(second)["card_1h"] == 2


async def test_id_and_attempt_do_not_run_into_each_other(room: Room) -> None:
    pairs = [("a", "1:b"), ("a:1", "b"), ("a:1:b", "1"), ("1:a", "1"), ("a", "1")]
    made = [await room.decide(id=name, attempt=attempt) for name, attempt in pairs]
    assert len({one.seq for one in made}) == len(pairs)


async def test_two_at_once_with_one_identity_are_one_decision(room: Room) -> None:
    payment = room.payment()
    both = await asyncio.gather(*(room.decide(payment) for _ in range(8)))
    assert len({one.seq for one in both}) == 1
    assert [one.repeated for one in both] == [False] + [True] * 7
    assert room.features(await room.decide())["card_1h"] == 2


async def test_a_repeat_waits_until_the_first_is_durable(room: Room) -> None:
    """Otherwise an answer would leave that a crash could take back."""
    payment = room.payment()
    writer = room.installation.writer
    commit, gate = writer.commit, asyncio.Event()

    async def held(unit: object) -> None:
        await gate.wait()
        await commit(unit)  # type: ignore[arg-type]

    writer.commit = held  # type: ignore[method-assign,assignment]
    first = asyncio.create_task(room.decide(payment))
    await asyncio.sleep(0)
    second = asyncio.create_task(room.decide(payment))
    for _ in range(5):
        await asyncio.sleep(0.001)
    assert not first.done() and not second.done()
    gate.set()
    assert (await second).repeated and (await first).seq == (await second).seq


async def test_another_body_at_once_is_a_conflict_for_one_of_them(room: Room) -> None:
    results = await asyncio.gather(
        room.decide(id="x", amount_minor=1), room.decide(id="x", amount_minor=2),
        return_exceptions=True,
    )  # fmt: skip
    assert sum(isinstance(one, Conflict) for one in results) == 1


async def test_payments_at_once_see_each_other_in_order(room: Room) -> None:
    """The second card test of a burst sees the first, although neither is durable yet."""
    made = await asyncio.gather(*(room.decide() for _ in range(20)))
    assert [room.features(one)["card_1h"] for one in made] == list(range(1, 21))
    assert [one.seq for one in made] == sorted(one.seq for one in made)


async def test_the_window_is_open_at_its_start_and_closed_at_now(room: Room) -> None:
    first = await room.decide(merchant={"id": "m_2"})
    start = first.entry.observation.s_us
    room.clock.advance(3_599.999_999)
    inside = await room.decide(merchant={"id": "m_3"})
    assert inside.entry.observation.t_us == start + HOUR - 1
    assert room.features(inside)["card_1h"] == 2
    room.clock.advance(0.000_001)
    outside = await room.decide(merchant={"id": "m_4"})
    assert outside.entry.observation.t_us == start + HOUR
    assert room.features(outside)["card_1h"] == 2  # itself and the second
    assert room.features(outside)["merchants_per_card_1d"] == 3


async def test_what_occurred_early_is_held_at_five_seconds_ahead(room: Room) -> None:
    decided = await room.decide(occurred_at=room.time(DAY))
    seen = decided.entry.observation
    assert seen.s_us == seen.t_us == room.clock.now_us() + 5 * SECOND
    assert not decided.entry.late


async def test_what_occurred_a_little_late_counts_at_its_own_time(room: Room) -> None:
    await room.decide()
    late = await room.decide(occurred_at=room.time(-14 * MINUTE))
    seen = late.entry.observation
    assert seen.t_us == room.clock.now_us() and seen.s_us == room.clock.now_us() - 14 * MINUTE
    assert not late.entry.late
    assert room.features(late)["card_1h"] == 2
    room.clock.advance(46 * 60)
    assert room.features(await room.decide())["card_1h"] == 2  # the late one has left by now


async def test_back_dating_evades_nothing(room: Room) -> None:
    late = await room.decide(occurred_at=room.time(-16 * MINUTE))
    seen = late.entry.observation
    assert seen.s_us == seen.t_us == room.clock.now_us()
    assert late.entry.late is True
    assert room.features(await room.decide(occurred_at=room.time(-400 * DAY)))["card_1h"] == 2


async def test_a_clock_that_steps_back_moves_no_window_back(room: Room) -> None:
    first = await room.decide()
    room.clock.advance(-3_600)
    second = await room.decide()
    assert second.entry.observation.t_us == first.entry.observation.t_us
    assert second.entry.observation.s_us == first.entry.observation.t_us
    assert second.entry.late is True
    assert room.features(second)["card_1h"] == 2
    room.clock.advance(3_601)
    third = await room.decide()
    assert third.entry.observation.t_us == first.entry.observation.t_us + SECOND
    assert room.features(third)["card_1h"] == 3
    assert all(one.identical for one in room.replay())


async def test_time_never_goes_back_in_any_order_of_arrival(room: Room) -> None:
    shifts = [0, 4, -800, 3, -20, 5, -900, 1_000, -1]
    made = [await room.decide(occurred_at=room.time(shift * SECOND)) for shift in shifts]
    times = [one.entry.observation.t_us for one in made]
    assert times == sorted(times)
    assert all(one.entry.observation.s_us <= one.entry.observation.t_us for one in made)
    assert room.features(made[-1])["card_1h"] == len(shifts)


async def test_rules_fire_on_what_came_before(room: Room) -> None:
    for _ in range(6):
        assert (await room.decide()).entry.result.answer is Outcome.ALLOW
    seventh = await room.decide()
    assert room.rules(seventh) == {"often"}
    assert seventh.entry.result.answer is Outcome.CHALLENGE
    assert seventh.entry.result.required_action == "challenge"


async def test_a_merchants_own_payment_is_never_challenged(room: Room) -> None:
    decided = await room.decide(amount_minor=500_000, initiator="merchant")
    assert room.rules(decided) == {"large"}
    assert decided.entry.result.answer is Outcome.REVIEW


async def test_scopes_share_nothing(room: Room) -> None:
    payment = room.payment()
    for number in (1, 2, 3):
        await room.decide(scope=room.test)
        assert number
    live = await room.decide(payment)
    test = await room.decide(payment, room.test)
    assert live.seq != test.seq
    assert room.features(live)["card_1h"] == 1 and room.features(test)["card_1h"] == 4
    assert await room.installation.payments.find(room.live, test.seq) is None
    assert await room.installation.payments.find(room.test, live.seq) is None


async def test_a_cancelled_caller_loses_nothing(room: Room) -> None:
    """A task that is cancelled while its payment commits: it is decided once, never half."""
    payment = room.payment()
    task = asyncio.create_task(room.decide(payment))
    await asyncio.sleep(0)
    task.cancel()
    results = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(results[0], BaseException)
    while not room.installation.ready or room.ledger.failed:
        await asyncio.sleep(0.01)
    again = await room.decide(payment)
    assert room.features(again)["card_1h"] == 1
    assert room.features(await room.decide())["card_1h"] == 2
    assert all(one.identical for one in room.replay())
