"""Magic values: each outcome by each door, the strictest when several meet."""

from __future__ import annotations

import pytest
from decision_room import Room

from paywarden.core.outcome import Outcome
from paywarden.decision import magic
from paywarden.decision.magic import forced_outcome


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_door_forces_every_outcome(outcome: Outcome) -> None:
    word = outcome.word
    doors = [
        {"card.fingerprint": f"test_{word}"},
        {"email.canonical": f"{word}@magic.example"},
        {"payer.name": f"Magic {word.capitalize()}"},
        {"payment.amount_minor": 990_000 + outcome.value},
    ]
    assert [forced_outcome(fields) for fields in doors] == [outcome] * 4


def test_the_strictest_wins_and_others_force_nothing() -> None:
    both = {"card.fingerprint": "test_allow", "payment.amount_minor": 990_003}
    assert forced_outcome(both) is Outcome.BLOCK
    assert forced_outcome({}) is None
    assert forced_outcome({"card.fingerprint": "TEST_BLOCK", "payer.name": "magic block"}) is None
    assert magic.REASON == "TEST_VALUE"


async def test_a_forced_challenge_goes_on_by_its_result_and_replays(room: Room) -> None:
    card = {"kind": "card", "reference": "test_challenge"}
    first = await room.decide(scope=room.test, instrument=card)
    assert first.entry.result.answer is Outcome.CHALLENGE
    assert first.entry.result.reasons[0] == "TEST_VALUE"
    assert (await room.go_on(first, "authenticated")).entry.result.answer is Outcome.ALLOW
    second = await room.decide(scope=room.test, instrument=card)
    assert (await room.go_on(second, "failed")).entry.result.answer >= Outcome.REVIEW
    assert all(one.identical for one in room.replay())
