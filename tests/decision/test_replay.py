"""Replay of the whole log: thousands of decisions, every kind of entry, not one difference."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from decision_room import DAY, MINUTE, POLICY, WIDER, Room, opened, runtime_of

from paywarden.core.outcome import Outcome
from paywarden.decision.replay_desk import describe
from paywarden.entrypoints.main import main
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry


def drawn(room: Room, chance: random.Random, number: int) -> Any:
    shift = chance.choice([0, 0, 0, 0, -MINUTE, -14 * MINUTE, -20 * MINUTE, 3_000_000, DAY])
    return room.payment(
        id=f"bulk-{number}",
        occurred_at=room.time(shift),
        amount_minor=chance.choice([100, 2_500, 99_999, 400_000, 500_000]),
        currency=chance.choice(["EUR", "USD", "JPY"]),
        merchant={"id": f"m-{chance.randrange(12)}", "mcc": "5732"},
        payer={
            "id": f"payer-{chance.randrange(60)}",
            "email": f"p{chance.randrange(60)}@a.example",
        },
        instrument={"kind": "card", "reference": f"card-{chance.randrange(80)}"},
        device={"id": f"dev-{chance.randrange(50)}", "ip": f"203.0.113.{chance.randrange(250)}"},
    )


BATCH = 128
"""Payments that are decided at once, so that they share commits."""


async def traffic(room: Room, count: int, seed: int) -> Counter[Outcome]:
    """Decide `count` payments with events, labels, lists and policies among them; what came out."""
    chance, answers = random.Random(seed), Counter[Outcome]()
    batches = -(-count // BATCH)
    for turn in range(batches):
        room.clock.advance(chance.choice([0.5, 2, 20, 400]))
        first, last = turn * BATCH, min((turn + 1) * BATCH, count)
        batch = [drawn(room, chance, number) for number in range(first, last)]
        made = await asyncio.gather(*(room.decide(one) for one in batch))
        await room.send(*events_of(room, chance, batch))
        for one in list(made):
            if one.entry.result.answer is Outcome.CHALLENGE and chance.random() < 0.3:
                how = chance.choice(["authenticated", "failed", "not_available"])
                made.append(await room.go_on(one, how))
        answers.update(one.entry.result.answer for one in made)
        if turn % 4 == 0:
            # An editor for each edit: one alone may not edit so much without approval.
            await edited(room, chance, f"tester-{turn}")
        if turn in (batches // 3, 2 * batches // 3):
            await room.publish(WIDER if turn < batches // 2 else POLICY)
    return answers


def events_of(room: Room, chance: random.Random, batch: list[Any]) -> list[Any]:
    """Results and labels of a quarter of the payments."""
    events = []
    for payment in chance.sample(batch, len(batch) // 4):
        if chance.random() < 0.7:
            status = chance.choice(["declined", "authorised"])
            events.append(room.event("payment_result", payment_id=payment.id, status=status))
        else:
            verdict = chance.choice(["fraud", "genuine", "withdrawn"])
            events.append(room.event("label", payment_id=payment.id, verdict=verdict,
                                     source="chargeback"))  # fmt: skip
    return events


async def edited(room: Room, chance: random.Random, editor: str) -> None:
    """One entry of the list of cards comes or goes."""
    entry = NewEntry(f"card-{chance.randrange(80)}", "reported", None)
    action = chance.choice([EditAction.ADD, EditAction.REMOVE])
    await room.installation.lists.edit(
        room.live, "stolen_cards", ListKind.CARD, action, (entry,), editor
    )


async def test_twenty_thousand_decisions_are_the_same_again(home: Path) -> None:
    async with opened(home) as room:
        answers = await traffic(room, 20_000, seed=20_000)
        found = room.replay()
        assert len(found) == answers.total() >= 20_000
        assert [(one.seq, one.differences) for one in found if not one.identical] == []
        assert Counter(one.result.answer for one in found) == answers
        assert set(answers) == set(Outcome)  # the traffic reaches every outcome


@pytest.mark.full
def test_a_million_decisions_are_the_same_again_by_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def decided() -> Counter[Outcome]:
        async with opened(home) as room:
            return await traffic(room, 1_000_000, seed=1_000_000)

    answers = asyncio.run(decided())
    capsys.readouterr()
    assert main(["--home", str(home), "replay", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["decisions"] == answers.total() >= 1_000_000
    assert (answer["differences"], answer["differing"], answer["erased"]) == (0, [], 0)
    assert set(answers) == set(Outcome)


async def test_a_changed_answer_is_found(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that finds nothing must be able to find something."""
    from paywarden.decision import payments

    original = payments.conduct

    def tampered(*given: Any) -> Any:
        import msgspec

        return msgspec.structs.replace(original(*given), points=99)

    await room.decide()
    with monkeypatch.context() as planted:
        planted.setattr(payments, "conduct", tampered)
        wrong = await room.decide()
    await room.decide()
    differing = [one for one in room.replay() if not one.identical]
    assert [one.seq for one in differing] == [wrong.seq]
    assert differing[0].differences == {"points": {"recorded": 99, "replayed": 0}}


