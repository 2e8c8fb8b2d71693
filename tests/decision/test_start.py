"""State = f(log): after any acts a fresh start over the same home decides alike; replay too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from decision_room import DAY, MINUTE, POLICY, SECOND, WIDER, Room, copy_home, opened, snapshot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from paywarden.core.errors import Conflict
from paywarden.core.outcome import Outcome
from paywarden.decision.payments import Decided
from paywarden.risk.lists.model import EditAction, ListKind, NewEntry

ACTS = ("pay", "pay", "pay", "pay", "repeat", "result", "label", "login", "continue", "list",
        "wait", "late", "early", "back", "policy")  # fmt: skip


class Life:
    """Random acts over a room, from a seed; remembers what it did."""

    def __init__(self, room: Room, seed: int) -> None:
        self.room = room
        self.chance = random.Random(seed)
        self.decided: list[Decided] = []
        self.payments: list[Any] = []
        self.policy = 0

    async def act(self, name: str) -> None:
        await getattr(self, "_" + name)()

    def _drawn(self, shift_us: int = 0, **changes: Any) -> Any:
        chance = self.chance
        card = f"card-{chance.randrange(4)}"
        return self.room.payment(
            occurred_at=self.room.time(shift_us),
            amount_minor=chance.choice([1_000, 2_500, 400_000, 500_000]),
            merchant={"id": f"m-{chance.randrange(5)}", "mcc": "5732"},
            payer={"id": f"payer-{chance.randrange(3)}", "name": "Ann Example"},
            instrument={"kind": "card", "reference": card},
            type=chance.choice(["card_payment", "card_payment", "transfer"]),
            **changes,
        )

    async def _pay(self, shift_us: int = 0) -> None:
        payment = self._drawn(shift_us)
        self.payments.append(payment)
        self.decided.append(await self.room.decide(payment))

    async def _late(self) -> None:
        await self._pay(-self.chance.choice([SECOND, 10 * MINUTE, 16 * MINUTE, 2 * DAY]))

    async def _early(self) -> None:
        await self._pay(self.chance.choice([SECOND, 4 * SECOND, DAY]))

    async def _back(self) -> None:
        self.room.clock.advance(-self.chance.choice([0.5, 60, 3_600]))
        await self._pay()

    async def _wait(self) -> None:
        self.room.clock.advance(self.chance.choice([0.001, 30, 700, 4_000, 90_000, 700_000]))

    async def _repeat(self) -> None:
        if self.payments:
            index = self.chance.randrange(len(self.payments))
            again = await self.room.decide(self.payments[index])
            assert again.repeated and again.entry == self.decided[index].entry
            with pytest.raises(Conflict):
                await self.room.decide(
                    msgspec.structs.replace(self.payments[index], amount_minor=7)
                )

    def _some(self) -> str:
        return str(self.chance.choice(self.payments).id)

    async def _result(self) -> None:
        if self.payments:
            status = self.chance.choice(["declined", "authorised", "refunded"])
            event = self.room.event("payment_result", payment_id=self._some(), status=status)
            found = await self.room.send(event, event)
            assert [one.status for one in found] == ["recorded", "repeated"]

    async def _label(self) -> None:
        if self.payments:
            verdict = self.chance.choice(["fraud", "fraud", "genuine", "withdrawn"])
            await self.room.label(self._some(), verdict)

    async def _login(self) -> None:
        payer = f"payer-{self.chance.randrange(3)}"
        await self.room.send(self.room.event("login", payer={"id": payer}))

    async def _continue(self) -> None:
        open_ones = [one for one in self.decided if one.entry.result.answer is Outcome.CHALLENGE]
        if open_ones:
            first = self.chance.choice(open_ones)
            index = self.decided.index(first)
            followed = await self.room.go_on(first, "authenticated")
            assert followed.entry.continues == self.decided[index].seq

    async def _list(self) -> None:
        action = self.chance.choice([EditAction.ADD, EditAction.ADD, EditAction.REMOVE])
        until = self.room.clock.now_us() + self.chance.choice([MINUTE, DAY])
        expires = until if action is EditAction.ADD and self.chance.random() < 0.5 else None
        entry = NewEntry(f"card-{self.chance.randrange(4)}", "reported", expires)
        await self.room.installation.lists.edit(
            self.room.live, "stolen_cards", ListKind.CARD, action, (entry,), "tester"
        )

    async def _policy(self) -> None:
        self.policy = 1 - self.policy
        await self.room.publish((POLICY, WIDER)[self.policy])


async def lived(home: Path, acts: list[str], seed: int) -> None:
    """Do the acts, then compare the living state with one from the log, and replay everything."""
    async with opened(home) as room:
        life = Life(room, seed)
        for name in acts:
            await life.act(name)
        before, now = snapshot(room), room.clock.now_us()
        replayed = room.replay()
        assert [one.seq for one in replayed if not one.identical] == []
        assert len(replayed) >= len(life.decided)
    async with opened(home, now_us=now, seed=2) as room:
        assert snapshot(room) == before
        life.room = room
        await life.act("repeat")
        await life.act("pay")
        assert all(one.identical for one in room.replay())


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(acts=st.lists(st.sampled_from(ACTS), min_size=5, max_size=40), seed=st.integers(0, 2**32))
def test_a_fresh_start_knows_what_the_living_room_knew(
    home_template: Path, tmp_path_factory: pytest.TempPathFactory, acts: list[str], seed: int
) -> None:
    home = copy_home(home_template, tmp_path_factory.mktemp("life") / "home")
    asyncio.run(lived(home, acts, seed))


@pytest.mark.full
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(st.sampled_from(ACTS), min_size=20, max_size=120), seed=st.integers(0, 2**32))
def test_a_fresh_start_knows_what_the_living_room_knew_at_length(
    home_template: Path, tmp_path_factory: pytest.TempPathFactory, acts: list[str], seed: int
) -> None:
    home = copy_home(home_template, tmp_path_factory.mktemp("long") / "home")
    asyncio.run(lived(home, acts, seed))


async def test_every_act_once_more_after_each_restart(home: Path) -> None:
    """Many short lives over one home: what one leaves the next finds."""
    now, before = None, None
    for number in range(4):
        given_now: Mapping[str, Any] = {} if now is None else {"now_us": now}
        async with opened(home, seed=number, **given_now) as room:
            assert before is None or snapshot(room) == before
            life = Life(room, number)
            for name in random.Random(number).sample(ACTS, len(ACTS)):
                await life.act(name)
            before, now = snapshot(room), room.clock.now_us()
            assert all(one.identical for one in room.replay())


async def test_an_empty_log_starts(home: Path) -> None:
    async with opened(home) as room:
        assert room.state().ticker.t_us == 0 and not room.observations()
        assert room.state().ruleset == room.state(room.test).ruleset is not None


async def test_recovery_equals_a_fresh_start(home: Path) -> None:
    async with opened(home) as room:
        life = Life(room, 5)
        for name in ACTS * 3:
            await life.act(name)
        before = snapshot(room)
        room.ledger.fail()
        while room.ledger.failed:
            await asyncio.sleep(0.01)
        assert snapshot(room) == before
