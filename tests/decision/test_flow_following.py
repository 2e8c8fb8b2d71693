"""Flows of money over the log: who an account is, what counts, delay, kill -9, own typologies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from decision_room import DAY, MINUTE, POLICY, Room, opened

from paywarden.aml.alerts.model import Alert
from paywarden.aml.alerts.ports import AlertFilter, KeptAlert
from paywarden.aml.monitoring.typology_reader import shipped_files
from paywarden.core.outcome import Outcome
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.flow_following import FlowFollowing, FlowReport
from paywarden.decision.payments import Decided
from paywarden.entrypoints import flow_watch
from paywarden.entrypoints.flow_child import typologies_of
from paywarden.entrypoints.flow_watch import FlowWatch, read_positions, write_positions
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Monitoring, Settings

RING = "cycle-with-fees"
QUIET = Settings(monitoring=Monitoring(follow=False))
_LOG_TYPOLOGIES = typologies_of(shipped_files())


@pytest.fixture(name="made")
async def _made(home: Path) -> Any:
    async with opened(home, settings=QUIET) as room:
        yield room


async def move(room: Room, payer: str, amount: int, hours: int = 5, **changes: Any) -> Decided:
    room.clock.advance(hours * 3_600)
    given = {
        "type": "transfer",
        "amount_minor": amount,
        "payer": {"id": payer},
        "instrument": {"kind": "wallet"},
        **changes,
    }
    return await room.decide(**given)


async def ring(room: Room) -> list[Decided]:
    """Four accounts: wallets by id, and one by the same IBAN in two spellings."""
    bank = {"kind": "account", "reference": "de02 1203 0000 0000 2020 51"}
    return [
        await move(room, "wal-a", 90_000, payee={"id": "wal-b"}),
        await move(room, "wal-b", 88_000, payee={"account": "DE02120300000000202051"}),
        await move(room, "somebody", 86_000, instrument=bank, payee={"id": "wal-c"}),
        await move(room, "wal-c", 84_000, payee={"id": "wal-a"}),
    ]


def following(room: Room, **changes: Any) -> FlowFollowing:
    return FlowFollowing(room.installation.journal, _LOG_TYPOLOGIES, {}, **changes)


def looked(follow: FlowFollowing, now_us: int) -> list[FlowReport]:
    return list(follow.look(now_us))


def alerts_in(reports: list[FlowReport], subject: str = RING) -> list[Alert]:
    return [one for report in reports for one in report.alerts if one.subject == subject]


async def test_an_account_is_one_whoever_names_it(made: Room) -> None:
    decided = await ring(made)
    found = alerts_in(looked(following(made), made.clock.now_us() + DAY))
    assert len(found) == 4 == len({one.entity.id for one in found})
    last = decided[-1].entry.observation
    assert {one.sequence for one in found} == {decided[-1].seq}
    assert f"{last.flow_from:016x}" in {one.entity.id for one in found}
    assert found[0].payments == (decided[-1].entry.payment_id,)
    assert {one.id for one in found[0].others} | {found[0].entity.id} == {
        one.entity.id for one in found
    }
    assert [one.says for one in found[0].reasons] == [
        "a ring of 4 accounts in 25 days",
        "the sum fell by at most 12% at each of 4 hops",
    ]


async def test_nothing_is_judged_before_late_ones_can_come(made: Room) -> None:
    await ring(made)
    now_us, follow = made.clock.now_us(), following(made)
    early = looked(follow, now_us + 14 * MINUTE)
    assert not alerts_in(early)
    assert (early[0].waiting, early[0].delay_us) == (1, 14 * MINUTE)
    assert len(alerts_in(looked(follow, now_us + 15 * MINUTE))) == 4


async def test_what_is_refused_moves_no_money(made: Room) -> None:
    await made.publish(made_policy_that_blocks())
    blocked = await move(made, "wal-a", 90_000, payee={"id": "wal-b"})
    assert blocked.entry.result.answer is Outcome.BLOCK
    await made.decide()
    report = looked(following(made), made.clock.now_us() + DAY)[0]
    assert report.memory["transfers"] == 0


def made_policy_that_blocks() -> dict[str, bytes]:
    rule = b"""\
