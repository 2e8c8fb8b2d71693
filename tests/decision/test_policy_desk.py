"""Publishing: new windows have their history at once, also while payments are being decided."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from decision_room import (
    DAY,
    MINUTE,
    POLICY,
    T0,
    WIDER,
    Room,
    opened,
    packed,
    publish,
    runtime_of,
    snapshot,
)

from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.decision import policy_desk
from paywarden.decision.decider import Decider
from paywarden.decision.payments import Decided
from paywarden.decision.ports import CompiledRuleset
from paywarden.entrypoints.home import Home
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry
from paywarden.risk.rules.file_pack import PolicyFiles


class Brute:
    """Every payment in a list, asked again for each value."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.seen: list[tuple[int, int, str, str, str, int]] = []

    def add(self, decided: Decided) -> None:
        seen, given = decided.entry.observation, self._room.fields(decided)
        self.seen.append(
            (decided.seq, seen.s_us, given["payer.id"], given["card.fingerprint"],
             given["merchant.id"], given["payment.amount_minor"])
        )  # fmt: skip

    def values(self, decided: Decided) -> dict[str, Any]:
        t = decided.entry.observation.t_us
        given = self._room.fields(decided)
        payer, card = given["payer.id"], given["card.fingerprint"]
        merchant = given["merchant.id"]
        known = [one for one in self.seen if one[0] <= decided.seq]
        on_card = [one for one in known if one[3] == card]
        return {
            "payer_30d": sum(one[2] == payer and one[1] > t - 30 * DAY for one in known),
            "card_max_90d": max(one[5] for one in on_card if one[1] > t - 90 * DAY),
            "pair_ever": sum(one[4] == merchant for one in on_card),
            "card_1h": sum(one[1] > t - 60 * MINUTE for one in on_card),
            "card_sum_1d": sum(one[5] for one in on_card if one[1] > t - DAY),
        }


def drawn(room: Room, chance: random.Random) -> Any:
    return room.payment(
        occurred_at=room.time(chance.choice([0, 0, -MINUTE, -20 * MINUTE])),
        amount_minor=chance.randrange(1, 500_000),
        merchant={"id": f"m-{chance.randrange(4)}"},
        payer={"id": f"payer-{chance.randrange(5)}"},
        instrument={"kind": "card", "reference": f"card-{chance.randrange(6)}"},
    )


async def test_new_windows_know_the_past_while_payments_go_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, brute = random.Random(4), Brute(room)
    for _ in range(150):
        room.clock.advance(chance.choice([1, 600, 40_000]))
        brute.add(await room.decide(drawn(room, chance)))
    monkeypatch.setattr(policy_desk, "CATCH_UP_STEP", 3)
    fill, going = policy_desk.fill, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*given: Any) -> int:
        loop.call_soon_threadsafe(going.set)
        import time

        time.sleep(0.15)
        return fill(*given)

    monkeypatch.setattr(policy_desk, "fill", slow)
    publishing = asyncio.create_task(room.publish(WIDER))
    await going.wait()
    during = []
    while not publishing.done():
        room.clock.advance(0.001)
        during.append(await room.decide(drawn(room, chance)))
        brute.add(during[-1])
    switch = await publishing
    assert len(during) > 10
    wider = runtime_of(WIDER).ruleset
    for decided in during:
        assert (decided.entry.ruleset == wider) == (decided.seq > switch)
    for _ in range(40):
        decided = await room.decide(drawn(room, chance))
        brute.add(decided)
        values = room.features(decided)
        expected = brute.values(decided)
        assert {name: values[name] for name in expected} == expected
    assert all(one.identical for one in room.replay())


async def test_events_that_arrive_while_windows_fill_are_not_missed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.decide(id="p")
    fill, going = policy_desk.fill, asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        policy_desk,
        "fill",
        lambda *given: (loop.call_soon_threadsafe(going.set), fill(*given))[1],
    )
    publishing = asyncio.create_task(room.publish(WIDER))
    await going.wait()
    await room.label("p", "fraud")
    await publishing
    assert room.features(await room.decide())["card_fraud_7d"] == 1