async def test_a_changed_window_value_is_found(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = room.state().windows
    assert windows is not None
    observe = windows.observe
    monkeypatch.setattr(windows, "observe", lambda seen: [*observe(seen)[:-1], 77])
    wrong = await room.decide()
    found = room.replay()
    assert [one.seq for one in found if one.differences.get("features")] == [wrong.seq]


async def test_a_draft_says_what_would_have_been(room: Room) -> None:
    for _ in range(4):
        await room.decide(amount_minor=450_000)
    stricter = {**POLICY, "rules/all.yaml": POLICY["rules/all.yaml"].replace(b"500000", b"450000")}
    runtime = runtime_of(stricter)
    found = room.replay(with_ruleset=runtime)
    assert [describe(one.differences)["outcome"] for one in found] == [
        {"recorded": "allow", "replayed": "challenge"}
    ] * 4


async def test_one_decision_again_by_the_desk(room: Room) -> None:
    first = await room.decide()
    second = await room.decide(amount_minor=500_000)
    followed = await room.go_on(second, "authenticated")
    await room.label(first.entry.payment_id, "fraud")
    await room.publish(WIDER)
    for decided in (first, second, followed):
        answer = await room.installation.replays.replay(decided, None)
        assert answer.identical and answer.windows == "log" and answer.difference == {}
        assert answer.outcome == decided.entry.result.answer.word
        assert answer.ruleset == decided.entry.ruleset
    wider = runtime_of(WIDER).ruleset
    drafted = await room.installation.replays.replay(second, wider)
    assert drafted.ruleset == wider and "more-than-ever" in drafted.rules


async def test_one_decision_under_a_draft_names_rules_and_values(room: Room) -> None:
    from paywarden.decision.replay_one import Remaking, drafted

    await room.decide(amount_minor=450_000)
    second = await room.decide(amount_minor=450_000, payer={"id": "p", "email": "ann@a.example"})
    stricter = {**WIDER, "rules/all.yaml": POLICY["rules/all.yaml"].replace(b"500000", b"450000")}
    draft, recorded = runtime_of(stricter), runtime_of(POLICY)
    own = room.installation
    remaking = Remaking(own.journal, own.records, own.history, own.sealer, own.fresh_lists)
    start = room.state().history_start_us
    made = remaking.remake(second.scope, second.seq, second.entry, draft, start)
    found = drafted(second.entry, recorded, made)
    assert found["outcome"] == {"recorded": "allow", "draft": "challenge"} and found["changed"]
    assert found["points"]["recorded"] == 0 and found["points"]["draft"] >= 45
    assert "large" in found["rules_gained"] and found["rules_lost"] == []
    assert found["values"]["large"] == {"payment.amount_minor": 450_000}
    assert found["values"]["more-than-ever"] == {"agg.card_max_90d": 450_000}
    assert found["windows_moved"] == {}
    assert found["windows_new"]["pair_ever"] == 2
    same = remaking.remake(second.scope, second.seq, second.entry, recorded, start)
    assert same.differences == {}