- id: none
  title: No transfers
  scenario: amounts
  when: payment.type == "transfer"
  then: {outcome: block, reason: LARGE}
"""
    return {**POLICY, "rules/none.yaml": rule}


async def test_top_ups_and_withdrawals_have_an_outside(made: Room) -> None:
    card = {"kind": "card", "reference": "card-1"}
    up = await move(made, "wal-a", 10_000, type="top_up", instrument=card)
    down = await move(made, "wal-a", 9_000, type="withdrawal")
    seen, left = up.entry.observation, down.entry.observation
    assert (seen.flow_from, left.flow_to) == (0, 0)
    assert seen.flow_to == left.flow_from != 0
    shop = (await made.decide()).entry.observation
    assert (shop.flow_from, shop.flow_to) == (0, 0)


async def test_a_position_tells_nothing_twice_and_forgets_nothing(made: Room) -> None:
    await ring(made)
    now_us = made.clock.now_us() + DAY
    first = looked(following(made), now_us)
    again = FlowFollowing(
        made.installation.journal, _LOG_TYPOLOGIES, {made.live: first[0].position}
    )
    assert not alerts_in(looked(again, now_us))
    await move(made, "wal-d", 90_000, payee={"id": "wal-e"})
    assert looked(again, now_us + DAY)[0].memory["transfers"] == 5
    behind = FlowFollowing(made.installation.journal, _LOG_TYPOLOGIES, {})
    assert {one.id for one in alerts_in(looked(behind, now_us + DAY))} == {
        one.id for one in alerts_in(first)
    }


# --- the process --------------------------------------------------------------------------------


class _Desk:
    """The room's desk, which may fail or wait in between."""

    def __init__(self, room: Room) -> None:
        self.desk = room.installation.aml.alert_desk
        self.told = asyncio.Event()
        self.fail = False

    async def raised(self, scope: Any, alerts: Any) -> int:
        if self.fail:
            raise OSError("the disk is full")
        kept = await self.desk.raised(scope, alerts)
        self.told.set()
        return kept


def watch(room: Room, desk: _Desk) -> FlowWatch:
    own, home = room.installation, Home(room.installation.home.root)
    settings = Monitoring(look_seconds=0.05, start_seconds=0)
    ids: DecisionIds = own.ids
    return FlowWatch(home.database, home.flows, home.typologies, desk, ids, own.metrics, settings)


def kept(room: Room) -> list[KeptAlert]:
    found = room.installation.aml.alerts.page(room.live, AlertFilter(subject=RING), "", 1_000)
    return list(found)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Process ids of the children that were started."""
    started: list[int] = []
    create = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **options: Any) -> Any:
        process = await create(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(flow_watch.asyncio, "create_subprocess_exec", noted)
    yield started


async def test_the_child_raises_alerts_and_survives_kill_9(made: Room, children: list[int]) -> None:
    decided = await ring(made)
    desk = _Desk(made)
    following_task = asyncio.create_task(watch(made, desk).follow())
    await asyncio.wait_for(desk.told.wait(), 120)
    found = kept(made)
    assert len(found) == 4
    assert found[0].alert.decisions == (made.installation.ids.text(made.live, decided[-1].seq),)
    os.kill(children[0], signal.SIGKILL)
    assert await asyncio.wait_for(following_task, 30) is True
    file = made.installation.home.flows / "position.json"
    position = read_positions(file)
    file.unlink()  # as if killed between keeping the alerts and writing the position
    desk.told.clear()
    again = asyncio.create_task(watch(made, desk).follow())
    await asyncio.wait_for(desk.told.wait(), 120)
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    assert len(kept(made)) == 4
    assert read_positions(file) in ({}, position)


async def test_a_desk_that_fails_keeps_the_position(made: Room) -> None:
    await ring(made)
    desk = _Desk(made)
    desk.fail = True
    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(watch(made, desk).follow(), 120)
    assert read_positions(made.installation.home.flows / "position.json") == {}
    assert not kept(made)


def test_positions_are_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "flows" / "position.json"
    assert read_positions(file) == {}
    write_positions(file, {"a/live": (5, 7)})
    assert read_positions(file) == {"a/live": (5, 7)}
    file.write_text("{")
    assert read_positions(file) == {}