async def test_the_switch_stands_in_the_log_and_after_a_restart(home: Path) -> None:
    async with opened(home) as room:
        await room.decide()
        seq = await room.publish(WIDER)
        assert room.ledger.next_seq == seq + 1
        before = snapshot(room)
    async with opened(home) as room:
        assert snapshot(room) == before
        decided = await room.decide()
        assert decided.entry.ruleset == runtime_of(WIDER).ruleset
        assert room.features(decided)["payer_30d"] == 2


async def test_a_policy_of_one_environment_is_not_the_others(room: Room) -> None:
    await room.publish(WIDER)
    test = await room.decide(scope=room.test)
    live = await room.decide()
    assert test.entry.ruleset == runtime_of(POLICY).ruleset
    assert live.entry.ruleset == runtime_of(WIDER).ruleset
    with pytest.raises(NotFound):
        await publish(room.installation, room.test, runtime_of(WIDER).ruleset)


async def test_rules_on_short_history_wait_unless_they_say_otherwise(home: Path) -> None:
    text = Home(home).settings_file.read_text()
    assert "[history]" in text
    async with opened(home) as room:
        state = room.state()
        state.history_start_us = T0 - 10 * DAY  # as a home made with history.complete_from
        await room.publish(WIDER)
        for _ in range(3):
            decided = await room.decide()
        assert room.features(decided)["payer_30d"] == 3
        assert {"faithful-payer-anyway", "sure-already"} <= room.rules(decided)
        assert "faithful-payer" not in room.rules(decided)
        room.clock.advance(20 * DAY / 1e6 + 1)
        decided = await room.decide()
        assert room.features(decided)["payer_30d"] == 4
        assert {"faithful-payer", "faithful-payer-anyway"} <= room.rules(decided)


async def test_a_home_that_says_since_when_it_knows_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from paywarden.entrypoints.init import initialise

    monkeypatch.setenv("PAYWARDEN_HISTORY__COMPLETE_FROM", format_rfc3339(T0 - 10 * DAY))
    policy = tmp_path / "policy"
    for path, content in WIDER.items():
        (policy / path).parent.mkdir(parents=True, exist_ok=True)
        (policy / path).write_bytes(content)
    await initialise(Home(tmp_path / "home"), policy)
    monkeypatch.undo()
    for later, fires in ((0.0, False), (19.99 * DAY, False), (20.01 * DAY, True)):
        async with opened(tmp_path / "home", now_us=T0 + int(later)) as room:
            for _ in range(3):
                decided = await room.decide(payer={"id": f"payer-{later}"})
            assert ("faithful-payer" in room.rules(decided)) is fires
            assert "faithful-payer-anyway" in room.rules(decided)
            assert all(one.identical for one in room.replay())


async def test_lists_come_with_the_policy_and_additions_stay(room: Room) -> None:
    listed = {"kind": "card", "reference": "card-on-file-list"}
    assert room.rules(await room.decide(instrument=listed)) == {"listed-card"}
    entry = NewEntry("card-added", "reported", None)
    await room.installation.lists.edit(
        room.live, "stolen_cards", ListKind.CARD, EditAction.ADD, (entry,), "tester"
    )
    await room.publish(WIDER)
    await room.publish(POLICY)
    for name in ("card-on-file-list", "card-added"):
        decided = await room.decide(instrument={"kind": "card", "reference": name})
        assert "listed-card" in room.rules(decided), name
    assert len(room.installation.lists.find(room.live, "stolen_cards")) == 2
    assert len(room.installation.lists.find(room.test, "stolen_cards")) == 1


async def test_a_changed_list_file_is_a_change_of_the_policy(room: Room) -> None:
    content = POLICY["lists/stolen_cards.csv"] + b"card-3,new,\n"
    await room.publish({**POLICY, "lists/stolen_cards.csv": content})
    decided = await room.decide(instrument={"kind": "card", "reference": "card-3"})
    assert "listed-card" in room.rules(decided)


async def test_publishing_again_logs_no_entry_twice(room: Room) -> None:
    version = room.installation.lists.find(room.live, "stolen_cards").version
    await room.publish(POLICY)
    assert room.installation.lists.find(room.live, "stolen_cards").version == version


