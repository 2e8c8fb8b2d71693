"""A candidate beside the live ruleset: who is answered by it, and that the log says it all."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from decision_room import POLICY, WIDER, Room, opened, packed, runtime_of, snapshot
from test_replay import drawn

from paywarden.core.errors import Conflict
from paywarden.core.outcome import Outcome
from paywarden.decision.decider import Decider
from paywarden.decision.entries import TrialEntry
from paywarden.decision.trial import place_of
from paywarden.decision.trial_desk import TrialDesk
from paywarden.decision.trial_tally import EVERYBODY_PPM, WIDTH
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.observation import VALUE_COUNT, Observation

STRICTER = {
    **POLICY,
    "rules/all.yaml": POLICY["rules/all.yaml"].replace(
        b"payment.amount_minor >= 500000\n  then: {points: 45",
        b"payment.amount_minor >= 90000\n  then: {outcome: block, points: 45",
    ),
}
assert STRICTER["rules/all.yaml"] != POLICY["rules/all.yaml"]


def nothing(_unit: UnitOfWork) -> None:
    return None


async def stored(room: Room, files: dict[str, bytes]) -> str:
    room.installation.policies.keep(runtime_of(files))
    row, _fresh = await room.installation.policies.create(room.live, packed(files), "tester")
    return row.hash


def desk(room: Room) -> TrialDesk:
    return TrialDesk(room.installation.policies, room.ledger)


async def begin(room: Room, files: dict[str, bytes], share_ppm: int) -> str:
    name = await stored(room, files)
    await desk(room).begin(room.live, TrialEntry(name, share_ppm, "salt-1", "tester"), nothing)
    return name


def seen(payer: int, identity: int = 7) -> Observation:
    keys = [0] * len(KEY_KINDS)
    keys[KEY_KINDS.index("payer")] = payer
    return Observation(1, 0, 0, tuple(keys), (None,) * VALUE_COUNT, identity)


def test_shares_are_even_only_grow_and_differ_between_salts() -> None:
    places = [place_of("a", seen(number)) for number in range(1, 20_001)]
    for share in (10_000, 100_000, 500_000):
        held = sum(place < share for place in places) / len(places)
        assert abs(held - share / EVERYBODY_PPM) < 0.01
    other = [place_of("b", seen(number)) for number in range(1, 20_001)]
    both = sum(x < 100_000 and y < 100_000 for x, y in zip(places, other, strict=True))
    assert abs(both / len(places) - 0.01) < 0.005
    assert place_of("a", seen(0, 5)) != place_of("a", seen(0, 6))
    assert place_of("a", seen(3, 5)) == place_of("a", seen(3, 6))  # the payer, not the attempt


async def test_a_shadow_changes_no_answer_and_records_its_opinion(room: Room) -> None:
    live = room.state().ruleset
    name = await begin(room, STRICTER, 0)
    made = await room.decide(amount_minor=100_000)
    assert made.entry.ruleset == live
    assert made.entry.result.answer is Outcome.ALLOW
    assert made.entry.other is not None
    assert made.entry.other.ruleset == name
    assert Outcome(made.entry.other.outcome) is Outcome.BLOCK
    trial = room.state().trial
    assert trial is not None
    assert trial.tally.pairs[int(Outcome.ALLOW) * WIDTH + int(Outcome.BLOCK)] == 1
    assert trial.tally.changed() == 1
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_everybody_is_answered_by_the_candidate_at_a_full_share(room: Room) -> None:
    name = await begin(room, STRICTER, EVERYBODY_PPM)
    made = await room.decide(amount_minor=100_000)
    assert made.entry.ruleset == name
    assert made.entry.result.answer is Outcome.BLOCK
    assert made.entry.other is not None
    assert Outcome(made.entry.other.outcome) is Outcome.ALLOW


async def test_one_payer_meets_one_ruleset_and_growing_only_adds(room: Room) -> None:
    name = await begin(room, STRICTER, 300_000)

    async def arms() -> dict[int, bool]:
        made = {}
        for number in range(60):
            payer = {"id": f"payer-{number}"}
            once, again = [await room.decide(payer=payer) for _ in range(2)]
            assert once.entry.ruleset == again.entry.ruleset
            made[number] = once.entry.ruleset == name
        return made

    before = await arms()
    assert 5 < sum(before.values()) < 35
    await desk(room).move(room.live, 700_000, "tester", nothing)
    after = await arms()
    assert all(after[number] for number, held in before.items() if held)
    assert sum(after.values()) > sum(before.values())


@pytest.mark.parametrize("files", [STRICTER, WIDER], ids=["same windows", "other windows"])
async def test_replay_and_restart_find_the_same_arms(home: Path, files: dict[str, bytes]) -> None:
    chance = random.Random(5)
    async with opened(home, files=files) as room:
        for number in range(60):
            await room.decide(drawn(room, chance, number))
        await begin(room, files, 400_000)
        for number in range(60, 200):
            made = await room.decide(drawn(room, chance, number))
            if number % 9 == 0:
                await room.label(made.entry.payment_id, "fraud")
            if number == 130:
                await desk(room).move(room.live, 800_000, "tester", nothing)
        assert [one.differences for one in room.replay() if not one.identical] == []
        before = snapshot(room)
        trial = room.state().trial
        assert trial is not None
        entry = trial.entry
    async with opened(home, files=files) as room:
        assert snapshot(room) == before
        again = room.state().trial
        assert again is not None
        assert again.entry == entry
        rulesets = set()
        for number in range(200, 260):
            rulesets.add((await room.decide(drawn(room, chance, number))).entry.ruleset)
        assert len(rulesets) == 2
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_a_promoted_candidate_keeps_its_windows(room: Room) -> None:
    chance = random.Random(6)
    room.installation.policies.keep(runtime_of(WIDER))
    for number in range(80):
        await room.decide(drawn(room, chance, number))
    name = await begin(room, dict(WIDER), 500_000)
    await asyncio.gather(*(room.decide(drawn(room, chance, n)) for n in range(80, 120)))
    await desk(room).promote(room.live, "tester", nothing)
    state = room.state()
    assert state.ruleset == name
    assert state.trial is None
    made = await room.decide(drawn(room, chance, 121))
    assert made.entry.ruleset == name
    assert made.entry.other is None
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_ending_a_trial_leaves_the_live_ruleset_alone(room: Room) -> None:
    live = room.state().ruleset
    await begin(room, STRICTER, EVERYBODY_PPM)
    await desk(room).end(room.live, "tester", nothing)
    made = await room.decide(amount_minor=100_000)
    assert made.entry.ruleset == live
    assert made.entry.other is None
    with pytest.raises(Conflict, match="no candidate"):
        await desk(room).end(room.live, "tester", nothing)


async def test_publishing_ends_a_trial(room: Room) -> None:
    await begin(room, STRICTER, 0)
    await room.publish(WIDER)
    assert room.state().trial is None
    await room.decide()
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_what_may_not_be_tried(room: Room) -> None:
    live = room.state().ruleset
    assert live is not None
    with pytest.raises(Conflict) as refused:
        await desk(room).begin(room.live, TrialEntry(live, 0, "s", "t"), nothing)
    assert refused.value.code == "trial_of_live"
    await begin(room, STRICTER, 0)
    with pytest.raises(Conflict) as refused:
        await begin(room, dict(WIDER), 0)
    assert refused.value.code == "trial_standing"
    dollars = {
        **STRICTER,
        "policy.yaml": POLICY["policy.yaml"].replace(b"base_currency: EUR", b"base_currency: USD"),
    }
    await desk(room).end(room.live, "tester", nothing)
    with pytest.raises(Conflict) as refused:
        await begin(room, dollars, 0)
    assert refused.value.code == "trial_base_currency"


async def test_labels_are_counted_once_and_taken_back(room: Room) -> None:
    await begin(room, STRICTER, 0)
    made = await room.decide(amount_minor=100_000)
    trial = room.state().trial
    assert trial is not None
    cell = int(Outcome.ALLOW) * WIDTH + int(Outcome.BLOCK)
    await room.label(made.entry.payment_id, "fraud")
    assert trial.tally.fraud[cell] == 1
    await room.label(made.entry.payment_id, "genuine")
    assert (trial.tally.fraud[cell], trial.tally.genuine[cell]) == (0, 1)
    await room.label(made.entry.payment_id, "withdrawn")
    assert (trial.tally.fraud[cell], trial.tally.genuine[cell]) == (0, 0)


async def test_a_candidate_at_fault_never_reaches_the_answer(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await begin(room, STRICTER, 0)
    runtime = room.installation.policies.runtime(Decider(name))
    assert runtime is not None

    def broken(*_: object) -> list[object]:
        raise RuntimeError("planted")

    monkeypatch.setattr(runtime, "vector", broken)
    made = await room.decide()
    assert made.entry.result.answer is Outcome.ALLOW
    assert made.entry.other is None
    trial = room.state().trial
    assert trial is not None
    assert trial.tally.faults == 1
