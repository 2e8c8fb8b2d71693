"""Nobody reaches another tenant's, environment's or merchant's decisions, by any door."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import Room, make_home, opened

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision.decision_ids import DecisionIds


@pytest.fixture(scope="module")
def home_of_crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("crossing"))


@pytest.fixture
async def room(home_of_crossing: Path) -> AsyncIterator[Room]:
    async with opened(home_of_crossing) as made:
        yield made


async def test_an_id_of_live_names_nothing_in_test(room: Room) -> None:
    live, test = await room.decide(), await room.decide(scope=room.test)
    ids = room.installation.ids
    other = Scope("elsewhere", Environment.LIVE)
    assert ids.seq_of(room.live, ids.text(room.live, live.seq)) == live.seq
    for scope in (room.test, other):
        assert ids.seq_of(scope, ids.text(room.live, live.seq)) is None
    assert ids.seq_of(room.live, ids.text(room.test, test.seq)) is None


async def test_ids_of_another_installation_name_nothing(room: Room) -> None:
    strange = DecisionIds(Secret(b"k" * 32))
    for seq in range(1, room.ledger.next_seq + 50):
        assert room.installation.ids.seq_of(room.live, strange.text(room.live, seq)) is None


async def test_events_cannot_name_a_payment_of_the_other_environment(room: Room) -> None:
    decided = await room.decide(scope=room.test)
    name = decided.entry.payment_id
    event = room.event("payment_result", payment_id=name, status="declined")
    assert (await room.send(event))[0].code == "payment_unknown"
    assert (await room.send(event, scope=room.test))[0].status == "recorded"


async def test_a_merchant_cannot_report_on_anothers_payment(room: Room) -> None:
    decided = await room.decide(merchant={"id": "m_1"})
    name = decided.entry.payment_id
    event = room.event("label", payment_id=name, verdict="fraud", source="customer")
    assert (await room.send(event, merchant="m_2"))[0].code == "payment_unknown"
    foreign = room.event("login", merchant={"id": "m_1"}, payer={"id": "x"})
    assert (await room.send(foreign, merchant="m_2"))[0].code == "other_merchant"
    assert (await room.send(event, merchant="m_1"))[0].status == "recorded"


async def test_lists_of_test_do_not_block_live(room: Room) -> None:
    from paywarden.risk.lists.model import EditAction, ListKind, NewEntry

    card = {"kind": "card", "reference": f"crossing-{room.ledger.next_seq}"}
    entry = NewEntry(card["reference"], "reported", None)
    await room.installation.lists.edit(
        room.test, "stolen_cards", ListKind.CARD, EditAction.ADD, (entry,), "tester"
    )
    assert room.rules(await room.decide(instrument=card)) == set()
    assert room.rules(await room.decide(instrument=card, scope=room.test)) == {"listed-card"}


@pytest.mark.parametrize(
    "magic",
    [
        {"instrument": {"kind": "card", "reference": "test_block"}},
        {"payer": {"id": "magic", "email": "block@magic.example"}},
        {"payer": {"id": "magic", "name": "Magic Block"}},
        {"amount_minor": 990_003},
    ],
)
async def test_magic_values_are_nothing_in_live(room: Room, magic: dict[str, object]) -> None:
    test = await room.decide(scope=room.test, **magic)
    assert test.entry.result.answer.word == "block" and test.entry.forced == "block"
    live = await room.decide(**magic)
    assert live.entry.forced is None and "TEST_VALUE" not in live.entry.result.reasons