async def test_a_list_of_another_kind_is_refused(room: Room) -> None:
    other = {**POLICY, "policy.yaml": POLICY["policy.yaml"].replace(b"stolen_cards: card",
             b"stolen_cards: string")}  # fmt: skip
    head = room.ledger.next_seq
    with pytest.raises(InvalidRequest, match="list_kind_differs"):
        await room.publish(other)
    assert room.ledger.next_seq == head
    assert (await room.decide()).entry.ruleset == runtime_of(POLICY).ruleset


async def test_a_declared_file_is_looked_at_again_only_when_it_may_lack_something(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    compiler, desk = room.installation.compiler, room.installation.lists
    lists = compiler.lists

    async def seen(kinds: Any, packed: bytes) -> Any:
        asked.append(sorted(kinds))
        return await lists(kinds, packed)

    monkeypatch.setattr(compiler, "lists", seen)
    path, now = "lists/stolen_cards.csv", room.clock.now_us()
    more = POLICY[path] + b"card-new,new,\n"
    files = {**POLICY, path: more}
    await room.publish(files)
    await room.publish({**files, "rules/more.yaml": WIDER["rules/wider.yaml"], **_windows()})
    await room.publish(files)
    assert asked == [["stolen_cards"]], "what it added itself settles the list"

    removed = (NewEntry("card-new", "wrong"),)
    kind = ListKind.CARD
    await desk.edit(room.live, "stolen_cards", kind, EditAction.REMOVE, removed, "tester")
    assert desk.find(room.live, "stolen_cards").find("card-new", now) is None
    await room.publish(files)
    assert len(asked) == 2
    assert desk.find(room.live, "stolen_cards").find("card-new", now) is not None

    ends = (NewEntry("card-new", "shorter", now + 60 * MINUTE),)
    await desk.edit(room.live, "stolen_cards", kind, EditAction.ADD, ends, "tester")
    await room.publish(files)
    await room.publish(files)
    assert len(asked) == 3
    room.clock.advance(2 * 3600)
    later = room.clock.now_us()
    assert desk.find(room.live, "stolen_cards").find("card-new", later) is None
    await room.publish(files)
    assert len(asked) == 4
    assert desk.find(room.live, "stolen_cards").find("card-new", later) is not None

    await room.publish({**files, path: more + b"card-newer,new,\n"})
    assert len(asked) == 5
    assert desk.find(room.live, "stolen_cards").find("card-newer", later) is not None


def _windows() -> dict[str, bytes]:
    return {"aggregates.yaml": WIDER["aggregates.yaml"]}


async def test_a_publication_that_loses_its_commit_changes_nothing(room: Room) -> None:
    await room.decide()
    writer = room.installation.writer
    commit = writer.commit

    async def lost(_unit: object) -> None:
        raise OSError(28, "no space")

    row, _fresh = await room.installation.policies.create(room.live, packed(WIDER), "tester")
    writer.commit = lost  # type: ignore[method-assign]
    with pytest.raises(Exception, match="recovering"):
        await publish(room.installation, room.live, row.hash)
    writer.commit = commit  # type: ignore[method-assign]
    while room.ledger.failed:
        await asyncio.sleep(0.01)
    decided = await room.decide()
    assert decided.entry.ruleset == runtime_of(POLICY).ruleset
    assert room.features(decided)["card_1h"] == 2


async def test_stored_rulesets_are_named_by_content(room: Room) -> None:
    create = room.installation.policies.create
    first, fresh = await create(room.live, packed(WIDER), "tester")
    same, again = await create(room.live, packed(dict(reversed(list(WIDER.items())))), "other")
    assert fresh and not again and same.hash == first.hash and same.created_by == "tester"
    stored = room.installation.records.ruleset(room.live, first.hash)
    assert stored is not None and dict(stored.files()) == dict(WIDER)
    assert room.installation.records.ruleset(room.test, first.hash) is None


async def test_a_program_that_reads_files_otherwise_publishes_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _fresh = await room.installation.policies.create(room.live, packed(WIDER), "tester")
    room.installation.policies._runtimes.pop(Decider(row.hash))

    async def otherwise(files: PolicyFiles) -> CompiledRuleset:
        return CompiledRuleset(runtime_of(POLICY), files.octets)

    monkeypatch.setattr(room.installation.compiler, "compile", otherwise)
    with pytest.raises(Conflict, match="ruleset_compiles_differently"):
        await publish(room.installation, room.live, row.hash)
